"""The clock of a run."""

from __future__ import annotations

from harness.clock import RunClock, SystemClock


def test_a_clock_that_is_set_forward_goes_on_from_there_and_says_by_how_much() -> None:
    clock, others = RunClock(), SystemClock()
    before = clock.now()
    clock.set_forward(50.0)
    clock.set_forward(50.0)
    assert clock.now() >= before + 100
    assert clock.ahead_s == 100
    assert before <= others.now() < clock.now()
