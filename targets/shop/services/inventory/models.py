"""What inventory is asked and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import Lines, Sku, Strict, Uuid
from pydantic import Field

Count = Annotated[int, Field(ge=0)]
Status = Literal["held", "confirmed", "released"]


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
    """What is held."""

    reservation_id: Uuid
    order_id: Uuid
    status: Literal["held"]


class ReservationState(Strict):
    """What became of a reservation."""

    order_id: Uuid
    status: Status
