"""What pricing is asked and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import Cents, Lines, Quantity, Sku, Strict, Uuid, Whole
from pydantic import Field

Currency = Literal["EUR"]
UnitCents = Annotated[int, Field(ge=1, le=250_000, examples=[1999]), Whole]
"""What one of a product may cost, so that the largest basket (20 lines of 20) stays below the largest amount."""
Missing = Literal["category"]
"""What a quote can do without."""


class PriceChange(Strict):
    """What one of a product costs from now on."""

    amount_cents: UnitCents
    currency: Currency


class Price(Strict):
    """What one of a product costs."""

    sku: Sku
    amount_cents: UnitCents
    currency: Currency


class QuoteRequest(Strict):
    """A basket to be priced, and for whom, when that is known."""

    items: Lines
    customer_id: Uuid | None = None


class QuoteLine(Strict):
    """What one line of the basket costs in all, and the rules that made it cheaper."""

    sku: Sku
    quantity: Quantity
    amount_cents: Cents
    rules: list[str]


class Quote(Strict):
    """What the basket costs; what could not be taken into account is named in `degraded`."""

    total_cents: Cents
    currency: Currency
    lines: list[QuoteLine]
    degraded: list[Missing]
