"""Whether processors stand still is told by what takes always the same, or much longer."""

from __future__ import annotations

import pytest

from harness.clock import SystemClock, pause
from harness.observe.standing import FEWEST, LONG_S, PIECE_S, STRETCH, StandStill, Stood, Watch, resized, worst_between

STALL_S = 0.14
BUSY = 2.2
"""So many times longer takes a piece beside a busy sibling, and a little more."""
LIMIT_S = 30.0


def counted(*pieces: float) -> StandStill:
    still = StandStill()
    for took_s in pieces:
        still.add(took_s)
    return still


def share(*pieces: float) -> float:
    """In the worst seconds."""
    return worst_between(StandStill().seen, counted(*pieces).seen)


def on_the_whole(*pieces: float) -> float:
    return sum(counted(*pieces).seen, Stood()).share


def test_pieces_that_take_the_same_stood_nowhere() -> None:
    assert share(*[PIECE_S] * 200) == 0.0


def test_a_busy_sibling_is_no_standstill() -> None:
    assert share(*[PIECE_S, PIECE_S * BUSY] * 100) == 0.0
    assert share(*[PIECE_S] * 10, *[PIECE_S + LONG_S] * 100) == 0.0


def test_who_stands_for_nine_tenths_of_the_time_is_told_by_one_hit_in_fifteen() -> None:
    """140 ms every 15 ms of work: what is in force between two pieces is as long as what is within them."""
    pieces = [PIECE_S] * 14 + [PIECE_S + STALL_S]
    assert on_the_whole(*pieces * 13) == pytest.approx(STALL_S / (STALL_S + 0.015), abs=0.01)
    assert share(*pieces * 13) == pytest.approx(STALL_S / (STALL_S + 0.015), abs=0.03)


def test_a_host_that_gives_a_tenth_is_seen_within_a_few_seconds() -> None:
    """In the last 3.5 s of a baseline in CI, which was said to have had all of the machine."""
    assert share(*[PIECE_S] * 240, *[PIECE_S * 10] * 35) > 0.8


def test_a_few_hits_say_nothing() -> None:
    hits = [PIECE_S + STALL_S] * (FEWEST - 1)
    assert share(*[PIECE_S] * 100, *hits) == 0.0
    assert share(*[PIECE_S] * 100, *hits, PIECE_S + STALL_S) > 0.5


@pytest.mark.parametrize("at", range(300, 300 + 2 * STRETCH, 7))
def test_six_seconds_that_stood_still_are_seen_in_a_minute_wherever_they_are(at: int) -> None:
    """Of a placebo in CI: one answer never came in six such seconds of 55, which stood still for 14 % of all."""
    pieces = [PIECE_S] * 550
    for hit in range(at, at + 60, 7):
        pieces[hit] += 0.015
    assert on_the_whole(*pieces) < 0.25
    assert share(*pieces) > 0.6


def test_hits_that_are_far_from_each_other_say_nothing() -> None:
    pieces = [PIECE_S] * 600
    for hit in range(0, 600, 2 * STRETCH):
        pieces[hit] += STALL_S
    assert on_the_whole(*pieces) > 0.5
    assert share(*pieces) == 0.0


@pytest.mark.parametrize("before", [STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH])
def test_only_what_was_seen_between_two_looks_counts(before: int) -> None:
    still = counted(*[PIECE_S] * before, *[PIECE_S + STALL_S] * 20)
    then = still.seen
    for _ in range(100):
        still.add(PIECE_S)
    assert worst_between(then, still.seen) == 0.0
    assert worst_between(StandStill().seen, still.seen) > 0.9
    for _ in range(FEWEST):
        still.add(PIECE_S + STALL_S)
    assert worst_between(then, still.seen) > 0.8


def test_looks_right_after_each_other_see_nothing() -> None:
    then = counted(*[PIECE_S + STALL_S] * 2 * STRETCH).seen
    assert worst_between(then, then) == 0.0


def test_a_first_piece_that_stood_still_is_forgotten_with_the_first_that_did_not() -> None:
    assert on_the_whole(PIECE_S + STALL_S, *[PIECE_S] * 50, *[PIECE_S + STALL_S] * 50) == pytest.approx(
        STALL_S / (STALL_S + 2 * PIECE_S), abs=0.02
    )


@pytest.mark.parametrize("first", [1, 10, 300])
def test_a_watch_that_began_while_they_stood_still_does_whole_pieces_as_soon_as_they_work(first: int) -> None:
    """Else the piece of a host that gives a tenth is a tenth of one, and nothing is seen of what comes later."""
    round_s, rounds = PIECE_S / 4000, 100
    for slower in (*[10] * first, 1, 1, 10, 1):
        rounds = resized(rounds, rounds * round_s * slower)
    assert PIECE_S / 2 <= rounds * round_s <= PIECE_S


def test_the_watch_counts_and_ends() -> None:
    clock = SystemClock()
    limit = clock.now() + LIMIT_S
    watch = Watch()
    try:
        while not watch.seen[-1].worked_s:
            assert clock.now() < limit
            pause(0.05)
    finally:
        watch.end()
    ended = watch.seen
    pause(0.3)
    assert watch.seen == ended
