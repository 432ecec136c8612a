"""What the gateway asks of others, and as much of their answers as it uses."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.client import Call, Edge, Limits
from kit.words import Cents, Line, Sku, Tolerant
from pydantic import Field

from gateway.models import OrderRequest

CATALOG = Limits(deadline_s=0.8, attempt_s=0.4)
PRICING = Limits(deadline_s=0.8, attempt_s=0.4)
# The soft ones get little time and one attempt: a page without them is better than a late one.
INVENTORY = Limits(deadline_s=0.25, attempt_s=0.25, attempts=1)
RECOMMENDATIONS = Limits(deadline_s=0.25, attempt_s=0.25, attempts=1)
# Orders takes no new ones while payments is away, but those on record can be read all the same.
ORDERS = Limits(deadline_s=1.6, attempt_s=1.2, one_fate=False)


class CatalogProduct(Tolerant):
    """What the catalog knows of a product."""

    sku: Sku
    name: str
    description: str


class ProductPrice(Tolerant):
    """What one of a product costs."""

    sku: Sku
    amount_cents: Cents
    currency: Literal["EUR"]


class Stock(Tolerant):
    """How many can be bought."""

    sku: Sku
    available: Annotated[int, Field(ge=0)]


class Recommendations(Tolerant):
    """What goes with a product."""

    sku: Sku
    items: list[Sku]


class OrderAccepted(Tolerant):
    """An order is on record."""

    order_id: str
    status: Literal["pending"]


class OrderState(Tolerant):
    """An order as it is now."""

    order_id: str
    status: Literal["pending", "confirmed", "refused"]
    reason: str | None
    total_cents: Cents | None
    items: list[Line]


class CatalogClient:
    """gateway → catalog."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def product(self, sku: str) -> CatalogProduct:
        """One product; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/products/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, CatalogProduct)


class PricingClient:
    """gateway → pricing."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def price(self, sku: str) -> ProductPrice:
        """The price of one product; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/prices/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, ProductPrice)


class InventoryClient:
    """gateway → inventory."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def stock(self, sku: str) -> Stock:
        """The stock of one product; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/stock/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, Stock)


class RecommendationsClient:
    """gateway → recommendations."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def best(self, sku: str) -> Recommendations:
        """What goes with a product."""
        return await self.edge.call(Call(method="GET", path=f"/recommendations/{sku}"), Recommendations)


class OrdersClient:
    """gateway → orders."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def place(self, order: OrderRequest, key: str) -> OrderAccepted:
        """Place an order once; Refused 409 when the key was used for another one."""
        call = Call(method="POST", path="/orders", body=order, key=key, expect=202, refusals=frozenset({409, 422}))
        return await self.edge.call(call, OrderAccepted)

    async def read(self, order_id: str) -> OrderState:
        """One order; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/orders/{order_id}", refusals=frozenset({404}))
        return await self.edge.call(call, OrderState)
