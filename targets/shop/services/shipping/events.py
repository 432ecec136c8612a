"""The events by which shipping tells the others where a shipment is."""

from __future__ import annotations

import datetime as dt
import uuid

from kit.outbox import Event
from kit.words import Uuid

DISPATCHED = "shop.shipping.dispatched"
DELIVERED = "shop.shipping.delivered"


class ShipmentDispatched(Event):
    """An order's shipment has left."""

    order_id: Uuid
    shipment_id: Uuid


class DeliveryConfirmed(Event):
    """An order's shipment has arrived."""

    order_id: Uuid
    shipment_id: Uuid


def dispatched(order_id: str, shipment_id: str, at: dt.datetime) -> ShipmentDispatched:
    """The event of a shipment that has left."""
    return ShipmentDispatched(
        event_id=_event_id(shipment_id, "ShipmentDispatched"),
        occurred_at=at.isoformat(timespec="milliseconds"),
        order_id=order_id,
        shipment_id=shipment_id,
    )


def delivered(order_id: str, shipment_id: str, at: dt.datetime) -> DeliveryConfirmed:
    """The event of a shipment that has arrived."""
    return DeliveryConfirmed(
        event_id=_event_id(shipment_id, "DeliveryConfirmed"),
        occurred_at=at.isoformat(timespec="milliseconds"),
        order_id=order_id,
        shipment_id=shipment_id,
    )


def _event_id(shipment_id: str, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(shipment_id), name))
