"""What orders is asked, and what it answers."""

from __future__ import annotations

from typing import Literal

from kit.words import CardToken, Cents, Line, Lines, Strict, Uuid

from orders.saga import Status


class OrderRequest(Strict):
    """What to buy, and whose card pays."""

    items: Lines
    card_token: CardToken


class OrderAccepted(Strict):
    """The order is on record and will come to an end."""

    order_id: Uuid
    status: Literal["pending"]


class Cancellation(Strict):
    """The order will be taken back, or was."""

    order_id: Uuid
    status: Literal["cancelling", "cancelled"]


class Order(Strict):
    """An order as it is now."""

    order_id: Uuid
    customer_id: Uuid
    status: Status
    reason: str | None
    total_cents: Cents | None
    items: list[Line]
    degraded: list[str]


class ListedOrder(Strict):
    """An order in a list; `states` is all that it has been so far."""

    order_id: Uuid
    customer_id: Uuid
    status: Status
    states: list[Status]
    total_cents: Cents | None
    items: list[Line]
    reason: str | None


class OrderPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[ListedOrder]
    next: str | None


class MyOrder(Strict):
    """An order in its customer's list, which may lag behind by a second."""

    order_id: Uuid
    status: Status
    total_cents: Cents | None
    items: list[Line]
    reason: str | None
    placed_at: str


class MyOrderPage(Strict):
    """A page of a customer's orders; `next` is the address of the one after it."""

    items: list[MyOrder]
    next: str | None


class Happened(Strict):
    """One fact of an order's history."""

    version: int
    at: str
    type: str
    schema_version: int
    step: str | None
    detail: str | None


class History(Strict):
    """All that happened to an order, in order."""

    order_id: Uuid
    items: list[Happened]
