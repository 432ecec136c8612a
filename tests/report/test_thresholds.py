"""The table of a load run's thresholds."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.thresholds import findings
from harness.model.finding import Finding
from harness.model.threshold import Judged
from harness.model.verdict import Verdict
from harness.report.thresholds import threshold_lines, threshold_table, thresholds_of

KEPT = Judged(
    threshold="checkout.p99 < 800 ms in during",
    verdict=Verdict.PASS,
    reason="612 ms, n = 1200: certainly kept",
    n=1200,
    measured="612 ms",
    lower="580 ms",
    upper="650 ms",
)
MISSED = Judged(
    threshold="all.failed < 1%", verdict=Verdict.FAIL, reason="5%", n=900, measured="5%", lower="3%", upper="7%"
)
UNTOLD = Judged(threshold="search.p99 < 1 s", verdict=Verdict.UNKNOWN, reason="nothing was measured")


def found() -> tuple[Finding, ...]:
    return findings((KEPT, MISSED, UNTOLD))


def test_the_worst_comes_first_and_other_findings_are_left_out() -> None:
    other = replace(found()[0], check="availability", verdict=Verdict.FAIL)
    assert [each.subject for each in thresholds_of((*found(), other))] == [
        MISSED.threshold,
        UNTOLD.threshold,
        KEPT.threshold,
    ]


def test_a_terminal_shows_threshold_measured_and_bounds() -> None:
    lines = list(threshold_lines(found()))
    assert lines[0].split() == ["Thresholds", "measured", "certainly"]
    assert "FAIL" in lines[1]
    assert "5%" in lines[1]
    assert "at least 580 ms and at most 650 ms" in lines[3]
    assert max(map(len, lines)) <= 100


def test_the_page_shows_them_too_and_nothing_from_outside_is_markup() -> None:
    page = threshold_table(findings((replace(KEPT, threshold="a/<b>.p99 < 1 s"), UNTOLD)))
    assert "a/&lt;b&gt;.p99 &lt; 1 s" in page
    assert "at least 580 ms and at most 650 ms" in page
    assert "1200" in page


def test_without_thresholds_there_is_no_table() -> None:
    assert (threshold_table(()), list(threshold_lines(()))) == ("", [])
