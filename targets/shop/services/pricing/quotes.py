"""Prices baskets, by what the database says at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kit.flags import Flags

from pricing.clients import CatalogClient
from pricing.models import Missing, Quote, QuoteLine, QuoteRequest
from pricing.rules import PricedLine, Rule, apply, in_experiment
from pricing.store import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Where the price of a basket comes from; a cached price is never among it, since it will be charged."""

    prices: Prices
    catalog: CatalogClient
    flags: Flags
    rules: Sequence[Rule]

    async def quote(self, basket: QuoteRequest) -> Quote:
        """The price of a basket, or Refused 404 when it holds an unknown product."""
        skus = {item.sku for item in basket.items}
        asking = asyncio.create_task(self.catalog.categories(skus))
        try:
            amounts = await self.prices.amounts(skus)
            categories = await asking
        finally:
            asking.cancel()
        lines = []
        for item in basket.items:
            category = categories.get(item.sku)
            cents, used = apply(
                self.rules,
                PricedLine(
                    unit_cents=amounts[item.sku],
                    quantity=item.quantity,
                    category=category,
                    in_experiment=in_experiment(self.flags, category, basket.customer_id),
                ),
            )
            lines.append(QuoteLine(sku=item.sku, quantity=item.quantity, amount_cents=cents, rules=used))
        missing: list[Missing] = ["category"] if skus - categories.keys() else []
        total = sum(line.amount_cents for line in lines)
        return Quote(total_cents=total, currency="EUR", lines=lines, degraded=missing)
