"""What orders is asked, what it answers, and the event that it publishes."""

from __future__ import annotations

from typing import Literal

from kit.words import CardToken, Cents, Line, Lines, Strict, Uuid

Status = Literal["pending", "confirmed", "refused"]


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
    status: Status
    reason: str | None
    total_cents: Cents | None
    items: list[Line]
    degraded: list[str]


class ListedOrder(Strict):
    """An order in a list."""

    order_id: Uuid
    status: Status
    total_cents: Cents | None
    items: list[Line]
    reason: str | None


class OrderPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[ListedOrder]
    next: str | None


class OrderPlaced(Strict):
    """The event that an order was confirmed."""

    event_id: Uuid
    order_id: Uuid
    occurred_at: str
    items: list[Line]
    total_cents: Cents
    currency: Literal["EUR"]
