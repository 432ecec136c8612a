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


def test_gaps_are_exponential_with_the_mean_of_the_rate() -> None:
    due = list(arrivals().due(100 + 500))
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(due)]
    assert len(due) == pytest.approx(10_000, abs=300)  # three standard deviations of a Poisson count
    assert statistics.mean(gaps) == pytest.approx(1 / 20, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1 / 20, rel=0.05)  # of an exponential it equals the mean
    assert sum(gap > 1 / 20 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.02)


def test_counts_a_second_have_a_variance_that_equals_their_mean() -> None:
    seconds = Counter(int(arrival.at) for arrival in arrivals().due(100 + 500))
    counts = [seconds[second] for second in range(100, 600)]
    assert statistics.variance(counts) / statistics.mean(counts) == pytest.approx(1, abs=0.2)


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
