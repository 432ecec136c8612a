from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter

import pytest

from harness.load.arrivals import Arrival, Arrivals

WEIGHTS = {"browse": 9.0, "checkout": 1.0}


def arrivals(seed: int = 1, *, rate: float = 20, weights: dict[str, float] | None = None) -> Arrivals:
    made = Arrivals(seed)
    made.alter(rate=rate, weights=weights or WEIGHTS, now=100)
    return made


def test_as_many_are_due_in_every_second_and_each_journey_as_often_as_its_weight_says() -> None:
    seconds: dict[int, Counter[str]] = {second: Counter() for second in range(100, 600)}
    for arrival in arrivals(rate=21, weights={"browse": 6.0, "checkout": 1.0}).due(600 - 1e-9):
        seconds[int(arrival.at)][arrival.journey] += 1
    assert {each.total() for each in seconds.values()} <= {19, 20, 21, 22, 23}
    assert {each["checkout"] for each in seconds.values()} <= {2, 3, 4}


def test_when_one_is_due_is_left_to_chance_all_the_same() -> None:
    due = list(arrivals().due(100 + 500))
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(due)]
    assert min(gaps) >= 0
    assert statistics.mean(gaps) == pytest.approx(1 / 20, rel=0.01)
    # The difference of two moments that are drawn evenly from a mean gap each.
    assert statistics.stdev(gaps) == pytest.approx(1 / 20 / math.sqrt(6), rel=0.05)


def test_weights_choose_the_journeys() -> None:
    journeys = Counter(arrival.journey for arrival in arrivals(weights={**WEIGHTS, "never": 0}).due(100 + 500))
    assert set(journeys) == {"browse", "checkout"}
    assert journeys["checkout"] / journeys.total() == pytest.approx(0.1, abs=0.01)


def test_the_same_seed_replays_the_same_arrivals_however_they_are_asked_for() -> None:
    at_once = list(arrivals(7).due(160))
    asked = arrivals(7)
    bit_by_bit: list[Arrival] = []
    for step in range(6_000):
        bit_by_bit += asked.due(100 + step / 100)
    bit_by_bit += asked.due(160)
    assert bit_by_bit == at_once
    assert list(arrivals(8).due(160)) != at_once


def test_the_same_seed_gives_the_same_journeys_at_any_rate() -> None:
    slow = [arrival.journey for arrival in arrivals(7, rate=5).due(160)]
    fast = [arrival.journey for arrival in arrivals(7, rate=50).due(160)]
    assert fast[: len(slow)] == slow


def test_an_altered_rate_acts_at_once_and_scales_what_is_left_of_the_gap() -> None:
    made = arrivals(rate=1)
    before = made.next_at
    made.alter(rate=10, weights=WEIGHTS, now=100)
    assert made.next_at - 100 == pytest.approx((before - 100) / 10)
    assert len(list(made.due(200))) == pytest.approx(1_000, abs=100)


def test_nothing_is_due_at_rate_zero_nor_before_the_first_alteration() -> None:
    assert Arrivals(1).next_at == math.inf
    assert list(Arrivals(1).due(1e9)) == []
    made = arrivals()
    list(made.due(110))
    made.stop(110)
    assert list(made.due(1e9)) == []


def test_arrivals_go_on_after_a_stop_without_a_burst() -> None:
    made = arrivals()
    list(made.due(110))
    made.stop(110)
    made.alter(rate=20, weights=WEIGHTS, now=1_000)
    again = list(made.due(1_010))
    assert len(again) == pytest.approx(200, abs=50)
    assert min(arrival.at for arrival in again) >= 1_000


def test_numbers_count_without_a_gap() -> None:
    assert [arrival.number for arrival in arrivals().due(110)] == list(range(len(list(arrivals().due(110)))))


@pytest.mark.parametrize("rate", [-1, math.inf, math.nan])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="expected a rate"):
        Arrivals(1).alter(rate=rate, weights=WEIGHTS, now=0)


@pytest.mark.parametrize("weights", [{}, {"browse": 0.0}, {"browse": -1.0}])
def test_a_rate_without_a_journey_to_choose_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive weight"):
        Arrivals(1).alter(rate=1, weights=weights, now=0)
