from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest
from cart.merge import MAJORITY, MOST_REMOVED, Cart, When, merge
from hypothesis import given
from hypothesis import strategies as st

A, B = "cart-1", "cart-2"
LAMP, CHAIR = "sku-0001", "sku-0002"
whens = st.builds(When, at_ms=st.integers(1, 6), by=st.sampled_from([A, B]))
# At one moment one instance means one thing.
puts = st.builds(
    lambda sku, when: Cart().put(sku, (when.at_ms * 7 + len(when.by)) % 3, when), st.sampled_from([LAMP, CHAIR]), whens
)
clearings = st.builds(lambda when: Cart().clear(when), whens)
carts = st.lists(st.one_of(puts, puts, clearings), max_size=3).map(lambda changes: reduce(merge, changes, Cart()))


@given(st.lists(carts, min_size=2, max_size=4))
def test_copies_merge_to_the_same_cart_in_any_order_and_however_often(copies: list[Cart]) -> None:
    expected = reduce(merge, copies).dump()
    for order in permutations(copies):
        assert reduce(merge, [*order, *copies]).dump() == expected


@given(carts, carts)
def test_a_merged_cart_is_no_older_than_either_and_includes_both(one: Cart, other: Cart) -> None:
    both = merge(one, other)
    assert both.version == max(one.version, other.version)
    assert both.includes(one.version)
    assert both.includes(other.version)


@given(carts, carts, st.integers(0, 6), st.sampled_from([A, B, MAJORITY]))
def test_what_was_merged_has_a_version_of_its_own_once_it_was_touched(
    one: Cart, other: Cart, now_ms: int, by: str
) -> None:
    both = merge(one, other)
    touched = both.touched(both.next(now_ms, by))
    assert touched.items == both.items
    assert touched.version > both.version
    assert not both.includes(touched.version)


def test_a_copy_includes_the_events_that_it_has_merged_and_a_higher_number_is_none_of_them() -> None:
    cart = Cart().put(LAMP, 1, When(at_ms=5, by=A)).put(LAMP, 2, When(at_ms=9, by=B))
    assert cart.version == 9_002
    versions = (0, 5_000, 5_001, 6_001, 9_001, 5_002, 9_002, 9_003, 10_002)
    assert [version for version in versions if cart.includes(version)] == [0, 5_001, 5_002, 9_002]


@pytest.mark.parametrize(
    ("by", "version"),
    [
        (MAJORITY, 7_000),
        ("cart-1", 7_001),
        ("cart-12", 7_012),
        ("cart-1000", 7_001),
        ("cart-1998", 7_999),
        ("cart", 7_999),
    ],
)
def test_the_number_of_an_instance_is_never_that_of_the_majority(by: str, version: int) -> None:
    assert Cart().clear(When(at_ms=7, by=by)).version == version


@given(carts)
def test_what_is_stored_is_read_back(cart: Cart) -> None:
    assert Cart.load(cart.dump()) == cart


@given(carts, st.integers(0, 6), st.sampled_from([A, B]))
def test_a_change_counts_whatever_the_clock_says(cart: Cart, now_ms: int, by: str) -> None:
    changed = cart.put(LAMP, 5, cart.next(now_ms, by))
    assert changed.items[LAMP] == 5
    assert changed.version > cart.version
    assert not changed.clear(changed.next(now_ms, by)).items


def test_of_two_concurrent_changes_the_later_intent_wins_and_no_other_item_is_lost() -> None:
    here = Cart().put(LAMP, 1, When(at_ms=5, by=A)).put(LAMP, 0, When(at_ms=9, by=A))
    there = Cart().put(LAMP, 3, When(at_ms=7, by=B)).put(CHAIR, 2, When(at_ms=6, by=B))
    assert merge(here, there).items == {CHAIR: 2}
    assert merge(there, here.put(LAMP, 4, When(at_ms=10, by=A))).items == {LAMP: 4, CHAIR: 2}


def test_a_clearing_voids_what_was_before_it_but_nothing_later() -> None:
    cleared = Cart().clear(When(at_ms=5, by=A))
    before, after = Cart().put(LAMP, 1, When(at_ms=4, by=B)), Cart().put(CHAIR, 1, When(at_ms=6, by=B))
    assert merge(cleared, merge(before, after)).items == {CHAIR: 1}


def test_removed_products_are_remembered_up_to_a_limit() -> None:
    cart = Cart().put(LAMP, 1, When(at_ms=1, by=A))
    for number in range(2 * MOST_REMOVED):
        cart = cart.put(f"sku-{number + 100:04d}", 0, When(at_ms=number + 2, by=A))
    assert len(cart.intents) == MOST_REMOVED + 1
    assert cart.items == {LAMP: 1}


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{}",
        b'{"intents": {"lamp": {}}, "cleared": {}, "known": {}}',
        b'{"intents": {}, "cleared": {}}',
        b'{"intents": {}, "cleared": {}, "known": {"cart-1": "now"}}',
        b"\xff",
    ],
)
def test_what_is_no_cart_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Cart.load(wrong)
