from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

ROOT = Path(__file__).resolve().parents[2]
ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
BEGINNING = {"event_id": "0d3f0f4e-53a5-4d0f-8c8e-6a8f6f1f3a11", "occurred_at": "2026-01-02T03:04:05.678+00:00"}
PRODUCT = {"sku": "sku-0001", "version": 3}
EXAMPLES: dict[str, dict[str, object]] = {
    "OrderPlaced": {
        "order_id": ORDER,
        "customer_id": ORDER,
        "items": [{"sku": "sku-0001", "quantity": 2}],
        "total_cents": 1999,
        "currency": "EUR",
    },
    "OrderCancelled": {"order_id": ORDER, "customer_id": ORDER, "reason": "out of stock"},
    "PaymentReceived": {"order_id": ORDER, "amount_cents": 1999, "currency": "EUR"},
    "ShipmentDispatched": {"order_id": ORDER, "shipment_id": ORDER},
    "DeliveryConfirmed": {"order_id": ORDER, "shipment_id": ORDER},
    "ProductChanged": PRODUCT | {"name": "A lamp", "description": "It is bright.", "category": "lighting"},
    "PriceChanged": PRODUCT | {"amount_cents": 1999, "currency": "EUR"},
}
READERS = (
    ("OrderPlaced", "inventory.models", "OrderPlaced"),
    ("OrderPlaced", "fraud.models", "OrderPlaced"),
    ("OrderPlaced", "shipping.models", "OrderPlaced"),
    ("OrderPlaced", "recommendations.models", "OrderPlaced"),
    ("OrderPlaced", "analytics.events", "OrderPlaced"),
    ("OrderPlaced", "notifications.models", "OrderPlaced"),
    ("OrderCancelled", "inventory.models", "OrderCancelled"),
    ("OrderCancelled", "shipping.models", "OrderCancelled"),
    ("OrderCancelled", "recommendations.models", "OrderCancelled"),
    ("OrderCancelled", "analytics.events", "OrderCancelled"),
    ("OrderCancelled", "notifications.models", "OrderCancelled"),
    ("PaymentReceived", "analytics.events", "Event"),
    ("PaymentReceived", "notifications.models", "PaymentReceived"),
    ("ShipmentDispatched", "analytics.events", "Event"),
    ("ShipmentDispatched", "notifications.models", "ShipmentDispatched"),
    ("DeliveryConfirmed", "analytics.events", "Event"),
    ("DeliveryConfirmed", "notifications.models", "DeliveryConfirmed"),
    ("ProductChanged", "catalog.cached", "ProductHeard"),
    ("ProductChanged", "search.models", "ProductChanged"),
    ("ProductChanged", "analytics.events", "Event"),
    ("PriceChanged", "pricing.cached", "PriceHeard"),
    ("PriceChanged", "analytics.events", "Event"),
)
"""Who reads which event, by which model."""


def example(name: str) -> dict[str, object]:
    return BEGINNING | EXAMPLES[name]


@pytest.fixture(scope="module")
def export() -> ModuleType:
    spec = importlib.util.spec_from_file_location("export_events", ROOT / "targets" / "shop" / "export_events.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(name: str) -> str:
    return (ROOT / "contracts" / "events" / f"{name}.json").read_text(encoding="utf-8")


def test_every_event_has_its_committed_schema_and_there_are_no_others(export: ModuleType) -> None:
    names = {name for _, name, _ in export.EVENTS}
    assert names == set(EXAMPLES) == {file.stem for file in (ROOT / "contracts" / "events").glob("*.json")}


def test_the_committed_schemas_are_what_the_producers_publish(export: ModuleType) -> None:
    for producer, name, subject in export.EVENTS:
        said = "run: python targets/shop/export_events.py"
        assert committed(name) == export.document(producer, name, subject), said


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_is_what_its_schema_says_and_nothing_else_is(export: ModuleType, name: str) -> None:
    producer = next(producer for producer, each, _ in export.EVENTS if each == name)
    event = export.model(producer, name).model_validate_json(json.dumps(example(name)))
    check = Draft202012Validator(json.loads(committed(name)))
    check.validate(json.loads(event.model_dump_json()))
    assert not check.is_valid(example(name) | {"new": 1})
    for field in example(name):
        assert not check.is_valid({key: value for key, value in example(name).items() if key != field})


def reader(module: str, model: str) -> Any:
    return getattr(importlib.import_module(module), model)


@pytest.mark.parametrize(("name", "module", "model"), READERS)
def test_every_consumer_reads_what_is_published_also_when_it_gains_a_field(name: str, module: str, model: str) -> None:
    grown = example(name) | {"new": {"nested": [1]}}
    assert reader(module, model).model_validate_json(json.dumps(grown)).event_id == BEGINNING["event_id"]


@pytest.mark.parametrize(("name", "module", "model"), READERS)
def test_every_consumer_refuses_an_event_that_lacks_what_it_reads(name: str, module: str, model: str) -> None:
    known = reader(module, model)
    read = [field for field, info in known.model_fields.items() if info.is_required()]
    assert read
    for field in read:
        lacking = {key: value for key, value in example(name).items() if key != field}
        with pytest.raises(ValidationError):
            known.model_validate_json(json.dumps(lacking))
