from __future__ import annotations

import pytest

from harness.load.clocks import ClockOffset, RoundTrip, offset

FAST = RoundTrip(asked=100.0, theirs=350.001, answered=100.002)
SLOW = RoundTrip(asked=101.0, theirs=351.9, answered=102.0)
HERE = RoundTrip(asked=100.0, theirs=100.0015, answered=100.002)


def test_the_fastest_round_trip_tells_the_offset_and_its_doubt() -> None:
    found = offset([SLOW, FAST, SLOW], same_machine=False)
    assert found.offset_s == pytest.approx(250.0)
    assert found.doubt_s == pytest.approx(0.001)


def test_processes_of_one_machine_share_a_clock() -> None:
    assert offset([HERE], same_machine=True) == ClockOffset(offset_s=0.0, doubt_s=0.0)
    assert offset([HERE], same_machine=False).offset_s == pytest.approx(0.0005)


def test_a_container_with_a_time_of_its_own_does_not() -> None:
    assert offset([FAST], same_machine=True).offset_s == pytest.approx(250.0)


def test_the_truth_lies_within_the_doubt_however_uneven_the_ways_are() -> None:
    for back_ms in range(0, 51, 5):  # of 50 ms in all, the answer takes so much
        trip = RoundTrip(asked=10.0, theirs=7010.0 + 0.050 - back_ms / 1000, answered=10.050)
        found = offset([trip], same_machine=False)
        assert abs(found.offset_s - 7000.0) <= found.doubt_s + 1e-9
