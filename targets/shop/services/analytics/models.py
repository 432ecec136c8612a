"""What analytics answers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from kit.words import Sku, Strict, Uuid
from pydantic import BeforeValidator, Field

DAY_LENGTH = len("2026-01-31")


def _day(value: object) -> object:
    """Let only a plain date become one: pydantic would read seconds since 1970 and midnights as well."""
    if isinstance(value, str) and len(value) == DAY_LENGTH:
        return dt.date.fromisoformat(value)
    message = "expected a date such as 2026-01-31"
    raise ValueError(message)


Day = Annotated[dt.date, BeforeValidator(_day), Field(examples=["2026-01-31"])]


class StoredEvent(Strict):
    """An event as it arrived; `payload` is its JSON."""

    event_id: Uuid
    name: str
    occurred_at: str
    order_id: Uuid | None
    sku: Sku | None
    payload: str


class StoredEvents(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[StoredEvent]
    next: str | None


class Figures(Strict):
    """What happened on one UTC day; an order that was cancelled later still counts on the day it was placed."""

    day: dt.date
    orders: int
    revenue_cents: int
    cancellations: int
