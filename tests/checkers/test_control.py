from dataclasses import replace

from harness import checkers
from harness.model.experiment import Role
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.observation import FinalRead
from harness.model.verdict import Verdict
from tests.checkers.histories import BASELINE, CUSTOMERS, Each, Refuse, crossed, experiment, forced, history
from tests.checkers.test_safety import ONCE, charge

PLACEBO = experiment(role=Role.PLACEBO)
CONTROL = experiment(CUSTOMERS, fault=Refuse(), role=Role.CONTROL)
DEAD = Each(ok=0, failed=10)


def only(found: History) -> Finding:
    (finding,) = checkers.judge(found)
    assert (finding.part, finding.service, finding.owner) == (Part.VALIDITY, "", "")
    return finding


def test_a_placebo_in_which_nothing_is_found_passes() -> None:
    found = only(history(PLACEBO))
    assert found.verdict is Verdict.PASS
    assert found.reason.endswith("checks found nothing under a fault that does nothing")


def test_an_alarm_in_a_placebo_is_the_harness_own_and_named() -> None:
    found = only(history(PLACEBO, fault={"browse": DEAD}))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.startswith("found under a fault that does nothing: the harness is at fault")
    assert "availability of browse: 100 % of the journeys were bad" in found.reason


def test_even_slower_answers_are_an_alarm_in_a_placebo() -> None:
    found = only(history(PLACEBO, fault={"checkout": Each(latency_s=0.2)}))
    assert found.verdict is Verdict.UNKNOWN
    assert "isolation of checkout" in found.reason


def test_a_placebo_that_was_not_in_force_proves_nothing() -> None:
    clean = history(PLACEBO)
    found = only(replace(clean, forced=(forced(PLACEBO.injections[0], in_force=False),)))
    assert found.verdict is Verdict.UNKNOWN
    assert found.reason.startswith("the placebo was no experiment: gateway → recommendations under slow was not in")


def test_what_the_system_did_to_its_data_is_not_the_placebos() -> None:
    charges = FinalRead(name="charges", t=80.0, rows=(charge("o1"), charge("o1")))
    assert only(replace(history(PLACEBO), invariants=(ONCE,), reads=(charges,))).verdict is Verdict.PASS


def test_a_control_that_is_noticed_passes() -> None:
    found = only(replace(history(CONTROL, fault={"browse": DEAD, "checkout": DEAD}), crossings=crossed(BASELINE)))
    assert found.verdict is Verdict.PASS
    assert found.reason.startswith("noticed: 100 % more bad journeys, at least 9")


def test_a_silent_control_means_that_the_harness_is_blind() -> None:
    found = only(history(CONTROL))
    assert found.verdict is Verdict.UNKNOWN
    assert "was not noticed" in found.reason


def test_a_control_that_was_not_in_force_proves_nothing() -> None:
    dead = history(CONTROL, fault={"browse": DEAD, "checkout": DEAD})
    found = only(replace(dead, forced=(forced(CONTROL.injections[0], in_force=False),)))
    assert found.verdict is Verdict.UNKNOWN
