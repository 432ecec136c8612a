"""What inventory is asked, what it answers, and the events that it hears."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.consumer import EventModel
from kit.words import Lines, Sku, Strict, Tolerant, Uuid
from pydantic import Field

Count = Annotated[int, Field(ge=0)]
Status = Literal["held", "confirmed", "released", "expired"]


class Stock(Strict):
    """How many there are of a product: initial = available + reserved + sold."""

    sku: Sku
    initial: Count
    available: Count
    reserved: Count
    sold: Count


class StockPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[Stock]
    next: str | None


class ReservationRequest(Strict):
    """What to hold for an order."""

    order_id: Uuid
    items: Lines


class Reservation(Strict):
    """What is held; unless it is confirmed by then, it is let go at `expires_at`."""

    reservation_id: Uuid
    order_id: Uuid
    status: Literal["held"]
    expires_at: str


class ReservationState(Strict):
    """What became of a reservation."""

    order_id: Uuid
    status: Status


class ReservedLine(Strict):
    """So many of one product, over all lines of an order."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1)]


class ListedReservation(Strict):
    """A reservation in a list; one that was released before it was made holds nothing and has no expiry."""

    order_id: Uuid
    status: Status
    items: list[ReservedLine]
    expires_at: str | None
    overdue: bool
    version: Count


class ReservationPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[ListedReservation]
    next: str | None


class OrderedLine(Tolerant):
    """A line of an order, as an event tells it."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=1000)]


class OrderPlaced(EventModel):
    """An order is confirmed: what it reserved is sold."""

    event_id: Uuid
    order_id: Uuid
    items: list[OrderedLine]


class OrderCancelled(EventModel):
    """An order is off: what it reserved or bought returns."""

    event_id: Uuid
    order_id: Uuid
