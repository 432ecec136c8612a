"""The thresholds of a load run as a table: what was asked, what was measured, how certain that is, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.model.finding import Finding
from harness.model.threshold import CERTAIN, CHECK, MEASURED, SAMPLES
from harness.report.markup import Markup
from harness.report.parts import Row, chip, figure, head, table, text
from harness.report.words import BADNESS, MARKS, NOTHING, first_line, printable

HEADS = ("Threshold", "Measured", "Certainly", "Samples", "Verdict")
_CAPTION = "A threshold is kept or missed only where chance is excluded; else it is unknown"
_WIDTHS = (40, 10, 36)


def thresholds_of(findings: Iterable[Finding]) -> list[Finding]:
    """Those among a run's findings that are of thresholds, the worst first."""
    found = [each for each in findings if each.check == CHECK]
    return sorted(found, key=lambda each: BADNESS[each.verdict])


def threshold_table(findings: Iterable[Finding]) -> Markup:
    """For the HTML report; nothing where there is no threshold."""
    found = thresholds_of(findings)
    if not found:
        return Markup()
    name, *figures, verdict = HEADS
    heads = (text(name), *(figure(each) for each in figures), text(verdict))
    rows = [
        Row(cells=(head(each.subject), *(figure(cell) for cell in _cells(each)), text(chip(each.verdict))))
        for each in found
    ]
    return table(_CAPTION, heads, rows, stacks=False)


def threshold_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """For a terminal, at most 100 columns; nothing where there is no threshold."""
    found = thresholds_of(findings)
    if not found:
        return
    yield _aligned("", ("Thresholds", "measured", "certainly"))
    for each in found:
        measured, certain, _ = _cells(each)
        yield _aligned(f"{MARKS[each.verdict]} {each.verdict}", (each.subject, measured, certain))


def _cells(finding: Finding) -> tuple[str, ...]:
    return tuple(_told(finding.evidence, words) for words in (MEASURED, CERTAIN, SAMPLES))


def _told(evidence: Sequence[str], words: str) -> str:
    return next((line.removeprefix(words) for line in evidence if line.startswith(words)), NOTHING)


def _aligned(badge: str, cells: Sequence[str]) -> str:
    shown = [f"{first_line(printable(cell), width):<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)]
    return "  ".join([f"{badge:<9}", *shown]).rstrip()
