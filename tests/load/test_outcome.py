from __future__ import annotations

import pytest

from harness.load.outcome import of_answer, of_journey, worst
from harness.model.observation import AnswerClass, Outcome

OK, DEGRADED, FAILED, UNKNOWN = Outcome.OK, Outcome.DEGRADED, Outcome.FAILED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], OK),
        ([OK, DEGRADED], DEGRADED),
        ([DEGRADED, UNKNOWN, OK], UNKNOWN),
        ([UNKNOWN, FAILED, DEGRADED], FAILED),
    ],
)
def test_failed_is_worse_than_unknown_than_degraded_than_ok(outcomes: list[Outcome], expected: Outcome) -> None:
    assert worst(outcomes) is expected


@pytest.mark.parametrize(
    ("method", "status", "answer", "expected"),
    [
        ("GET", 200, AnswerClass.FULL, OK),
        ("POST", 200, AnswerClass.DEGRADED, DEGRADED),
        ("POST", 503, AnswerClass.CLEAN, FAILED),
        ("GET", 0, AnswerClass.DIRTY, FAILED),
        ("POST", 0, AnswerClass.DIRTY, UNKNOWN),
        ("PUT", 500, AnswerClass.DIRTY, UNKNOWN),
        ("DELETE", 200, AnswerClass.DIRTY, UNKNOWN),
        ("POST", 404, AnswerClass.DIRTY, FAILED),
    ],
)
def test_a_command_without_a_sound_answer_is_unknown_and_a_query_failed(
    method: str, status: int, answer: AnswerClass, expected: Outcome
) -> None:
    assert of_answer(method, status, answer) is expected


@pytest.mark.parametrize(
    ("operations", "answers", "raised", "in_flight", "expected"),
    [
        ([], [], False, False, OK),
        ([], [OK, FAILED], False, False, FAILED),
        ([OK], [OK, FAILED], False, False, OK),
        ([OK, UNKNOWN], [], False, False, UNKNOWN),
        ([OK], [], True, False, FAILED),
        ([UNKNOWN], [], True, True, UNKNOWN),
        ([FAILED, UNKNOWN], [], True, True, FAILED),
    ],
)
def test_a_journey_is_as_bad_as_its_worst_operation_and_an_exception_is_never_good(
    operations: list[Outcome],
    answers: list[Outcome],
    raised: bool,  # noqa: FBT001 -- a table
    in_flight: bool,  # noqa: FBT001 -- a table
    expected: Outcome,
) -> None:
    assert of_journey(operations=operations, answers=answers, raised=raised, in_flight=in_flight) is expected
