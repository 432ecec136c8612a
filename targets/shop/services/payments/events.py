"""The event by which payments tells the others that an order was paid."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

from kit.outbox import Event
from kit.words import Cents, Uuid

SUBJECT = "shop.payments.received"


class PaymentReceived(Event):
    """A card was charged for an order; it may still be refunded."""

    order_id: Uuid
    amount_cents: Cents
    currency: Literal["EUR"]


def payment_received(order_id: str, amount_cents: int, at: dt.datetime) -> PaymentReceived:
    """The event of an order's only charge."""
    return PaymentReceived(
        event_id=str(uuid.uuid5(uuid.UUID(order_id), "PaymentReceived")),
        occurred_at=at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        order_id=order_id,
        amount_cents=amount_cents,
        currency="EUR",
    )
