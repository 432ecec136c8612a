"""What the machine kept from telling anything is worth asking again; what was seen to be red, or to hold, is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness import checkers
from harness.checkers.disturbed import baseline_disturbed, disturbed
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import BASELINE, FAULT, WINDOWS, Each, crossed, generator_seconds, history

BUSY = Company(
    window=WindowKind.FAULT, start=30.0, end=50.0, cores=2, others=0.41, stolen=0.0, idle=0.02, who=("cc1plus",)
)
QUIET = replace(BUSY, others=0.03, idle=0.4, who=())
LATE = "fault: journeys began over 100 ms late (p99) in 20 of 20 seconds"


def judged(found: History) -> str:
    return disturbed(found, checkers.judge(found))


def late(found: History, kind: WindowKind) -> History:
    """The same, of which a window's journeys began late."""
    window = next(each for each in found.windows if each.kind is kind)
    rows = (replace(row, lag_p99_s=0.3) if window.covers(row.second) else row for row in found.generator)
    return replace(found, generator=tuple(rows))


def slow() -> History:
    return history(recovery={"browse": Each(ok=0, failed=10), "checkout": Each(ok=0, failed=10)})


def test_what_is_in_doubt_for_others_is_asked_again() -> None:
    found = replace(slow(), company=(BUSY,))
    assert judged(found) == (
        "fault: others had 41 % of this machine's 2 processors (mostly cc1plus), 2 % were idle"
        "; left open: recovery of all journeys, metastable of all journeys"
    )


def test_what_is_in_doubt_for_a_late_load_is_asked_again() -> None:
    named = "availability of browse, availability of checkout, answer-class of browse and 9 more"
    assert judged(late(history(), WindowKind.FAULT)) == f"{LATE}; left open: {named}"


@pytest.mark.parametrize("company", [(), (QUIET,)], ids=["nobody looked", "quiet"])
def test_what_is_red_on_a_quiet_machine_is_not(company: tuple[Company, ...]) -> None:
    assert judged(replace(slow(), company=company)) == ""


def test_what_is_red_whoever_is_beside_is_not() -> None:
    lost = Finding(check="conserved", part=Part.SAFETY, verdict=Verdict.FAIL, reason="2 lost", subject="orders")
    found = late(replace(slow(), company=(BUSY,)), WindowKind.FAULT)
    assert disturbed(found, (*checkers.judge(found), lost)) == ""


def test_what_holds_beside_others_is_not() -> None:
    assert judged(replace(history(), company=(BUSY,))) == ""


def test_what_could_not_be_judged_for_another_reason_is_not() -> None:
    found = history(fault={"browse": Each(ok=0), "checkout": Each(ok=0)})
    assert {each.verdict for each in checkers.judge(found)} >= {Verdict.UNKNOWN}
    assert judged(found) == ""


def test_others_that_are_not_to_matter_are_no_reason() -> None:
    unsteady = Finding(
        check="steady-state", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason="not steady", subject="x"
    )
    found = replace(history(), company=(BUSY,))
    assert disturbed(found, [unsteady])
    assert disturbed(replace(found, neighbours=Neighbours.JUDGE), [unsteady]) == ""
    still = replace(found, company=(replace(QUIET, stood=0.5),), neighbours=Neighbours.JUDGE)
    assert "stood still for 50 %" in disturbed(still, [unsteady])


def test_what_is_in_doubt_for_a_load_that_filled_the_machine_is_asked_again() -> None:
    slow_ = history(fault={"browse": Each(ok=0, unknown=10)})
    warm_up = Window(kind=WindowKind.WARM_UP, start=20.0, end=30.0)
    counted = replace(
        slow_, windows=(warm_up, *slow_.windows), crossings=(*crossed(warm_up), *crossed(FAULT)), company=(QUIET,)
    )
    assert judged(counted) == ""
    full = judged(replace(counted, company=(replace(QUIET, full_s=3.0),)))
    assert full.startswith("fault: others had 3 % of this machine's 2 processors, 40 % were idle, for 3 s on end")
    assert "left open: availability of browse" in full


def test_a_late_baseline_is_no_reason_to_ask_an_experiment_again() -> None:
    """The baseline is the same the next time."""
    found = late(history(), WindowKind.BASELINE)
    assert any(each.verdict is Verdict.UNKNOWN for each in checkers.judge(found))
    assert judged(found) == ""
    assert judged(late(found, WindowKind.FAULT)) == ""


def test_one_that_was_broken_off_or_whose_placebo_failed_is_not_asked_again() -> None:
    """A proxy that died is told at once, and the placebo of the run stays what it is."""
    for why in ("toxiproxy-front died or hung while the fault was in force", "the placebo of this run is UNKNOWN"):
        found = replace(late(history(), WindowKind.FAULT), trouble=(why,))
        assert any(each.verdict is Verdict.UNKNOWN for each in checkers.judge(found))
        assert judged(found) == ""


def test_a_baseline_is_measured_again_for_the_same_reasons() -> None:
    clean = history()
    busy = replace(BUSY, window=BASELINE.kind)
    assert baseline_disturbed(BASELINE, QUIET, clean.generator, Neighbours.DOUBT) == ""
    assert baseline_disturbed(BASELINE, busy, clean.generator, Neighbours.JUDGE) == ""
    assert "others had 41 %" in baseline_disturbed(BASELINE, busy, clean.generator, Neighbours.DOUBT)
    full = replace(QUIET, full_s=3.0)
    assert "for 3 s on end nothing was" in baseline_disturbed(BASELINE, full, clean.generator, Neighbours.DOUBT)
    assert baseline_disturbed(BASELINE, full, clean.generator, Neighbours.JUDGE) == ""
    ill = late(clean, WindowKind.BASELINE)
    assert baseline_disturbed(BASELINE, QUIET, ill.generator, Neighbours.JUDGE) == (
        "baseline: journeys began over 100 ms late (p99) in 30 of 30 seconds"
    )
    assert baseline_disturbed(FAULT, QUIET, ill.generator, Neighbours.DOUBT) == ""


def test_what_came_late_when_the_load_was_over_is_no_reason() -> None:
    rest = Window(kind=WindowKind.REST, start=70.0, end=73.0)
    found = replace(history(), windows=(*WINDOWS, rest), generator=(*history().generator, *generator_seconds(rest)))
    unsure = Finding(
        check="availability", part=Part.RESILIENCE, verdict=Verdict.UNKNOWN, reason="perhaps", subject="browse"
    )
    assert disturbed(late(found, WindowKind.REST), [unsure]) == ""
    unsteady = replace(unsure, check="steady-state", part=Part.VALIDITY)
    for each, check in ((unsure, "availability"), (unsteady, "steady-state")):
        assert disturbed(late(found, WindowKind.FAULT), [each]) == f"{LATE}; left open: {check} of browse"
