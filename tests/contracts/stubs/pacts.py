"""Pacts as values, for stubs."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import JsonValue

from harness.contracts.pacts import read_pact
from harness.contracts.stubs import Request, Stub, stub_of

JSON = ("application/json",)
CHARGE: dict[str, JsonValue] = {"order_id": "6f1e9a52", "amount_cents": 1999, "card_token": "tok-0001"}
OPEN_ORDER: JsonValue = {"$.order_id": {"combine": "AND", "matchers": [{"match": "type"}]}}


def interaction(
    description: str,
    request: dict[str, JsonValue],
    response: dict[str, JsonValue],
    *states: str,
) -> dict[str, JsonValue]:
    given: list[JsonValue] = [{"name": state} for state in states]
    return {
        "type": "Synchronous/HTTP",
        "description": description,
        "providerStates": given,
        "request": request,
        "response": response,
    }


def body(content: JsonValue, kind: str = "application/json") -> JsonValue:
    return {"content": content, "contentType": kind, "encoded": False}


def charge(content: JsonValue = None) -> dict[str, JsonValue]:
    return {
        "method": "POST",
        "path": "/charges",
        "headers": {"Content-Type": ["application/json"]},
        "body": body(content or dict(CHARGE)),
        "matchingRules": {"body": OPEN_ORDER},
    }


def charged(status: int = 201, **more: JsonValue) -> dict[str, JsonValue]:
    content: JsonValue = {"order_id": "6f1e9a52", "status": "captured", **more}
    return {"status": status, "body": body(content), "matchingRules": {"body": OPEN_ORDER}}


def refusal(status: int) -> dict[str, JsonValue]:
    return {"status": status, "body": body({"status": status}, "application/problem+json")}


SHOP = (
    interaction("a late charge", charge(), refusal(409), "a refunded order"),
    interaction("a charge", charge(), charged(), "an order"),
    interaction("a declined card", charge({**CHARGE, "card_token": "tok-0002"}), refusal(402)),
    interaction("a charge that is looked at", {"method": "GET", "path": "/charges/6f1e9a52"}, charged(200), "an order"),
)


def write(
    directory: Path, *interactions: dict[str, JsonValue], consumer: str = "orders", provider: str = "payments"
) -> Path:
    file = directory / f"{consumer}-{provider}.json"
    document = {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions or SHOP),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    directory.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return file


def stubbed(directory: Path, *interactions: dict[str, JsonValue], loose: bool = False) -> Stub:
    return stub_of(read_pact(write(directory, *interactions)), loose=loose)


def post(content: JsonValue, path: str = "/charges") -> Request:
    return Request(method="POST", path=path, headers={"content-type": JSON}, body=json.dumps(content).encode())
