from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.flags import Flags
from pricing.models import QuoteLine, UnitCents
from pricing.rules import RULES, PricedLine, Rule, apply, in_experiment, rules_of
from pydantic import TypeAdapter

CUSTOMERS = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"customer-{n}")) for n in range(200)]


def line(
    unit_cents: int = 1000, quantity: int = 1, category: str | None = "kitchen", *, in_experiment: bool = False
) -> PricedLine:
    return PricedLine(unit_cents=unit_cents, quantity=quantity, category=category, in_experiment=in_experiment)


lines = st.builds(
    PricedLine,
    unit_cents=st.integers(1, 250_000),
    quantity=st.integers(1, 20),
    category=st.sampled_from([None, "mirrors", "kitchen"]),
    in_experiment=st.booleans(),
)


@pytest.mark.parametrize(
    ("version", "priced", "cents", "used"),
    [
        ("1.0.0", line(), 1000, []),
        ("1.0.0", line(quantity=9), 9000, []),
        ("1.0.0", line(quantity=10), 9500, ["ten-of-a-kind"]),
        ("1.0.0", line(quantity=2, category="mirrors"), 2000, []),
        ("1.0.0", line(quantity=3, category="mirrors"), 2700, ["three-mirrors"]),
        ("1.0.0", line(quantity=10, category="mirrors"), 8550, ["ten-of-a-kind", "three-mirrors"]),
        ("1.0.0", line(quantity=10, category=None), 9500, ["ten-of-a-kind"]),
        ("1.0.0", line(quantity=2, in_experiment=True), 1940, ["experiment"]),
        ("1.1.0", line(quantity=2, in_experiment=True), 1902, ["experiment", "experiment-pair"]),
        ("1.1.0", line(quantity=1, in_experiment=True), 970, ["experiment"]),
        ("1.1.0", line(unit_cents=1, quantity=3, category="mirrors"), 3, []),
    ],
)
def test_rules_apply_in_their_order_to_what_is_left(
    version: str, priced: PricedLine, cents: int, used: list[str]
) -> None:
    assert apply(rules_of(version), priced) == (cents, used)


@given(lines)
def test_no_rule_makes_a_line_free_or_dearer_or_dearer_than_an_amount_may_be(priced: PricedLine) -> None:
    cents, used = apply(RULES, priced)
    full = priced.unit_cents * priced.quantity
    assert 0 < cents <= full
    assert (cents < full) == bool(used)
    QuoteLine(sku="sku-0001", quantity=priced.quantity, amount_cents=cents, rules=used)


@given(lines.filter(lambda priced: not priced.in_experiment))
def test_without_experiments_both_versions_agree_on_every_line(priced: PricedLine) -> None:
    assert apply(rules_of("1.0.0"), priced) == apply(rules_of("1.1.0"), priced)


def test_the_canary_has_one_rule_more() -> None:
    assert len(rules_of("1.1.0")) == len(rules_of("1.0.0")) + 1


def test_a_rule_is_there_from_its_version_on() -> None:
    rules = [Rule(name="a", percent_off=1), Rule(name="b", percent_off=1, since=(1, 2))]
    assert [len(rules_of(version, rules)) for version in ("1.0.0", "1.1.9", "1.2", "2.0.0")] == [1, 1, 2, 2]


def test_a_product_of_one_piece_costs_what_its_page_says_with_the_default_flags() -> None:
    assert apply(RULES, line(quantity=1, category="mirrors")) == (1000, [])


def test_an_experiment_needs_its_flag_a_category_and_a_customer() -> None:
    flags, on = Flags(), Flags()
    on.take({"pricing-experiment-kitchen": True})
    chosen = [customer for customer in CUSTOMERS if in_experiment(on, "kitchen", customer)]
    assert 60 < len(chosen) < 140
    assert chosen == [customer for customer in CUSTOMERS if in_experiment(on, "kitchen", customer)]
    assert not any(in_experiment(flags, "kitchen", customer) for customer in CUSTOMERS)
    assert not any(in_experiment(on, category, customer) for category in ("audio", None) for customer in CUSTOMERS)
    assert not in_experiment(on, "kitchen", None)


def test_the_largest_basket_of_the_dearest_product_is_still_an_amount() -> None:
    schema = TypeAdapter(UnitCents).json_schema()
    assert schema["maximum"] * 20 * 20 == 100_000_000
    assert schema["minimum"] == 1
