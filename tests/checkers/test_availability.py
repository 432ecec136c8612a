from dataclasses import replace

import pytest

from harness.checkers.availability import availability
from harness.model.experiment import Expectation
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import AnswerClass
from harness.model.verdict import Verdict
from tests.checkers.histories import LOST_PAYMENTS, PAYMENTS, Each, Lose, answer, experiment, history


def of(journey: str, found: History) -> Finding:
    return next(each for each in availability(found) if each.subject == journey)


def test_a_clean_history_passes_and_tells_what_it_excludes() -> None:
    found = of("browse", history())
    assert Verdict.PASS is found.verdict
    assert found.reason == "a rise of bad journeys above 5 points is excluded, n = 200, 0 bad; baseline 0 of 300"


def test_degraded_journeys_count_as_good() -> None:
    assert Verdict.PASS is of("browse", history(fault={"browse": Each(ok=0, degraded=10)})).verdict


@pytest.mark.parametrize("each", [Each(ok=7, failed=3), Each(ok=7, unknown=3), Each(ok=0, failed=10)])
def test_a_certain_rise_of_bad_journeys_fails_with_the_edge_and_the_owner(each: Each) -> None:
    dirty = answer("browse", AnswerClass.DIRTY, status=500, body="Internal Server Error")
    found = of("browse", replace(history(fault={"browse": each}), distinct=(dirty,)))
    assert Verdict.FAIL is found.verdict
    assert (
        found.edge,
        found.service,
        found.owner,
        found.inferred,
    ) == ("gateway->recommendations", "gateway", "edge", True)
    assert found.evidence == (
        "7 times GET /browse/1 → 500 (dirty failure) Internal Server Error",
        "whose fault: inferred from the topology: no spans of gateway",
    )
    assert found.replay == "harness run --only 'the experiment' --seed 7"


def test_a_few_bad_journeys_are_unknown_and_tell_their_price() -> None:
    found = of("browse", history(fault={"browse": Each(ok=99, failed=1)}, baseline={"browse": Each(ok=1)}))
    assert Verdict.PASS is found.verdict
    scarce = replace(history(fault={"browse": Each(ok=2)}), alpha=1e-3)
    found = of("browse", scarce)
    assert Verdict.UNKNOWN is found.verdict
    assert found.reason.endswith("n = 40, 0 bad; baseline 0 of 300; 160 samples would settle it")


def test_a_rise_on_the_limit_can_not_be_settled() -> None:
    found = of("browse", history(fault={"browse": Each(ok=19, failed=1)}))
    assert Verdict.UNKNOWN is found.verdict
    assert found.reason.endswith("too near to the limit to be settled by more samples")


def test_no_samples_are_unknown() -> None:
    assert Verdict.UNKNOWN is of("browse", history(fault={"browse": Each(ok=0)})).verdict
    assert Verdict.UNKNOWN is of("browse", replace(history(), windows=())).verdict


def test_a_rise_is_judged_against_the_baseline_and_not_against_zero() -> None:
    ill = {"browse": Each(ok=18, failed=2)}
    assert Verdict.FAIL is not of("browse", history(fault=ill, baseline=ill)).verdict


def test_a_journey_that_may_fail_is_told_and_not_judged() -> None:
    question = experiment(PAYMENTS, expectations={"checkout": Expectation.MAY_FAIL})
    found = of("checkout", history(question, fault={"checkout": Each(ok=0, failed=10)}))
    assert Verdict.PASS is found.verdict
    assert found.reason.startswith("told, not judged, since it may fail: 100 % bad")


def test_when_an_instance_is_lost_its_caller_on_the_journeys_way_should_have_coped() -> None:
    question = experiment(LOST_PAYMENTS, fault=Lose(), expectations={"checkout": Expectation.AVAILABLE})
    found = of("checkout", history(question, fault={"checkout": Each(ok=0, failed=10)}))
    assert (found.verdict, found.edge, found.service) == (Verdict.FAIL, "orders->payments", "orders")
