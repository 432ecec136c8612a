from __future__ import annotations

from harness.load.questions import Questions
from harness.load.wire import Done


def test_a_question_is_answered_when_all_have_answered() -> None:
    questions = Questions()
    questions.ask(7, ["1", "2"])
    assert questions.answered("1", Done(id=7, in_flight=3, late_s=0.2)) is None
    assert questions.answered("2", Done(id=7, in_flight=2)) == Done(id=7, in_flight=5, late_s=0.2)


def test_the_first_error_counts() -> None:
    questions = Questions()
    questions.ask(7, ["1", "2"])
    questions.answered("1", Done(id=7, error="no such journey"))
    assert questions.answered("2", Done(id=7)) == Done(id=7, error="no such journey")


def test_whoever_was_not_asked_or_answers_twice_is_not_heard() -> None:
    questions = Questions()
    questions.ask(7, ["1", "2"])
    assert questions.answered("3", Done(id=7)) is None
    assert questions.answered("1", Done(id=8)) is None
    questions.answered("1", Done(id=7, in_flight=1))
    assert questions.answered("1", Done(id=7, in_flight=1)) is None
    assert questions.answered("2", Done(id=7)) == Done(id=7, in_flight=1)


def test_one_that_is_gone_is_waited_for_no_more() -> None:
    questions = Questions()
    questions.ask(7, ["1", "2"])
    questions.ask(8, ["1", "2"])
    questions.answered("1", Done(id=7, in_flight=4))
    assert questions.gone("2") == [Done(id=7, in_flight=4)]
    assert questions.answered("1", Done(id=8)) == Done(id=8)


def test_a_question_that_was_asked_of_one_that_is_gone_has_an_answer_that_says_so() -> None:
    questions = Questions()
    questions.ask(7, ["2"])
    assert questions.gone("2") == [Done(id=7, error="the worker 2 is gone and did not answer")]
