"""What the cart asks of pricing, and as much of the answer as it uses."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.client import Call, Edge, Limits
from kit.trouble import Refused, Unavailable
from kit.words import Lines, Quantity, Sku, Strict, Tolerant, Uuid
from pydantic import Field

PRICING = Limits(deadline_s=0.25, attempt_s=0.25, attempts=1)
"""Little time and one attempt: a cart without fresh prices is better than a late one."""
Amount = Annotated[int, Field(ge=0)]


class QuoteRequest(Strict):
    """A basket to be priced, and for whom."""

    items: Lines
    customer_id: Uuid


class QuoteLine(Tolerant):
    """What one line of the basket costs in all."""

    sku: Sku
    quantity: Quantity
    amount_cents: Amount


class Quote(Tolerant):
    """What the basket costs."""

    total_cents: Amount
    currency: Literal["EUR"]
    lines: list[QuoteLine]


class PricingClient:
    """cart → pricing."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def quote(self, wanted: QuoteRequest) -> Quote:
        """The price of a basket; raises Unavailable, also when a product has none."""
        call = Call(method="POST", path="/quotes", body=wanted, refusals=frozenset({404, 422}))
        try:
            return await self.edge.call(call, Quote)
        except Refused as error:
            raise Unavailable("pricing", error.detail, sent=True) from error
