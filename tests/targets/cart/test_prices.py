from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
from cart.clients import PricingClient, Quote, QuoteLine, QuoteRequest
from cart.prices import Prices, Total
from kit.trouble import Unavailable

CUSTOMER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
LAMP, CHAIR = "sku-0001", "sku-0002"


@dataclass
class Pricing:
    """Everything costs the same until it is away."""

    cents: int = 100
    away: bool = False
    asked: int = 0

    async def quote(self, wanted: QuoteRequest) -> Quote:
        self.asked += 1
        if self.away:
            raise Unavailable("pricing", "it is away", sent=False)
        lines = [
            QuoteLine(sku=line.sku, quantity=line.quantity, amount_cents=line.quantity * self.cents)
            for line in wanted.items
        ]
        return Quote(total_cents=sum(line.amount_cents for line in lines), currency="EUR", lines=lines)


@pytest.fixture
def pricing() -> Pricing:
    return Pricing()


@pytest.fixture
def prices(pricing: Pricing) -> Prices:
    return Prices(cast("PricingClient", pricing))


async def test_the_last_known_price_is_taken_while_pricing_is_away(pricing: Pricing, prices: Prices) -> None:
    assert await prices.total(CUSTOMER, {LAMP: 2}) == Total(cents=200, fresh=True)
    pricing.cents = 150
    await prices.total(CUSTOMER, {CHAIR: 1})
    pricing.away = True
    assert await prices.total(CUSTOMER, {LAMP: 3, CHAIR: 1}) == Total(cents=450, fresh=False)


async def test_who_is_in_a_hurry_gets_the_last_known_price_unasked(pricing: Pricing, prices: Prices) -> None:
    assert await prices.total(CUSTOMER, {LAMP: 1}, ask=False) == Total(cents=None, fresh=False)
    await prices.total(CUSTOMER, {LAMP: 2})
    assert await prices.total(CUSTOMER, {LAMP: 3}, ask=False) == Total(cents=300, fresh=False)
    assert pricing.asked == 1


async def test_a_total_that_was_never_known_is_not_invented(pricing: Pricing, prices: Prices) -> None:
    await prices.total(CUSTOMER, {LAMP: 1})
    pricing.away = True
    assert await prices.total(CUSTOMER, {LAMP: 1, CHAIR: 1}) == Total(cents=None, fresh=False)


async def test_an_empty_cart_costs_nothing_and_nobody_is_asked(pricing: Pricing, prices: Prices) -> None:
    assert await prices.total(CUSTOMER, {}) == Total(cents=0, fresh=True)
    assert pricing.asked == 0


async def test_a_cart_that_has_grown_too_large_by_merging_is_priced_by_memory(prices: Prices) -> None:
    many = {f"sku-{number:04d}": 1 for number in range(21)}
    assert await prices.total(CUSTOMER, many) == Total(cents=None, fresh=False)
