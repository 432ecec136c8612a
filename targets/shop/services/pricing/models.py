"""What pricing is asked and what it answers."""

from __future__ import annotations

from typing import Literal

from kit.words import Cents, Lines, Quantity, Sku, Strict

Currency = Literal["EUR"]


class Price(Strict):
    """What one of a product costs."""

    sku: Sku
    amount_cents: Cents
    currency: Currency


class QuoteRequest(Strict):
    """A basket to be priced."""

    items: Lines


class QuoteLine(Strict):
    """What one line of the basket costs in all."""

    sku: Sku
    quantity: Quantity
    amount_cents: Cents


class Quote(Strict):
    """What the basket costs."""

    total_cents: Cents
    currency: Currency
    lines: list[QuoteLine]
