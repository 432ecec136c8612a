"""The events as far as analytics reads them, and what each adds to the figures of its day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from kit.consumer import EventModel
from kit.words import Cents, Sku, Uuid
from pydantic import AfterValidator, AwareDatetime, ConfigDict


def _utc(moment: dt.datetime) -> dt.datetime:
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError as error:
        message = "expected a moment that exists in UTC"
        raise ValueError(message) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What an event adds to its day; sums don't mind in which order it arrives."""

    orders: int = 0
    revenue_cents: int = 0
    cancellations: int = 0


class Event(EventModel):
    """What all events have; the rest is kept as it came, since a warehouse doesn't choose."""

    model_config = ConfigDict(extra="allow")

    event_id: Uuid
    occurred_at: Annotated[AwareDatetime, AfterValidator(_utc)]
    order_id: Uuid | None = None
    sku: Sku | None = None

    @property
    def counts(self) -> Counts:
        """What it adds to the figures of its day."""
        return Counts()


class OrderPlaced(Event):
    """An order was confirmed."""

    total_cents: Cents

    @property
    def counts(self) -> Counts:
        """One order and what it brings."""
        return Counts(orders=1, revenue_cents=self.total_cents)


class OrderCancelled(Event):
    """An order was refused, or cancelled by its customer."""

    @property
    def counts(self) -> Counts:
        """One cancellation."""
        return Counts(cancellations=1)


class PaymentReceived(Event):
    """An order is paid."""


class ShipmentDispatched(Event):
    """An order is on its way."""


class DeliveryConfirmed(Event):
    """An order has arrived."""


class ProductChanged(Event):
    """A product is described in other words."""


class PriceChanged(Event):
    """A product has another price."""


KNOWN: dict[str, type[Event]] = {
    "shop.orders.placed": OrderPlaced,
    "shop.orders.cancelled": OrderCancelled,
    "shop.payments.received": PaymentReceived,
    "shop.shipping.dispatched": ShipmentDispatched,
    "shop.shipping.delivered": DeliveryConfirmed,
    "shop.catalog.changed": ProductChanged,
    "shop.pricing.changed": PriceChanged,
}
"""Every event of the shop by its subject; its model has its name."""
