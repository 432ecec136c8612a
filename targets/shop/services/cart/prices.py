"""What a cart costs: fresh from pricing, else by the last known prices, else unknown."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from kit import deadline
from kit.trouble import Unavailable
from kit.words import Line
from pydantic import ValidationError

from cart.clients import PRICING, PricingClient, Quote, QuoteRequest

MOST_KNOWN = 10_000
"""How many products' prices are remembered."""
REPLY_S = 0.02
"""What is kept of the request's time to answer without fresh prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The sum, None when it can't be told; fresh or as remembered."""

    cents: int | None
    fresh: bool


class Prices:
    """Asks pricing, and remembers what it said."""

    def __init__(self, pricing: PricingClient) -> None:
        self._pricing = pricing
        self._known: OrderedDict[str, Fraction] = OrderedDict()

    async def total(self, customer_id: str, items: Mapping[str, int], *, ask: bool = True) -> Total:
        """What this customer pays for these items; by the last known prices if nobody is to be asked."""
        if not items:
            return Total(cents=0, fresh=True)
        if not ask:
            return Total(cents=self._remembered(items), fresh=False)
        lines = [Line(sku=sku, quantity=quantity) for sku, quantity in items.items()]
        try:
            async with asyncio.timeout(max(0.0, deadline.current(PRICING.deadline_s).left_s() - REPLY_S)):
                quote = await self._pricing.quote(QuoteRequest(items=lines, customer_id=customer_id))
        except (Unavailable, TimeoutError, ValidationError):  # merged carts may be larger than a quote may be
            return Total(cents=self._remembered(items), fresh=False)
        self._remember(quote)
        return Total(cents=quote.total_cents, fresh=True)

    def _remember(self, quote: Quote) -> None:
        for line in quote.lines:
            self._known[line.sku] = Fraction(line.amount_cents, line.quantity)
            self._known.move_to_end(line.sku)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def _remembered(self, items: Mapping[str, int]) -> int | None:
        if not items.keys() <= self._known.keys():
            return None
        return round(sum(self._known[sku] * quantity for sku, quantity in items.items()))
