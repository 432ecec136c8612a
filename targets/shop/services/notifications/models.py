"""What notifications answers, and the events that it hears."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from kit.consumer import EventModel
from kit.words import Strict, Tolerant, Uuid
from pydantic import AwareDatetime, Field

EventName = Literal["OrderPlaced", "OrderCancelled", "PaymentReceived", "ShipmentDispatched", "DeliveryConfirmed"]
Status = Literal["waiting", "written", "withheld"]
"""`withheld`: it would have been about an order that had been cancelled by then."""
Count = Annotated[int, Field(ge=0)]


class Mail(Strict):
    """A mail in a list."""

    event_id: Uuid
    event: EventName
    order_id: Uuid
    subject: str
    status: Status
    order_cancelled: bool


class MailPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[Mail]
    next: str | None


class OrderEvent(EventModel):
    """What all of these events have in common; the id becomes the name of a file."""

    event_id: Uuid
    order_id: Uuid
    occurred_at: Annotated[AwareDatetime, Field(strict=False)]


class OrderedLine(Tolerant):
    """A line of an order."""

    sku: str
    quantity: Count


class OrderPlaced(OrderEvent):
    """An order is confirmed."""

    items: list[OrderedLine]
    total_cents: Count
    currency: str


class OrderCancelled(OrderEvent):
    """An order is off."""

    reason: str


class PaymentReceived(OrderEvent):
    """An order is paid."""

    amount_cents: Count
    currency: str


class ShipmentDispatched(OrderEvent):
    """An order is on its way."""

    shipment_id: Uuid


class DeliveryConfirmed(OrderEvent):
    """An order has arrived."""

    shipment_id: Uuid


Told: TypeAlias = OrderPlaced | OrderCancelled | PaymentReceived | ShipmentDispatched | DeliveryConfirmed
EVENTS: dict[str, type[Told]] = {
    "shop.orders.placed": OrderPlaced,
    "shop.orders.cancelled": OrderCancelled,
    "shop.payments.received": PaymentReceived,
    "shop.shipping.dispatched": ShipmentDispatched,
    "shop.shipping.delivered": DeliveryConfirmed,
}
