"""As much of others' answers as the gateway uses; what isn't like this is not believed."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import Cents, Quantity, Sku, Stars, Tolerant, Uuid
from pydantic import Field

OrderStatus = Literal["pending", "confirmed", "refused", "cancelling", "cancelled"]
Count = Annotated[int, Field(ge=0)]


class Item(Tolerant):
    """So many of one product."""

    sku: Sku
    quantity: Quantity


class CatalogProduct(Tolerant):
    """What the catalog knows of a product."""

    sku: Sku
    name: str
    description: str
    category: str


class ProductPrice(Tolerant):
    """What one of a product costs."""

    sku: Sku
    amount_cents: Cents
    currency: Literal["EUR"]


class Stock(Tolerant):
    """How many can be bought."""

    sku: Sku
    available: Count


class ProductRating(Tolerant):
    """What customers think of a product; without reviews there is no average."""

    sku: Sku
    average: Annotated[float, Field(ge=1, le=5)] | None
    count: Count


class Review(Tolerant):
    """A review as it stands."""

    review_id: Uuid
    sku: Sku
    rating: Stars
    text: str
    written_at: str


class Recommendations(Tolerant):
    """What goes with a product."""

    sku: Sku
    items: Annotated[list[Sku], Field(max_length=20)]


class Found(Tolerant):
    """A product that a search found."""

    sku: Sku
    name: str


class SearchResult(Tolerant):
    """A page of what was found."""

    items: list[Found]
    next: Annotated[str, Field(pattern=r"^/search\?")] | None


class Account(Tolerant):
    """A customer."""

    customer_id: Uuid


class Session(Tolerant):
    """A customer's token."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in_s: Annotated[int, Field(ge=1)]
    customer_id: Uuid


class Cart(Tolerant):
    """A customer's cart."""

    customer_id: Uuid
    items: list[Item]
    total_cents: Count | None
    currency: Literal["EUR"]
    degraded: list[str]
    version: int


class OrderAccepted(Tolerant):
    """An order is on record."""

    order_id: Uuid
    status: Literal["pending"]


class LegacyProduct(Tolerant):
    """A product as the old shop knows it."""

    sku: Sku
    name: str
    description: str
    price_cents: Cents


class Order(Tolerant):
    """An order as it is now."""

    order_id: Uuid
    status: OrderStatus
    reason: str | None
    total_cents: Cents | None
    items: list[Item]
    degraded: list[str]


class Cancellation(Tolerant):
    """The order will be taken back, or was."""

    order_id: Uuid
    status: Literal["cancelling", "cancelled"]


class ListedOrder(Tolerant):
    """An order in its customer's list."""

    order_id: Uuid
    status: OrderStatus
    reason: str | None
    total_cents: Cents | None
    items: list[Item]
    placed_at: str


class OrderList(Tolerant):
    """A page of a customer's orders."""

    items: list[ListedOrder]
    next: Annotated[str, Field(pattern=r"^/orders/mine\?after=[0-9]+&limit=[0-9]+$")] | None
