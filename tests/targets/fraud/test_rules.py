from __future__ import annotations

import pytest
from fraud.rules import Facts, decision, score
from hypothesis import given
from hypothesis import strategies as st

ANY = st.builds(Facts, total_cents=st.integers(1, 100_000_000), recent=st.integers(0, 200), new_customer=st.booleans())


@pytest.mark.parametrize(
    ("total_cents", "recent", "new_customer", "points", "judged"),
    [
        (1999, 0, False, 0, "accept"),
        (1999, 0, True, 20, "accept"),
        (49_999, 4, True, 20, "accept"),
        (50_000, 0, False, 30, "accept"),
        (50_000, 0, True, 50, "accept"),
        (1999, 5, False, 30, "accept"),
        (50_000, 5, False, 60, "review"),
        (200_000, 0, False, 60, "review"),
        (1999, 15, False, 60, "review"),
        (200_000, 15, True, 100, "review"),
    ],
)
def test_amount_velocity_and_newness_add_up(
    total_cents: int, recent: int, points: int, judged: str, *, new_customer: bool
) -> None:
    found = score(Facts(total_cents=total_cents, recent=recent, new_customer=new_customer))
    assert (found, decision(found)) == (points, judged)


@given(ANY)
def test_a_score_stays_within_its_bounds_and_is_always_the_same(facts: Facts) -> None:
    assert 0 <= score(facts) <= 100
    assert score(facts) == score(facts)


@given(ANY, st.integers(0, 1_000_000), st.integers(0, 50))
def test_more_money_or_more_haste_never_looks_better(facts: Facts, cents: int, orders: int) -> None:
    worse = Facts(total_cents=facts.total_cents + cents, recent=facts.recent + orders, new_customer=facts.new_customer)
    assert score(worse) >= score(facts)
