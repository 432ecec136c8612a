"""The summary at the end of `harness run`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.model.events import Event
from harness.model.verdict import Verdict
from harness.report import capacity_table, load_table, matrix_table
from harness.report.story import ExperimentStory, RunStory, Told, edge_key
from harness.report.summary import advice, also_undecided, faults_told, parts_of, recovery_words, why
from harness.report.tell import tell
from harness.report.words import EXCUSED, MARKS, NOTHING, count, edge_label, first_line, printable, seconds, share

WIDTH = 100
MAX_FINDINGS = 20
"""More are in the report; a screen holds no more."""

_NAME_WIDTH = 32
_LABEL_WIDTH = 9
_FAULT_LINES = 4
"""An experiment with more faults than fit tells the rest in the report."""
_SHELL_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+|\S+""")
_COLOURS = {Verdict.PASS: "32", Verdict.UNKNOWN: "1;35", Verdict.FAIL: "1;31"}


def render(events: Sequence[Event], *, colour: bool, report: Path | None = None, width: int = WIDTH) -> str:
    """The summary, at most `width` columns wide; `colour` when it goes to a terminal.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    story = tell(events)
    blocks = [_phases(story, width), _parts(story, colour=colour), _experiments(story, width, colour=colour)]
    blocks.insert(0, _matrix(story, width, colour=colour))
    if story.capacity:
        blocks.insert(0, capacity_table.lines(story.capacity, width))
    else:
        blocks.insert(0, load_table.lines(story.load) if story.load else iter(()))
    blocks.extend(
        [_findings(story, width, colour=colour), _excused(story, width), _verdict(story, width, report, colour=colour)]
    )
    return "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines) + "\n"


def _painted(words: str, verdict: Verdict | None, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[verdict]}m{words}\x1b[0m" if colour and verdict else words


def _badge(verdict: Verdict | None, *, colour: bool) -> str:
    words = f"{MARKS[verdict]} {verdict}" if verdict else "  not run"
    return _painted(f"{words:<9}", verdict, colour=colour)


def _fit(text: str, limit: int) -> str:
    return first_line(printable(text).replace("\t", " "), limit)


def _phases(story: RunStory, width: int) -> Iterator[str]:
    if not story.phases:
        return
    yield "Phases"
    for phase in story.phases:
        line = f"  {_fit(phase.name, 20):<20} {seconds(phase.took_s):>12}  {_fit(phase.detail, width - 37)}"
        yield line.rstrip()
    yield f"  {'in all':<20} {seconds(story.last_t):>12}"


def _matrix(story: RunStory, width: int, *, colour: bool) -> Iterator[str]:
    if story.matrix is not None:
        yield from matrix_table.lines(
            story.matrix, paint=lambda words, verdict: _painted(words, verdict, colour=colour), width=width
        )


def _parts(story: RunStory, *, colour: bool) -> Iterator[str]:
    yield "Parts"
    for part in parts_of(story):
        told = f"{part.passed:>4} passed {part.unknown:>4} unknown {part.failed:>4} failed" if part.total else ""
        yield f"  {part.name:<20} {_badge(part.verdict, colour=colour)} {told}".rstrip()


def _experiments(story: RunStory, width: int, *, colour: bool) -> Iterator[str]:
    if not story.experiments:
        return
    names = [_fit(_name(each), _NAME_WIDTH) for each in story.experiments]
    recoveries = [recovery_words(each) for each in story.experiments]
    name_width = max(map(len, ["Experiments", *names]))
    recovery_width = max(map(len, ["recovery", *recoveries]))
    beside = 2 + name_width + 1 + 9 + 1 + recovery_width + 1 + 8 + 1
    yield f"{'Experiments':<{name_width + 2}} {'':9} {'recovery':>{recovery_width}} degraded fault"
    for each, name, recovery in zip(story.experiments, names, recoveries, strict=True):
        due, degraded = each.during()
        first, *more = _wrapped_words(faults_told(each) or "nothing injected", width - beside)
        badge = _badge(each.verdict, colour=colour)
        yield f"  {name:<{name_width}} {badge} {recovery:>{recovery_width}} {share(degraded, due):>8} {first}"
        for line in more:
            yield " " * beside + line


def _name(experiment: ExperimentStory) -> str:
    role = experiment.started.role
    return experiment.name + (f" ({role})" if experiment.is_probe and _told_apart(experiment.name, role) else "")


def _told_apart(name: str, role: str) -> bool:
    return name.replace("-", " ") != role


def _wrapped_words(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(
        printable(text), width=width, break_on_hyphens=False, max_lines=_FAULT_LINES, placeholder=" …"
    )
    return lines or [""]


def _findings(story: RunStory, width: int, *, colour: bool) -> Iterator[str]:
    trouble = story.trouble
    if not trouble:
        return
    yield "What did not pass, worst first"
    for told in trouble[:MAX_FINDINGS]:
        yield from _finding(story, told, width, colour=colour)
    if len(trouble) > MAX_FINDINGS:
        yield f"  and {count(len(trouble) - MAX_FINDINGS, 'more finding')} in the report"


def _excused(story: RunStory, width: int) -> Iterator[str]:
    if not story.excused:
        return
    yield "Red, and accepted or known"
    for finding in story.excused[:MAX_FINDINGS]:
        yield f"  {_fit(f'{EXCUSED} {finding.name}: {finding.excused}', width * 2)}"
    if len(story.excused) > MAX_FINDINGS:
        yield f"  and {count(len(story.excused) - MAX_FINDINGS, 'more finding')} in the report"


def _finding(story: RunStory, told: Told, width: int, *, colour: bool) -> Iterator[str]:
    finding = told.finding
    title = f"{finding.check}: {edge_label(finding.subject)}"
    place = f" in '{finding.experiment}'" if finding.experiment else ""
    yield f"  {_badge(finding.verdict, colour=colour)} {_fit(title + place, width - 12)}"
    owner = story.owner(finding)
    service = f" (service {finding.service})" if finding.service else ""
    curl = next((line for line in finding.evidence if line.startswith("curl ")), "")
    details: Mapping[str, str] = {
        "why": finding.reason + also_undecided(story, told),
        "edge": edge_label(edge_key(finding.edge)),
        "owner": f"{owner or NOTHING}{service}{', inferred' if finding.inferred else ''}" if owner or service else "",
        "evidence": "" if curl else first_line(next(iter(finding.evidence), ""), width * 2),
    }
    for label, text in details.items():
        if text:
            yield from _wrapped(label, text, width, indent=4)
    if curl:
        yield from _command("curl", curl, width, indent=4)
    if finding.replay:
        settles = finding.verdict is Verdict.UNKNOWN
        yield from _command("settle" if settles else "replay", finding.replay, width, indent=4)


def _wrapped(label: str, text: str, width: int, *, indent: int) -> Iterator[str]:
    first = f"{' ' * indent}{label:<{_LABEL_WIDTH}} "
    yield from textwrap.wrap(
        printable(text),
        width=width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=True,
        break_on_hyphens=False,
    )


def _command(label: str, command: str, width: int, *, indent: int) -> Iterator[str]:
    """A command broken between its words only, with backslashes, so that it can be pasted into a shell."""
    first = f"{' ' * indent}{label:<{_LABEL_WIDTH}} "
    line = ""
    for word in _SHELL_WORD.findall(printable(command)):
        if line and len(first) + len(line) + 1 + len(word) + 2 > width:
            yield f"{first}{line} \\"
            first, line = " " * len(first), word
        else:
            line = f"{line} {word}".lstrip()
    yield first + line


def _verdict(story: RunStory, width: int, report: Path | None, *, colour: bool) -> Iterator[str]:
    line = f"{MARKS[story.verdict]} {story.verdict}"
    yield _painted(line, story.verdict, colour=colour)
    reason, headline = why(story), story.headline
    yield from _wrapped("why", reason, width, indent=2)
    if headline and (owner := story.owner(headline.finding)):
        inferred = " (inferred)" if headline.finding.inferred else ""
        yield from _wrapped("whose", owner + inferred, width, indent=2)
    label = "do first" if story.verdict is not Verdict.PASS else "repeat"
    yield from _command(label, advice(story)[1], width, indent=2)
    if report is not None:
        # A path is never wrapped: it is there to be clicked or copied.
        yield f"  {'report':<{_LABEL_WIDTH}} {report}"
