"""A small provider's document, its healthy answers, and what a consumer agreed with it."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from harness.contracts.conformance import Conformance
from harness.contracts.generate.permitted import Asked, Permitted
from harness.contracts.pacts import Interaction, Kind
from harness.errors import Place

PRODUCT: dict[str, Any] = {
    "type": "object",
    "required": ["sku", "name", "price", "tags", "kind", "owner"],
    "properties": {
        "sku": {"type": "string"},
        "name": {"type": "string", "maxLength": 80},
        "image": {"type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "price": {"type": "integer", "minimum": 0},
        "kind": {"type": "string", "enum": ["book", "toy", "tool"]},
        "state": {"type": "string"},
        "made": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "owner": {"$ref": "#/components/schemas/Owner"},
        "weight": {"type": "number"},
    },
}


def document(product: dict[str, Any] | None = None) -> dict[str, JsonValue]:
    answer: dict[str, JsonValue] = {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Product"}}}
    }
    owner: dict[str, JsonValue] = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    owner |= {"additionalProperties": False}
    return {
        "openapi": "3.1.0",
        "paths": {"/products/{sku}": {"get": {"responses": {"200": {"description": "", **answer}}}}},
        "components": {"schemas": {"Product": product or PRODUCT, "Owner": owner}},
    }


HEALTHY: dict[str, JsonValue] = {
    "sku": "a1",
    "name": "A book about bees",
    "image": "a.png",
    "note": "new",
    "price": 5,
    "kind": "book",
    "state": "sold",
    "made": "2026-01-01T00:00:00Z",
    "tags": ["a", "b"],
    "owner": {"name": "Ada"},
}


def interaction(body: JsonValue, rules: dict[str, JsonValue] | None = None, path: str = "/products/z9") -> Interaction:
    response: dict[str, JsonValue] = {
        "status": 200,
        "body": {"content": body, "contentType": "application/json", "encoded": False},
        "matchingRules": {"body": rules or {}},
    }
    return Interaction(
        description="a request for a product",
        states=(),
        kind=Kind.HTTP,
        place=Place(file="pact.json"),
        injected=(),
        document={"request": {"method": "GET", "path": path}, "response": response},
    )


def permitted(*interactions: Interaction, product: dict[str, Any] | None = None, written: bool = True) -> Permitted:
    asked = Asked(method="GET", path="/products/a1", status=200, content_type="application/json")
    conformance = Conformance("catalog", document(product)) if written else None
    return Permitted(asked, conformance, interactions, [HEALTHY])
