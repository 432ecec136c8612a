"""How a journey ended, told from its operations, else from its answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from harness.model.observation import AnswerClass, Outcome

COMMANDS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that change state: without an answer nobody knows whether they did."""

_BADNESS = {Outcome.OK: 0, Outcome.DEGRADED: 1, Outcome.UNKNOWN: 2, Outcome.FAILED: 3}


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """FAILED over UNKNOWN over DEGRADED over OK; of nothing, OK."""
    return max(outcomes, key=_BADNESS.__getitem__, default=Outcome.OK)


def of_answer(method: str, status: int, answer: AnswerClass) -> Outcome:
    """What one answer means to its customer: an unanswered or garbled command is UNKNOWN, a query FAILED."""
    match answer:
        case AnswerClass.FULL:
            return Outcome.OK
        case AnswerClass.DEGRADED:
            return Outcome.DEGRADED
        case AnswerClass.CLEAN:
            return Outcome.FAILED
        case AnswerClass.DIRTY:
            rejected = 400 <= status < 500  # noqa: PLR2004 -- the range of HTTP statuses that reject a request
            return Outcome.UNKNOWN if method in COMMANDS and not rejected else Outcome.FAILED


def of_journey(
    *, operations: Collection[Outcome], answers: Collection[Outcome], raised: bool, in_flight: bool
) -> Outcome:
    """The worst of a journey's operations; without any, the worst of its answers.

    A journey that `raised` is at best FAILED (its customer did not get through), or UNKNOWN when the exception
    left an operation or a command `in_flight`: then nobody knows whether it happened.
    """
    found = worst(operations or answers)
    if not raised:
        return found
    return worst([found, Outcome.UNKNOWN if in_flight else Outcome.FAILED])
