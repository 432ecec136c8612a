from __future__ import annotations

import pytest
from kit.budget import RetryBudget, jittered


def test_in_an_outage_retries_are_a_tenth_of_the_calls_once_the_reserve_is_spent() -> None:
    budget = RetryBudget(earned_per_call=0.125, most=5)
    retries = 0
    for _ in range(80):
        budget.earn()
        retries += budget.spend()
    assert retries == 5 + 9


def test_the_reserve_never_grows_beyond_its_bound() -> None:
    budget = RetryBudget(most=3)
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 0.02), (2, 0.04), (3, 0.08), (4, 0.16), (5, 0.2), (50, 0.2), (10_000, 0.2)]
)
def test_the_pause_doubles_up_to_its_ceiling(attempt: int, ceiling: float) -> None:
    assert jittered(attempt, first_s=0.02, most_s=0.2, chance=lambda: 1.0) == pytest.approx(ceiling)


def test_the_jitter_is_full_so_that_a_pause_may_be_nothing() -> None:
    assert jittered(3, first_s=0.02, most_s=0.2, chance=lambda: 0.0) == 0.0
