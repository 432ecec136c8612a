"""What the mails say; the same event makes the same bytes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.charset import QP, Charset
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime
from typing import assert_never

from notifications.models import (
    DeliveryConfirmed,
    OrderCancelled,
    OrderPlaced,
    PaymentReceived,
    ShipmentDispatched,
    Told,
)

SENDER = "The shop <orders@shop.example>"
ADDRESS = "order-{order_id}@customers.shop.example"
"""An alias of the order: whose it is, the mail relay knows, and this service needn't."""
LONGEST_REASON = 200
_POLICY = compat32.clone(linesep="\r\n")
_CHARSET = Charset("utf-8")
_CHARSET.body_encoding = QP


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A subject and a text."""

    subject: str
    text: str


def letter(event: Told) -> Letter:
    """What the customer reads about an event."""
    match event:
        case OrderPlaced():
            lines = "\n".join(f"  {line.quantity} x {line.sku}" for line in event.items)
            total = _money(event.total_cents, event.currency)
            return Letter(subject="Your order is confirmed", text=f"You have ordered\n{lines}\nfor {total}.")
        case OrderCancelled():
            reason = " ".join(event.reason.split())[:LONGEST_REASON] or "no reason was given"
            return Letter(subject="Your order is cancelled", text=f"Nothing will be sent or charged: {reason}.")
        case PaymentReceived():
            amount = _money(event.amount_cents, event.currency)
            return Letter(subject="Your payment has arrived", text=f"We have received {amount}.")
        case ShipmentDispatched():
            return Letter(subject="Your order is on its way", text=f"It travels as shipment {event.shipment_id}.")
        case DeliveryConfirmed():
            return Letter(subject="Your order has arrived", text=f"Shipment {event.shipment_id} was handed over.")
        case _:
            assert_never(event)


def envelope(event_id: str, order_id: str, occurred_at: dt.datetime, content: Letter) -> bytes:
    """The whole mail, as it is sent."""
    # The library's newer EmailMessage takes five times as long, for parsing the headers that we make.
    mail = Message(policy=_POLICY)
    mail["From"] = SENDER
    mail["To"] = ADDRESS.format(order_id=order_id)
    mail["Subject"] = content.subject
    mail["Date"] = format_datetime(occurred_at.astimezone(dt.UTC))
    mail["Message-ID"] = f"<{event_id}@shop.example>"
    mail.set_payload(f"{content.text}\n\nOrder {order_id}\n", _CHARSET)
    return mail.as_bytes()


def _money(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02d} {currency}"
