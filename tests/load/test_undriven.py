from __future__ import annotations

from harness.load.arrivals import Arrivals
from harness.load.undriven import KEPT_S, Undriven
from harness.load.wire import Drive

WEIGHTS = {"good": 1.0}


def driven(rate: float, at: float) -> Drive:
    return Drive(id=1, rate=rate, weights=WEIGHTS, at=at)


def test_what_was_due_at_one_that_is_gone_is_what_it_would_have_driven() -> None:
    undriven = Undriven(3, generators=2)
    undriven.alter(driven(50, 0.25))
    undriven.alter(driven(20, 4.5))
    undriven.stop(8.0)
    own = Arrivals(3, worker=1, workers=2)
    own.alter(rate=50, weights=WEIGHTS, now=0.25)
    first = list(own.due(4.5))
    own.alter(rate=20, weights=WEIGHTS, now=4.5)
    due = [arrival.at for arrival in (*first, *own.due(8.0))]
    rows = undriven.lost(1, "2", since=2, before=10)
    assert {row.second: row.lost for row in rows} == {
        second: count for second in range(2, 8) if (count := sum(1 for at in due if second <= at < second + 1))
    }
    assert {(row.due - row.lost, row.started, row.dropped, row.worker) for row in rows} == {(0, 0, 0, "2")}


def test_nothing_is_due_before_the_load_begins_and_after_it_stops() -> None:
    undriven = Undriven(3, generators=2)
    assert undriven.lost(0, "1", since=0, before=5) == ()
    undriven.alter(driven(50, 5.0))
    undriven.stop(6.0)
    assert {row.second for row in undriven.lost(0, "1", since=0, before=60)} == {5}


def test_what_is_long_past_is_forgotten() -> None:
    undriven = Undriven(3, generators=1)
    undriven.alter(driven(5, 0.0))
    for second in range(KEPT_S * 3):
        undriven.upto(float(second))
    rows = undriven.lost(0, "1", since=0, before=KEPT_S * 3)
    assert min(row.second for row in rows) >= KEPT_S * 2 - 2
