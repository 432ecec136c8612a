"""Whether processors stand still is told by what takes always the same, or much longer."""

from __future__ import annotations

import pytest

from harness.clock import SystemClock, pause
from harness.observe.standing import FEWEST, LONG_S, PIECE_S, StandStill, Stood, Watch, share_between

STALL_S = 0.14
BUSY = 2.2
"""So many times longer takes a piece beside a busy sibling, and a little more."""
LIMIT_S = 30.0


def seen(*pieces: float) -> Stood:
    counted = StandStill()
    for took_s in pieces:
        counted.add(took_s)
    return counted.seen


def share(*pieces: float) -> float:
    return share_between(Stood(), seen(*pieces))


def test_pieces_that_take_the_same_stood_nowhere() -> None:
    assert share(*[PIECE_S] * 200) == 0.0


def test_a_busy_sibling_is_no_standstill() -> None:
    assert share(*[PIECE_S, PIECE_S * BUSY] * 100) == 0.0
    assert share(*[PIECE_S] * 10, *[PIECE_S + LONG_S] * 100) == 0.0


def test_who_stands_for_nine_tenths_of_the_time_is_told_by_one_hit_in_fifteen() -> None:
    """140 ms every 15 ms of work: what is in force between two pieces is as long as what is within them."""
    pieces = [PIECE_S] * 14 + [PIECE_S + STALL_S]
    assert share(*pieces * 13) == pytest.approx(STALL_S / (STALL_S + 0.015), abs=0.01)


def test_a_few_hits_say_nothing() -> None:
    hits = [PIECE_S + STALL_S] * (FEWEST - 1)
    assert share(*[PIECE_S] * 100, *hits) == 0.0
    assert share(*[PIECE_S] * 100, *hits, PIECE_S + STALL_S) > 0.5


def test_only_what_was_seen_between_two_looks_counts() -> None:
    counted = StandStill()
    for took_s in [PIECE_S] * 20 + [PIECE_S + STALL_S] * 20:
        counted.add(took_s)
    before = counted.seen
    for _ in range(100):
        counted.add(PIECE_S)
    assert share_between(before, counted.seen) == 0.0
    assert share_between(Stood(), counted.seen) > 0.9


def test_a_first_piece_that_stood_still_is_forgotten_with_the_first_that_did_not() -> None:
    assert share(PIECE_S + STALL_S, *[PIECE_S] * 50, *[PIECE_S + STALL_S] * 50) == pytest.approx(
        STALL_S / (STALL_S + 2 * PIECE_S), abs=0.02
    )


def test_the_watch_counts_and_ends() -> None:
    clock = SystemClock()
    limit = clock.now() + LIMIT_S
    watch = Watch()
    try:
        while not watch.seen.worked_s:
            assert clock.now() < limit
            pause(0.05)
    finally:
        watch.end()
    ended = watch.seen
    pause(0.3)
    assert watch.seen == ended
