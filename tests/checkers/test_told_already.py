"""A violation that stays in a run's state is told by the experiment that showed it, and not by all after it."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.told_already import once
from harness.engine.concluding import conclusion
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict

TWICE = Finding(
    check="at-most-once",
    part=Part.SAFETY,
    verdict=Verdict.FAIL,
    reason="1 of 40 order_id have two rows",
    subject="nobody is charged twice",
    experiment="first",
    service="payments",
    evidence=("order_id 7, charge a", "order_id 7, charge b"),
)
LATER = replace(TWICE, experiment="second", reason="1 of 90 order_id have two rows")


def test_the_same_evidence_is_told_once() -> None:
    (found,) = once([LATER], [TWICE])
    assert (found.verdict, found.excused) == (Verdict.FAIL, "told already, of first")


def test_the_run_stays_red_by_the_first() -> None:
    found = once([LATER], [TWICE])
    assert conclusion([TWICE, *found])[0] is Verdict.FAIL


def test_it_is_told_of_the_first_however_often_it_came() -> None:
    second = once([LATER], [TWICE])
    (third,) = once([replace(LATER, experiment="third")], [TWICE, *second])
    assert third.excused == "told already, of first"


def test_one_more_violation_is_red_again() -> None:
    more = replace(LATER, evidence=(*LATER.evidence, "order_id 9, charge c"))
    assert once([more], [TWICE]) == (more,)


def test_another_invariant_another_service_and_no_evidence_are_red_again() -> None:
    for other in (
        replace(LATER, subject="stock adds up"),
        replace(LATER, service="orders"),
        replace(LATER, check="conserved"),
    ):
        assert once([other], [TWICE]) == (other,)
    bare = replace(LATER, evidence=())
    assert once([bare], [replace(TWICE, evidence=())]) == (bare,)


def test_what_is_about_an_experiment_and_not_about_state_is_red_each_time() -> None:
    slow = replace(TWICE, part=Part.RESILIENCE, check="recovery")
    assert once([replace(slow, experiment="second")], [slow]) == (replace(slow, experiment="second"),)


def test_what_holds_or_is_open_before_excuses_nothing() -> None:
    for verdict in (Verdict.PASS, Verdict.UNKNOWN):
        assert once([LATER], [replace(TWICE, verdict=verdict)]) == (LATER,)
