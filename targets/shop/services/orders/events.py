"""The events by which orders tells the others that an order was confirmed, refused or cancelled."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

from kit.outbox import Event
from kit.words import Cents, Line, Uuid

from orders.saga import Saga

PLACED = "shop.orders.placed"
CANCELLED = "shop.orders.cancelled"


class OrderPlaced(Event):
    """An order was confirmed: it's paid, its stock is sold, its shipment is made."""

    order_id: Uuid
    customer_id: Uuid
    items: list[Line]
    total_cents: Cents
    currency: Literal["EUR"]


class OrderCancelled(Event):
    """An order was refused, or a confirmed one was cancelled by its customer; whatever was done is taken back."""

    order_id: Uuid
    customer_id: Uuid
    reason: str


def news(saga: Saga) -> tuple[str, Event] | None:
    """The subject and the event of an order that has just come to an end; None while it's under way."""
    match saga.status:
        case "confirmed":
            return PLACED, order_placed(saga)
        case "refused" | "cancelled":
            return CANCELLED, order_cancelled(saga)
    return None


def order_placed(saga: Saga) -> OrderPlaced:
    """The event of a confirmed order."""
    if saga.total_cents is None:
        message = "expected a confirmed order to have a total"
        raise ValueError(message)
    return OrderPlaced(
        event_id=_event_id(saga, "OrderPlaced"),
        order_id=saga.order_id,
        customer_id=saga.customer_id,
        occurred_at=_at(saga),
        items=list(saga.items),
        total_cents=saga.total_cents,
        currency=saga.currency,
    )


def order_cancelled(saga: Saga) -> OrderCancelled:
    """The event of an order that was refused or cancelled."""
    return OrderCancelled(
        event_id=_event_id(saga, "OrderCancelled"),
        order_id=saga.order_id,
        customer_id=saga.customer_id,
        occurred_at=_at(saga),
        reason=saga.reason or "",
    )


def _event_id(saga: Saga, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(saga.order_id), name))


def _at(saga: Saga) -> str:
    return dt.datetime.fromtimestamp(saga.since, tz=dt.UTC).isoformat(timespec="milliseconds")
