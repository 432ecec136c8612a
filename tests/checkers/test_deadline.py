from dataclasses import replace

from harness.checkers.deadline import deadline
from harness.model.experiment import Expectation
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.verdict import Verdict
from tests.checkers.histories import BASELINE, CUSTOMERS, FAULT, PAYMENTS, answer_seconds, experiment, history


def of(journey: str, found: History) -> Finding:
    return next(each for each in deadline(found) if each.subject == journey)


def with_late(found: History, each: int, latency_s: float = 3.0) -> History:
    rows = answer_seconds(FAULT, "checkout", each=each, latency_s=latency_s)
    return replace(found, answers=(*found.answers, *rows))


def test_answers_in_time_pass_and_tell_what_is_excluded() -> None:
    found = of("checkout", history())
    assert Verdict.PASS is found.verdict
    assert found.reason.startswith("a share of answers above 2.2 s of 5 % or more is excluded, n = 230, 0 late, p99")
    assert "baseline 0 of 300" in found.reason


def test_late_answers_fail_even_of_a_journey_that_may_fail() -> None:
    question = experiment(PAYMENTS, expectations={"checkout": Expectation.MAY_FAIL})
    found = of("checkout", with_late(history(question), 2))
    assert Verdict.FAIL is found.verdict
    assert found.reason.startswith("14.8 % of the answers took longer than 2.2 s, n = 270, 40 late, p99 3.")
    assert (found.edge, found.service) == ("orders->payments", "orders")


def test_late_answers_that_were_late_without_the_fault_too_are_not_blamed_on_it() -> None:
    found = with_late(history(), 2)
    late = answer_seconds(BASELINE, "checkout", each=1, latency_s=3.0)
    judged = of("checkout", replace(found, answers=(*found.answers, *late)))
    assert Verdict.UNKNOWN is judged.verdict
    assert "can't be told to be the cause" in judged.reason


def test_an_answer_within_a_tenth_of_the_deadline_is_not_late() -> None:
    assert Verdict.PASS is of("checkout", with_late(history(), 2, latency_s=1.95)).verdict


def test_a_few_late_answers_are_unknown() -> None:
    found = history()
    late = answer_seconds(replace(FAULT, end=34.0), "checkout", each=1, latency_s=3.0)
    assert Verdict.UNKNOWN is of("checkout", replace(found, answers=(*found.answers, *late))).verdict


def test_too_few_answers_are_unknown() -> None:
    found = of("checkout", replace(history(), answers=tuple(answer_seconds(BASELINE, "checkout"))))
    assert (found.verdict, found.reason.endswith("samples would settle it")) == (Verdict.UNKNOWN, True)


def test_a_fault_on_the_customers_own_edge_is_told_and_not_judged() -> None:
    assert Verdict.PASS is of("checkout", with_late(history(experiment(CUSTOMERS)), 50)).verdict
