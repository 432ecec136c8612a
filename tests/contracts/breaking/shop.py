"""A provider's document, its event, and the pacts of those who rely on them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SYSTEM = """\
system: tiny
entry: orders
services:
  orders: {owner: checkout, run: {command: [run, "{port}"]}, ready: /}
  books: {owner: finance, run: {command: [run, "{port}"]}, ready: /}
  payments: {owner: money, run: {command: [run, "{port}"]}, ready: /}
edges:
  - {from: orders, to: payments, need: hard}
  - {from: books, to: payments, need: soft}
journeys:
  look: {deadline: 1s, needs: [payments]}
"""

_CHARGE = {
    "type": "object",
    "properties": {
        "charge_id": {"type": "string"},
        "amount_cents": {"type": "integer"},
        "status": {"type": "string", "enum": ["captured", "refunded"]},
        "note": {"type": "string"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]},
        },
    },
    "required": ["charge_id", "amount_cents", "status", "lines"],
}
_JSON = "application/json"
_ANSWER = {"description": "fine", "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Charge"}}}}
BASE: Document = {
    "openapi": "3.1.0",
    "info": {"title": "Payments", "version": "1"},
    "paths": {
        "/charges": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        _JSON: {
                            "schema": {
                                "type": "object",
                                "properties": {"order_id": {"type": "string"}, "amount_cents": {"type": "integer"}},
                                "required": ["order_id"],
                            }
                        }
                    },
                },
                "responses": {"201": _ANSWER, "409": {"description": "no"}},
            }
        },
        "/charges/{id}": {
            "get": {
                "parameters": [{"in": "path", "name": "id", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": _ANSWER},
            }
        },
    },
    "components": {"schemas": {"Charge": _CHARGE}},
}
EVENT: Document = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "PaymentReceived",
    "x-producer": "payments",
    "x-subject": "payments.received",
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "format": "uuid"},
        "amount_cents": {"type": "integer", "minimum": 1, "maximum": 100},
        "kind": {"enum": ["card", "cash"]},
        "note": {"type": "string", "pattern": "^[a-z]+$"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
    "required": ["order_id", "amount_cents", "kind"],
    "additionalProperties": False,
    "$defs": {"Line": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}},
}


def write(file: Path, document: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return file


def changed(base: Document, change: Callable[[Document], object]) -> Document:
    document = copy.deepcopy(base)
    change(document)
    return document


def _body(content: object) -> Document:
    return {"content": content, "contentType": _JSON, "encoded": False}


def _charge(**more: object) -> Document:
    return {"charge_id": "c-1", "amount_cents": 5, **more}


def _pact(consumer: str, *interactions: Document) -> Document:
    return {
        "consumer": {"name": consumer},
        "provider": {"name": "payments"},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def _type(*paths: str) -> Document:
    return {"body": {path: {"combine": "AND", "matchers": [{"match": "type"}]} for path in paths}}


def pacts() -> dict[str, Document]:
    charge: Document = {
        "type": "Synchronous/HTTP",
        "description": "a request to charge",
        "request": {"method": "POST", "path": "/charges", "body": _body({"order_id": "o-1", "amount_cents": 5})},
        "response": {"status": 201, "body": _body(_charge(lines=[{"sku": "a"}])), "matchingRules": _type("$.lines")},
    }
    look: Document = {
        "type": "Synchronous/HTTP",
        "description": "a look at a charge",
        "request": {"method": "GET", "path": "/charges/c-1"},
        "response": {
            "status": 200,
            "body": _body({"charge_id": "c-1", "status": "captured"}),
            "matchingRules": _type("$.status"),
        },
    }
    paid: Document = {
        "type": "Asynchronous/Messages",
        "description": "a payment was received",
        "contents": _body({"order_id": "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f", "amount_cents": 5, "kind": "card"}),
    }
    return {"orders-payments": _pact("orders", charge), "books-payments": _pact("books", look, paid)}
