"""What customers ask and what they are answered."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import PRINTABLE, CardToken, Cents, Line, Lines, PageStart, Prose, Quantity, Sku, Stars, Strict, Uuid
from pydantic import Field

Currency = Literal["EUR"]
Soft = Literal["stock", "rating", "recommendations"]
"""The parts of a product page that it can do without."""
OrderStatus = Literal["pending", "confirmed", "refused", "cancelling", "cancelled"]
Email = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}$",
        max_length=200,
        examples=["customer-0001@shop.example"],
    ),
]
NewPassword = Annotated[str, Field(min_length=8, max_length=128, examples=["demo-password"])]
GivenPassword = Annotated[str, Field(min_length=1, max_length=128, examples=["demo-password"])]
PersonName = Annotated[str, Field(max_length=100, pattern=PRINTABLE, examples=["Customer 1"])]
SearchText = Annotated[str, Field(max_length=100, pattern=PRINTABLE, examples=["kettle"])]


CartVersion = PageStart
"""Any whole number that the cart gave."""


class Price(Strict):
    """What one of a product costs."""

    amount_cents: Cents
    currency: Currency


class Rating(Strict):
    """What customers think of a product: stars from 1 to 5, none without a review."""

    average: Annotated[float, Field(ge=1, le=5)] | None
    count: Annotated[int, Field(ge=0)]


class ProductPage(Strict):
    """All that a product's page shows; what is missing, or not of now, is named in `degraded`."""

    sku: Sku
    name: str
    description: str
    category: str
    price: Price
    stock: Annotated[int, Field(ge=0)] | None
    rating: Rating | None
    recommendations: list[Sku]
    degraded: list[Soft]


class ReviewRequest(Strict):
    """What a customer says of a product."""

    rating: Stars
    text: Prose


class Review(Strict):
    """A review as it stands."""

    review_id: Uuid
    sku: Sku
    rating: Stars
    text: str
    written_at: str


class LegacyProduct(Strict):
    """A product as the old shop shows it."""

    sku: Sku
    name: str
    description: str
    price_cents: Cents


class Found(Strict):
    """A product that a search found."""

    sku: Sku
    name: str


class SearchResult(Strict):
    """A page of what was found, the best first; `next` is the address of the one after it."""

    items: list[Found]
    next: str | None


class AccountRequest(Strict):
    """Who wants to be a customer."""

    email: Email
    password: NewPassword
    name: PersonName


class Account(Strict):
    """A customer."""

    customer_id: Uuid


class SessionRequest(Strict):
    """Who signs in."""

    email: Email
    password: GivenPassword


class Session(Strict):
    """A customer's token, for the header `Authorization`."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in_s: int
    customer_id: Uuid


class QuantityRequest(Strict):
    """How many of a product the cart shall hold."""

    quantity: Quantity


class Cart(Strict):
    """A customer's cart; who sends `version` back, with changes too, never sees an older one.

    Without a total when no price can be had, which `degraded` tells.
    """

    customer_id: Uuid
    items: list[Line]
    total_cents: Annotated[int, Field(ge=0)] | None
    currency: Currency
    degraded: list[str]
    version: int


class OrderRequest(Strict):
    """What to buy, and whose card pays."""

    items: Lines
    card_token: CardToken


class OrderAccepted(Strict):
    """The order is on record and will come to an end, which can be read at `read_at`."""

    order_id: Uuid
    status: Literal["pending"]
    read_at: str


class Order(Strict):
    """An order as it is now."""

    order_id: Uuid
    status: OrderStatus
    reason: str | None
    total_cents: Cents | None
    items: list[Line]
    degraded: list[str]


class Cancellation(Strict):
    """The order will be taken back, or was."""

    order_id: Uuid
    status: Literal["cancelling", "cancelled"]


class ListedOrder(Strict):
    """An order in its customer's list, which may lag behind by a second."""

    order_id: Uuid
    status: OrderStatus
    reason: str | None
    total_cents: Cents | None
    items: list[Line]
    placed_at: str


class OrderList(Strict):
    """A page of a customer's orders; `next` is the address of the one after it."""

    items: list[ListedOrder]
    next: str | None
