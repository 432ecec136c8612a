"""Writes the JSON Schema of every event to `contracts/events/`: `python targets/shop/export_events.py`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DIRECTORY = HERE.parents[1] / "contracts" / "events"
EVENTS = (
    ("orders", "OrderPlaced", "shop.orders.placed"),
    ("orders", "OrderCancelled", "shop.orders.cancelled"),
    ("payments", "PaymentReceived", "shop.payments.received"),
    ("shipping", "ShipmentDispatched", "shop.shipping.dispatched"),
    ("shipping", "DeliveryConfirmed", "shop.shipping.delivered"),
    ("catalog", "ProductChanged", "shop.catalog.changed"),
    ("pricing", "PriceChanged", "shop.pricing.changed"),
)
"""Who publishes what, and on which subject; the model of that name stands in the producer's `events.py`."""


def model(producer: str, name: str) -> Any:
    """The producer's model of an event."""
    if str(HERE / "services") not in sys.path:
        sys.path.insert(0, str(HERE / "services"))
    return getattr(importlib.import_module(f"{producer}.events"), name)


def document(producer: str, name: str, subject: str) -> str:
    """The schema of one event as text, with its producer and its subject."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-producer": producer,
        "x-subject": subject,
        **model(producer, name).model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write all schemas."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for producer, name, subject in EVENTS:
        (DIRECTORY / f"{name}.json").write_text(document(producer, name, subject), encoding="utf-8")


if __name__ == "__main__":
    main()
