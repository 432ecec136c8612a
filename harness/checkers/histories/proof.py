"""What a guarantee comes to over a history: how much was put to the test, and what refutes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.checkers.histories.acts import ABSENT, Act
from harness.model.verdict import Verdict

VIOLATIONS_LIMIT = 200
"""Contradictions that are kept; beyond that they are counted only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One contradiction: in words, and as a timeline."""

    reason: str
    timeline: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The verdict on one guarantee."""

    verdict: Verdict
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(slots=True)
class Trial:
    """A guarantee on its way through a history."""

    tested: int = 0
    """Reads (or updates) of which it could be told."""
    broken: int = 0
    violations: list[Violation] = field(default_factory=list)

    def refute(self, reason: str, acts: Iterable[Act], *fields: str) -> None:
        """It does not hold; the acts are the evidence, the fields those it is about."""
        self.broken += 1
        if len(self.violations) < VIOLATIONS_LIMIT:
            self.violations.append(Violation(reason=reason, timeline=timeline(acts, fields)))

    def proof(self, *, nothing: str, held: str, broken: str) -> Proof:
        """`nothing` says what was missing, `held` and `broken` what the figures are of."""
        if self.violations:
            first, *others = self.violations
            reason = f"{self.broken} of {self.tested} {broken}: {first.reason}"
            evidence = (*first.timeline, *(f"also: {each.reason}" for each in others))
            return Proof(verdict=Verdict.FAIL, reason=reason, evidence=evidence)
        if not self.tested:
            return Proof(verdict=Verdict.UNKNOWN, reason=nothing)
        return Proof(verdict=Verdict.PASS, reason=f"{held}, n = {self.tested}")


def timeline(acts: Iterable[Act], fields: Iterable[str]) -> tuple[str, ...]:
    """A line for each invocation and for each end, in the order of time."""
    wanted = tuple(fields)
    lines: list[tuple[float, int, str]] = []
    for act in dict.fromkeys(acts):
        wrote = "".join(f", {name} := {value}" for name, value in act.writes.items() if name in wanted)
        lines.append((act.start, 0, f"{act.start:.3f} s: {act.session} invokes {act.name} of {act.thing}{wrote}"))
        if act.acknowledged:
            lines.append((act.end, 1, f"{act.end:.3f} s: {act.session} {act.name} {act.outcome}{_saw(act, wanted)}"))
        else:
            lines.append((act.start, 1, f"… and {act.session} never heard how that {act.name} ended"))
    return tuple(line for _, _, line in sorted(lines, key=lambda each: each[:2]))


def _saw(act: Act, fields: tuple[str, ...]) -> str:
    if act.saw is None:
        return ""
    return ", saw " + ", ".join(f"{name} {_shown(act.seen(name))}" for name in fields)


def _shown(value: str | None) -> str:
    if value is None:
        return "not looked at"
    return "absent" if value == ABSENT else f"= {value}"


def shown(value: str) -> str:
    """A value in a sentence."""
    return "nothing" if value == ABSENT else value


def told(act: Act) -> str:
    """An act in a sentence: `put-cart of customer-0017, acknowledged at 12.400 s`."""
    end = f"acknowledged at {act.end:.3f} s" if act.acknowledged else f"begun at {act.start:.3f} s"
    return f"{act.name} of {act.session}, {end}"
