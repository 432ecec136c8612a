from __future__ import annotations

import pytest
from gateway.known import LastKnown


class Clock:
    def __init__(self) -> None:
        self.t = 100.0

    def __call__(self) -> float:
        return self.t


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_was_never_known_is_not_remembered(clock: Clock) -> None:
    assert LastKnown[str](clock=clock).recall("sku-0001") is None


def test_an_answer_is_remembered_for_a_minute_and_no_longer(clock: Clock) -> None:
    known = LastKnown[str](clock=clock)
    known.note("sku-0001", "lamp")
    clock.t += 60.0
    assert known.recall("sku-0001") == "lamp"
    clock.t += 0.001
    assert known.recall("sku-0001") is None


def test_a_newer_answer_takes_the_place_of_the_older_one(clock: Clock) -> None:
    known = LastKnown[str](clock=clock)
    known.note("sku-0001", "lamp")
    clock.t += 50.0
    known.note("sku-0001", "chair")
    clock.t += 50.0
    assert known.recall("sku-0001") == "chair"


def test_the_oldest_answer_is_forgotten_when_there_are_too_many(clock: Clock) -> None:
    known = LastKnown[str](most=2, clock=clock)
    known.note("sku-0001", "lamp")
    known.note("sku-0002", "chair")
    known.note("sku-0001", "lamp")
    known.note("sku-0003", "clock")
    assert known.recall("sku-0001") == "lamp"
    assert known.recall("sku-0002") is None
    assert known.recall("sku-0003") == "clock"
