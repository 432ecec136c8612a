from __future__ import annotations

from collections import Counter
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from recommendations.similarity import popular, similar

A, B, C, D = "sku-0001", "sku-0002", "sku-0003", "sku-0004"
baskets = st.lists(st.sets(st.sampled_from([A, B, C, D]), min_size=1), max_size=12)


def counted(orders: list[set[str]]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """In how many orders each stands, and each pair."""
    together: dict[str, Counter[str]] = {sku: Counter() for sku in (A, B, C, D)}
    for order in orders:
        for one, other in permutations(order, 2):
            together[one][other] += 1
    return Counter(sku for order in orders for sku in order), together


@given(baskets)
def test_the_order_is_that_of_the_cosines_of_the_vectors(orders: list[set[str]]) -> None:
    counts, together = counted(orders)

    def cosine(one: str, other: str) -> float:
        """By the book: vectors with one dimension an order."""
        x, y = ([float(sku in order) for order in orders] for sku in (one, other))
        lengths = (sum(v * v for v in x) * sum(v * v for v in y)) ** 0.5
        return sum(a * b for a, b in zip(x, y, strict=True)) / lengths if lengths else 0.0

    found = similar(A, together[A], counts, existing=None, most=3)
    cosines = [round(cosine(A, other), 9) for other in found]
    assert cosines == sorted(cosines, reverse=True)
    assert set(found) == {other for other in (B, C, D) if cosine(A, other) > 0}


def test_what_everybody_buys_is_not_similar_to_everything() -> None:
    orders = [{A, B}, {A, B}, {A, C}, {C}, {C}, {C}, {A, C}, {C}, {C}]
    counts, together = counted(orders)
    assert similar(A, together[A], counts, existing=None, most=2) == [B, C]
    assert popular(counts, existing=None, most=2) == [C, A]


def test_what_is_unknown_cancelled_or_gone_is_not_named() -> None:
    counts, together = {A: 2, B: 2, C: 0}, {B: 1, C: 0, D: 1}
    assert similar(A, together, counts, existing=None, most=5) == [B]
    assert similar(A, together, counts, existing={A, C}, most=5) == []
    assert similar(D, {A: 1}, counts, existing=None, most=5) == []
    assert popular(counts, existing={B, C}, most=5) == [B]
