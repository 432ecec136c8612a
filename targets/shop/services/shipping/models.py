"""What shipping is asked, what it answers, and what it hears of orders."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.consumer import EventModel
from kit.words import PRINTABLE, Line, Lines, Strict, Uuid
from pydantic import Field

Status = Literal["created", "dispatched", "delivered", "cancelled", "recalled"]


class ShipmentRequest(Strict):
    """What to send for an order, and to whom, if that is known."""

    order_id: Uuid
    items: Lines
    recipient: Annotated[str | None, Field(min_length=1, max_length=200, pattern=PRINTABLE)] = None


class Shipment(Strict):
    """A shipment that leaves once its order is placed."""

    shipment_id: Uuid
    order_id: Uuid
    label: str
    status: Status


class Cancellation(Strict):
    """The order's shipment won't leave, or was called back."""

    order_id: Uuid
    status: Literal["cancelled", "recalled"]


class ListedShipment(Strict):
    """A shipment in a list; one that was cancelled before it was made has neither label nor items."""

    shipment_id: Uuid
    order_id: Uuid
    idempotency_key: str | None
    items: list[Line]
    label: str | None
    status: Status
    cancelled: bool
    """Whether it was cancelled or recalled."""


class ShipmentPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[ListedShipment]
    next: str | None


class OrderPlaced(EventModel):
    """The part of the event that matters here."""

    order_id: Uuid


class OrderCancelled(EventModel):
    """The part of the event that matters here."""

    order_id: Uuid
