"""How many independent samples the samples of seconds are worth."""

from __future__ import annotations

import math
from random import Random
from statistics import median

import pytest

from harness.checkers.serial import independent, t_quantile, worth


def residuals(correlation: float, seconds: int = 400, seed: int = 11) -> list[float]:
    chance = Random(seed)  # noqa: S311 -- a simulation keeps no secrets
    value, found = chance.gauss(0, 1), []
    for _ in range(seconds):
        value = correlation * value + chance.gauss(0, math.sqrt(1 - correlation**2))
        found.append(value)
    mean = sum(found) / seconds
    return [each - mean for each in found]


@pytest.mark.parametrize(
    ("alpha", "df", "expected"), [(0.025, 5, 2.5706), (0.025, 60, 2.0003), (0.001, 10, 4.1437), (0.05, 2, 2.92)]
)
def test_students_t_is_that_of_the_tables(alpha: float, df: float, expected: float) -> None:
    assert t_quantile(alpha, df) == pytest.approx(expected, abs=5e-4)


def usual_worth(correlation: float) -> float:
    return median(worth(residuals(correlation, seed=seed), 1.0, 400, 0.025) for seed in range(21))


def test_independent_seconds_are_worth_most_of_their_samples() -> None:
    assert 240 < usual_worth(0.0) <= 400


def test_seconds_that_follow_one_another_are_worth_few() -> None:
    truth = 400 * (1 - 0.8) / (1 + 0.8)
    assert truth / 3 < usual_worth(0.8) < truth * 1.2


def test_a_few_seconds_that_are_alike_are_worth_nothing() -> None:
    assert worth(residuals(0.95, 30), 1.0, 600, 0.025) == 0
    assert worth([1.0, -1.0, 1.0, -1.0], 1.0, 80, 0.025) == 0


def test_what_never_differs_needs_no_seconds() -> None:
    assert worth([0.0] * 3, 0.0, 90, 0.025) == 90
    assert independent([0.0] * 20) == 20
