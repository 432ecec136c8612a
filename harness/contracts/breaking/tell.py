"""What breaks, in words for a terminal and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.contracts.breaking.change import Change, Level
from harness.contracts.breaking.crossing import Crossed, Hit
from harness.errors import Problem

Owner = Callable[[str], str]
"""Who owns a service; empty when nobody says."""

MAX_ROWS = 200
"""Of a table in Markdown; a pull request's page ends somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that is to be said."""

    provider: str
    old: str
    new: str
    changes: tuple[Change, ...]
    crossed: Crossed
    problems: tuple[Problem, ...]

    @property
    def exit_code(self) -> int:
        """2 where something given is broken, 1 when a living consumer breaks, else 0."""
        if self.problems:
            return 2
        return 1 if self.crossed.breaks else 0

    def headline(self, owner: Owner) -> str:
        """The answer in a line."""
        broken = tuple(dict.fromkeys(each.consumer for each in self.crossed.breaks))
        if broken:
            named = ", ".join(f"{name} ({_owned(name, owner)})" for name in broken)
            return f"{self.provider} breaks {named}"
        if not self.changes:
            return f"nothing changed in {self.provider}"
        alive = len(self.crossed.alive)
        risky = tuple(dict.fromkeys(each.consumer for each in self.crossed.risks))
        if risky:
            named = ", ".join(f"{name} ({_owned(name, owner)})" for name in risky)
            return f"{self.provider} surely breaks nobody, but may break {named}"
        return f"{self.provider} breaks nobody: {_count(alive, 'consumer')} with a pact, {_sum(self.changes)}"


def text(told: Told, owner: Owner) -> Iterator[str]:
    """Line by line, the worst first."""
    yield told.headline(owner)
    for title, hits in (("breaks:", told.crossed.breaks), ("may break:", told.crossed.risks)):
        if hits:
            yield title
        for each in hits:
            yield f"  {each.consumer}, owned by {_owned(each.consumer, owner)}: {each.interaction} [{each.operation}]"
            yield f"    {each.place}"
            yield f"    {_what(each)}"
            yield f"    {each.why}"
    if told.crossed.unnoticed:
        yield "nobody alive notices:"
    for change in told.crossed.unnoticed:
        yield f"  {change.level}: {_shown(change)}"
    for undecided in told.crossed.undecided:
        why = undecided.unjudged or str(undecided.errors[0])
        yield f"not judged, since it did not fit the old one: {undecided.place}: {undecided.label}: {why}"
    for problem in told.problems:
        yield f"error: {problem}"


def markdown(told: Told, owner: Owner) -> str:
    """For a pull request."""
    return "\n".join(_markdown(told, owner)) + "\n"


def _markdown(told: Told, owner: Owner) -> Iterator[str]:
    mark = {0: "✅", 1: "❌", 2: "⚠️"}[told.exit_code]
    yield f"## {mark} {_plain(told.headline(owner))}"
    for title, hits in (("Breaks", told.crossed.breaks), ("May break", told.crossed.risks)):
        if hits:
            yield from ("", f"### {title}", "", "| consumer | owner | interaction | change | why |", "|" + " --- |" * 5)
            yield from _limited([_row(each, owner) for each in hits])
    if told.crossed.unnoticed:
        yield from ("", "### Nobody alive notices", "")
        yield from _limited([f"- {change.level}: {_plain(_shown(change))}" for change in told.crossed.unnoticed])
    if told.crossed.undecided or told.problems:
        yield from ("", "### Not judged", "")
        yield from (
            f"- {_plain(each.label)}: {_plain(each.unjudged or str(each.errors[0]))}" for each in told.crossed.undecided
        )
        yield from (f"- {_plain(str(each))}" for each in told.problems)
    yield ""
    yield f"{_plain(_sum(told.changes))} between `{told.old}` and `{told.new}`."


def _row(hit: Hit, owner: Owner) -> str:
    cells = (hit.consumer, _owned(hit.consumer, owner), f"{hit.interaction} [{hit.operation}]", _what(hit), hit.why)
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _limited(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:MAX_ROWS]
    if len(lines) > MAX_ROWS:
        yield f"\n… and {len(lines) - MAX_ROWS} more."


def _what(hit: Hit) -> str:
    return _shown(hit.change) if hit.change else "no rule names it; the pact does not fit the new one"


def _shown(change: Change) -> str:
    where = f"{change.operation}: " if change.operation else ""
    return f"{where}{change.text} ({change.rule})"


def _sum(changes: Sequence[Change]) -> str:
    counts = ((level, sum(each.level is level for each in changes)) for level in Level)
    listed = ", ".join(f"{number} {level}" for level, number in counts if number)
    return f"{_count(len(changes), 'change')}" + (f" ({listed})" if listed else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _owned(name: str, owner: Owner) -> str:
    return owner(name) or "nobody known"


def _plain(words: str) -> str:
    line = " ".join(words.split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
