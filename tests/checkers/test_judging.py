from dataclasses import replace

import pytest

from harness import checkers
from harness.checkers.judging import judge_with
from harness.model.experiment import Expectation, Experiment, Role
from harness.model.finding import Finding, Part
from harness.model.history import History, Nonconformity
from harness.model.observation import AnswerClass, FinalRead
from harness.model.verdict import Verdict, worst
from tests.checkers.histories import (
    CUSTOMERS,
    FAULT,
    PAYMENTS,
    Each,
    answer,
    answer_seconds,
    experiment,
    forced,
    history,
    shop,
)
from tests.checkers.test_safety import ONCE, charge


def crash(_: History) -> tuple[Finding, ...]:
    raise ZeroDivisionError("division\nby zero")


def invalid(found: History) -> History:
    return replace(found, forced=(forced(found.experiment.injections[0], in_force=False),))


def test_a_clean_history_passes_every_check() -> None:
    found = checkers.judge(history())
    assert worst(each.verdict for each in found) is Verdict.PASS
    expected = {"validity", "availability", "answer-class", "conformance", "deadline", "recovery", "degraded"}
    assert expected | {"retries", "metastable"} == {each.check for each in found}


def test_every_finding_names_the_experiment_and_the_command_that_repeats_it() -> None:
    for each in checkers.judge(history(fault={"browse": Each(ok=0, failed=10)})):
        assert each.experiment == "the experiment"
        assert each.replay == "harness run --only 'the experiment' --seed 7"


def test_a_crashed_checker_is_unknown_and_the_others_are_heard() -> None:
    table = {"broken": crash, **checkers.CHECKERS}
    crashed, *others = judge_with(history(), table)
    assert (crashed.check, crashed.verdict) == ("broken", Verdict.UNKNOWN)
    assert crashed.reason == "the checker broken crashed: ZeroDivisionError: division by zero"
    assert worst(each.verdict for each in others) is Verdict.PASS


def test_when_the_validity_checker_crashes_nothing_passes() -> None:
    found = judge_with(history(), checkers.CHECKERS | {"validity": crash})
    assert {Verdict.UNKNOWN} == {each.verdict for each in found}


def test_no_green_comes_from_an_experiment_that_was_none() -> None:
    found = checkers.judge(invalid(history()))
    assert {Verdict.UNKNOWN} == {each.verdict for each in found if each.part is not Part.VALIDITY}
    doubted = next(each for each in found if each.check == "availability")
    assert "no valid experiment (gateway → recommendations under slow was not in force" in doubted.reason
    assert "it would be PASS: a rise of bad journeys" in doubted.reason


def test_no_comparison_refutes_in_an_experiment_that_was_none() -> None:
    found = checkers.judge(invalid(history(fault={"browse": Each(ok=0, failed=10)})))
    assert worst(each.verdict for each in found) is Verdict.UNKNOWN


def test_what_is_wrong_whatever_the_cause_stays_refuted() -> None:
    clean = invalid(history())
    dirty = replace(clean, answers=(*clean.answers, *answer_seconds(FAULT, "browse", AnswerClass.DIRTY)))
    broken = Nonconformity(answer=answer("browse", AnswerClass.DIRTY), service="gateway", problems=("undeclared 500",))
    charges = FinalRead(name="charges", t=80.0, rows=(charge("o1"), charge("o1")))
    found = checkers.judge(replace(dirty, nonconformities=(broken,), invariants=(ONCE,), reads=(charges,)))
    refuted = {each.check for each in found if each.verdict is Verdict.FAIL}
    assert refuted == {"answer-class", "conformance", "at-most-once"}


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        (0, "timed out", Verdict.UNKNOWN),
        (0, "Connection reset by peer", Verdict.FAIL),
        (500, "", Verdict.FAIL),
        (503, "", Verdict.FAIL),
    ],
)
def test_answers_that_never_came_say_nothing_when_the_harness_itself_is_in_doubt(
    status: int, error: str, verdict: Verdict
) -> None:
    """A placebo in which they did not come either makes the run UNKNOWN; what came wrong, came wrong."""
    clean = history()
    wrong = answer("browse", AnswerClass.DIRTY, status=status, error=error)
    dirty = replace(
        clean, distinct=(wrong,), answers=(*clean.answers, *answer_seconds(FAULT, "browse", AnswerClass.DIRTY))
    )

    def judged(found: History) -> Verdict:
        (each,) = (each for each in checkers.judge(found) if (each.check, each.subject) == ("answer-class", "browse"))
        return each.verdict

    assert judged(replace(dirty, trouble=("the placebo of this run is UNKNOWN",))) is verdict
    assert judged(dirty) is Verdict.FAIL
    assert judged(invalid(dirty)) is Verdict.FAIL, "another reason why it was no experiment says nothing of answers"


@pytest.mark.parametrize(
    ("question", "tests"),
    [
        (experiment(), 5),  # browse and checkout must stay available: two each; and the calls on the faulted edge
        (experiment(PAYMENTS), 6),  # browse unchanged, checkout may fail
        (experiment(expectations={"browse": Expectation.DEGRADED}), 6),
        (experiment(role=Role.PLACEBO), 9),
        (experiment(CUSTOMERS, role=Role.CONTROL), 1),
    ],
)
def test_the_tests_that_will_be_made_are_known_beforehand(question: Experiment, tests: int) -> None:
    assert checkers.tests_in(shop(), question) == tests


def test_a_journey_without_weight_is_not_judged() -> None:
    question = replace(experiment(PAYMENTS), weights={"browse": 1, "checkout": 0})
    assert checkers.tests_in(shop(), question) == 5
    subjects = {each.subject for each in checkers.judge(history(question)) if each.check == "availability"}
    assert subjects == {"browse"}
