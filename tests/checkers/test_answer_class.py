from dataclasses import replace

from harness.checkers.answer_class import answer_class
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import AnswerClass, Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import (
    BASELINE,
    CUSTOMERS,
    FAULT,
    PAYMENTS,
    answer,
    answer_seconds,
    clean_answers,
    experiment,
    history,
)


def of(journey: str, found: History) -> Finding:
    return next(each for each in answer_class(found) if each.subject == journey)


def with_dirty(found: History, window: Window, count: int = 1) -> History:
    moment = Window(kind=window.kind, start=window.start, end=window.start + 1)
    rows = tuple(answer_seconds(moment, "checkout", AnswerClass.DIRTY, each=count))
    return replace(found, answers=(*found.answers, *rows))


def test_clean_answers_pass_and_tell_what_they_exclude() -> None:
    found = of("checkout", history())
    assert Verdict.PASS is found.verdict
    assert found.reason.startswith("a share of dirty answers above 2.96 % is excluded, n = 230, 0 dirty")


def test_clean_failures_are_not_dirty() -> None:
    rows = tuple(answer_seconds(FAULT, "checkout", AnswerClass.CLEAN))
    assert Verdict.PASS is of("checkout", replace(history(), answers=(*clean_answers("checkout"), *rows))).verdict


def test_a_single_dirty_answer_fails_whatever_the_journey_owes() -> None:
    dirty = with_dirty(history(experiment(PAYMENTS)), FAULT)
    found = of("checkout", replace(dirty, distinct=(answer("checkout", AnswerClass.DIRTY, status=0, error="reset"),)))
    assert Verdict.FAIL is found.verdict
    assert found.reason.startswith("1 dirty answers where none is allowed (230 full, 1 dirty failure)")
    assert (found.edge, found.service) == ("orders->payments", "orders")
    assert found.evidence == (
        "7 times GET /checkout/1 → no answer (dirty failure) reset",
        "whose fault: inferred from the topology: no spans of orders",
    )


def test_a_dirty_answer_to_what_was_asked_at_the_very_end_still_counts() -> None:
    after = Window(kind=WindowKind.RECOVERY, start=51.0, end=52.0)
    assert Verdict.FAIL is of("checkout", with_dirty(history(), after)).verdict
    long_after = Window(kind=WindowKind.RECOVERY, start=56.0, end=57.0)
    assert Verdict.PASS is of("checkout", with_dirty(history(), long_after)).verdict


def test_a_baseline_that_is_dirty_too_leaves_it_open() -> None:
    assert Verdict.UNKNOWN is of("checkout", with_dirty(with_dirty(history(), FAULT), BASELINE)).verdict


def test_too_few_answers_are_unknown() -> None:
    found = of("checkout", replace(history(), answers=()))
    assert (found.verdict, "30 samples would settle it" in found.reason) == (Verdict.UNKNOWN, True)


def test_a_fault_on_the_customers_own_edge_is_told_and_not_judged() -> None:
    found = of("checkout", with_dirty(history(experiment(CUSTOMERS)), FAULT, 50))
    assert (found.verdict, found.reason.startswith("told, not judged")) == (Verdict.PASS, True)
