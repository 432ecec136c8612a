import pytest

from harness.checkers.degraded import degraded
from harness.model.experiment import Expectation
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.verdict import Verdict
from tests.checkers.histories import PAYMENTS, Each, experiment, history


def of(journey: str, found: History) -> Finding:
    return next(each for each in degraded(found) if each.subject == journey)


@pytest.mark.parametrize(
    ("each", "verdict"),
    [
        (Each(ok=1, degraded=9), Verdict.PASS),
        (Each(ok=10), Verdict.FAIL),
        (Each(ok=5, degraded=5), Verdict.UNKNOWN),
        (Each(ok=0, failed=10), Verdict.UNKNOWN),
    ],
)
def test_where_degraded_answers_are_owed_at_least_half_must_say_so(each: Each, verdict: Verdict) -> None:
    question = experiment(expectations={"browse": Expectation.DEGRADED})
    assert verdict is of("browse", history(question, fault={"browse": each})).verdict


@pytest.mark.parametrize(
    ("each", "verdict"),
    [
        (Each(ok=10), Verdict.PASS),
        (Each(ok=5, degraded=5), Verdict.FAIL),
        (Each(ok=19, degraded=1), Verdict.UNKNOWN),
        (Each(ok=1), Verdict.UNKNOWN),
    ],
)
def test_where_full_answers_are_owed_no_more_may_be_degraded_than_before(each: Each, verdict: Verdict) -> None:
    found = of("browse", history(experiment(PAYMENTS), fault={"browse": each}))
    assert Expectation.UNCHANGED is history(experiment(PAYMENTS)).expectation("browse")
    assert verdict is found.verdict


def test_where_degraded_answers_are_allowed_their_share_is_told() -> None:
    found = of("browse", history(fault={"browse": Each(ok=2, degraded=8)}))
    assert Verdict.PASS is found.verdict
    told = "told, not judged: 160 of 200 good answers were marked as degraded; baseline 0 of 300"
    assert told == found.reason
