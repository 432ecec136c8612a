"""What customers ask and what they are answered."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import CardToken, Cents, Line, Lines, Sku, Strict, Uuid
from pydantic import Field

Currency = Literal["EUR"]
Soft = Literal["stock", "recommendations"]
"""The parts of a product page that it can do without."""


class Price(Strict):
    """What one of a product costs."""

    amount_cents: Cents
    currency: Currency


class ProductPage(Strict):
    """All that a product's page shows; what is missing is named in `degraded`."""

    sku: Sku
    name: str
    description: str
    price: Price
    stock: Annotated[int, Field(ge=0)] | None
    recommendations: list[Sku]
    degraded: list[Soft]


class OrderRequest(Strict):
    """What to buy, and whose card pays."""

    items: Lines
    card_token: CardToken


class OrderAccepted(Strict):
    """The order is on record and will come to an end."""

    order_id: Uuid
    status: Literal["pending"]


class Order(Strict):
    """An order as it is now."""

    order_id: Uuid
    status: Literal["pending", "confirmed", "refused"]
    reason: str | None
    total_cents: Cents | None
    items: list[Line]
    degraded: list[str]
