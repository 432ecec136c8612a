"""One cell or finding of a journal, explained: the cause, the evidence, the likely mend, and how to see it again."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from harness.errors import HarnessError
from harness.model.attempts import that_count
from harness.model.cell_names import looks_like_a_cell, read_cell
from harness.model.events import (
    CellShrunk,
    Event,
    FindingMade,
    InjectionArmed,
    InjectionHealed,
    MatrixCellEnded,
    MatrixEnded,
    SpansSeen,
)
from harness.model.finding import Finding, Part
from harness.model.matrix import CellVerdict, Kind
from harness.model.verdict import Verdict
from harness.report import advice
from harness.report.tell import tell
from harness.report.words import EXCUSED, MARKS, edge_label, printable, seconds

MOST_NAMED = 5
MOST_SPANS = 20


def explain(events: Sequence[Event], name: str) -> tuple[str, ...]:
    """What is known of a cell, or of a finding by experiment, check and subject, in lines.

    Raises:
        JournalError: if the events do not begin with `run-started`.
        HarnessError: when there is nothing of that name in the journal, with what is near to it.
    """
    header = tell(events).header
    cells = {str(each.result.cell): each.result for each in events if isinstance(each, MatrixCellEnded)}
    findings = {each.finding.name: each.finding for each in events if isinstance(each, FindingMade)}
    plain = _plain(name)
    beside = f"of the run {header.run} of {header.system}, {header.wall[:10]}"
    if plain in cells:
        lines = _cell(events, cells[plain], findings.get(plain), beside)
    elif plain in findings:
        lines = _finding(events, findings[plain], beside)
    else:
        _unknown(events, name, plain, [*cells, *findings])
    return tuple(printable(line) for line in lines)


def _plain(name: str) -> str:
    if looks_like_a_cell(name):
        try:
            return str(read_cell(name))
        except ValueError:
            pass
    return " ".join(name.split()).replace(" -> ", " → ") if not looks_like_a_cell(name) else name


def _unknown(events: Sequence[Event], name: str, plain: str, known: Sequence[str]) -> Iterator[str]:
    ended = next((each.outlook for each in events if isinstance(each, MatrixEnded)), None)
    if ended is not None and plain in {str(each) for each in ended.untested}:
        raise HarnessError(f"'{name}' was not tested in that run: there was no time for it; give it a greater --budget")
    if not known:
        raise HarnessError(f"expected a journal with cells or findings to explain '{name}', found none in it")
    names = sorted({*known})
    near = difflib.get_close_matches(plain, names, n=MOST_NAMED, cutoff=0.4) or names[:MOST_NAMED]
    raise HarnessError(f"nothing in that run is called '{name}'; near to it: {'; '.join(near)}")


def _cell(events: Sequence[Event], result: CellVerdict, finding: Finding | None, beside: str) -> Iterator[str]:
    yield from _head(f"{MARKS[result.verdict]} {result.verdict} {result.cell}", beside, result.reason, result.excused)
    if result.stands is not None:
        yield f"Not conducted itself: {result.stands} stands for it ({result.pruned})"
    if result.verdict is Verdict.PASS:
        yield from _section("Seen", [*result.proxy, *result.remarks])
        yield from _again(result.replay)
        return
    yield from _section("Cause", _cause(result, finding))
    yield from _section("Evidence", [f"{each.rule}: {line}" for each in result.findings for line in _lines(each)])
    met = f"{result.crossings} requests crossed while it was in force" if result.crossings is not None else ""
    trials = f"{result.samples} visits in {result.trials} trials" + (", not all alike" if result.flaky else "")
    back = "never" if result.recovered_s is None else f"after {seconds(result.recovered_s)}"
    healed = f"as before {back}, once it was taken back" if result.samples else ""
    yield from _section("Seen by the proxy", [each for each in (result.cell.kind.words, *result.proxy, met) if each])
    yield from _section("Beside", [each for each in (trials, healed, *result.remarks) if each])
    yield from _spans(events, str(result.cell))
    shrunk = [each.shrunk for each in events if isinstance(each, CellShrunk) and each.shrunk.cell == result.cell]
    yield from _section(
        "Smallest fault", [line for each in shrunk for line in (each.sentence, each.reproduction) if line]
    )
    yield from _section("What usually mends this", advice.of_cell(result))
    yield from _again(result.replay)


def _lines(found: object) -> Sequence[str]:
    reason, evidence = getattr(found, "reason", ""), getattr(found, "evidence", ())
    return evidence or (reason,)


def _cause(result: CellVerdict, finding: Finding | None) -> Iterator[str]:
    cell = result.cell
    if result.verdict is Verdict.UNKNOWN:
        yield "not known: nothing could be said of this cell"
        return
    if result.whose is not None:
        sure = "in part inferred, since not all services send spans" if result.whose.inferred else "by spans"
        yield f"{result.whose.reason} ({sure})"
        yield f"on {edge_label(result.whose.edge)}, service {result.whose.service}" if result.whose.service else ""
    elif cell.kind is not Kind.PLACEBO:
        yield (
            f"inferred, since no span tells: only {edge_label(cell.edge)} was broken"
            + (f" while {cell.first}" if cell.first else "")
            + f", so {cell.consumer} should have coped with {cell.provider}"
        )
    if finding is not None and finding.owner:
        yield f"owner: {finding.owner}"


def _finding(events: Sequence[Event], finding: Finding, beside: str) -> Iterator[str]:
    yield from _head(
        f"{MARKS[finding.verdict]} {finding.verdict} {finding.name}", beside, finding.reason, finding.excused
    )
    if finding.verdict is not Verdict.PASS:
        sure = "inferred, since no span tells: " if finding.inferred else ""
        where = f" on {edge_label(finding.edge)}" if finding.edge else ""
        known = f"{sure}{finding.service or finding.owner}{where}" if finding.service or finding.owner or where else ""
        told = known or "not known: no service or edge is named by what was found"
        owner = f"owner: {finding.owner}" if finding.owner else ""
        yield from _section("Cause", [each for each in (told, owner) if each])
    yield from _section("Evidence", finding.evidence)
    yield from _section("Seen by the proxy", _injections(events, finding.experiment))
    yield from _spans(events, finding.experiment)
    if finding.verdict is not Verdict.PASS and finding.part is not Part.VALIDITY:
        yield from _section("What usually mends this", advice.of_finding(finding))
    yield from _again(finding.replay)


def _injections(events: Sequence[Event], experiment: str) -> Iterator[str]:
    for each in that_count(events):
        if isinstance(each, InjectionArmed) and experiment and each.experiment == experiment:
            yield f"{each.what}: {each.armed.evidence}"
        if isinstance(each, InjectionHealed) and experiment and each.experiment == experiment:
            met = f"; met it: {each.healed.hits}" if each.healed.hits else ""
            yield f"{each.what}, taken back: {each.healed.evidence}{met}"


def _head(title: str, beside: str, reason: str, excused: str) -> Iterator[str]:
    yield title
    yield f"  {beside}"
    yield f"  {reason}"
    if excused:
        yield f"  {EXCUSED} {excused}"


def _section(title: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    told = [line for line in lines if line]
    if told:
        yield ""
        yield title
        yield from (f"  {line}" for each in told for line in each.splitlines())


def _spans(events: Sequence[Event], name: str) -> Iterator[str]:
    spans = [span for each in events if isinstance(each, SpansSeen) and each.experiment == name for span in each.spans]
    ordered = sorted(spans, key=lambda span: span.start)[:MOST_SPANS]
    yield from _section(
        "Its worst trace",
        [
            f"{span.service} {span.kind} {span.name}: {seconds(span.end - span.start)}, {span.status}"
            + (f", {span.error}" if span.error else "")
            for span in ordered
        ],
    )


def _again(replay: str) -> Iterator[str]:
    yield from _section("To see it again", [replay] if replay else [])
