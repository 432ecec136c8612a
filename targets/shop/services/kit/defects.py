"""Planted defects: mistakes that real systems make, off unless `SHOP_DEFECTS` names them, separated by commas.

Each is asked for where the mistake would be made; what it does there, when that is more than leaving something out, is
decided here. It is the environment of one service that switches a defect on, in that service alone.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel
from starlette.responses import Response

if TYPE_CHECKING:
    from kit.client import Limits

VARIABLE = "SHOP_DEFECTS"
DEFECTS = {
    "no-timeout": "calls wait for as long as it takes, and requests too",
    "timeout-inverted": "the cart is given less time than it waits for pricing itself, and is not told so",
    "retry-no-backoff": "a failed call is repeated at once, many times, on no budget",
    "retry-storm": "every failed call is repeated, refusals with 503 too, on no budget",
    "retry-post": "each attempt of a command has an idempotency key of its own",
    "retry-dead-code": "retries are configured, and never happen",
    "no-idempotency-key": "a charge that is repeated with the same key charges again",
    "key-other-payload": "a key replayed with another order is accepted",
    "breaker-stuck-open": "a successful probe does not close the breaker",
    "breaker-one-kind": "the breaker counts refused connections, and no other failure",
    "connection-leak": "a call that failed never gives its place in the pool back",
    "fallback-schema": "a degraded page has another shape than was promised",
    "fallback-lies": "a fallback looks like a real value, and nothing marks it",
    "truncated-body": "refused connections are handled, broken ones are not",
    "html-200": "whatever comes with the expected status is believed",
    "wrong-class": "500 instead of 503 when a provider is away",
    "error-as-404": "404 instead of 503 when a provider is away",
    "health-lies": "ready while a store is gone without which nothing works",
    "optional-on-path": "recommendations are waited for as if the page needed them",
    "lost-event": "events are noted as published before they are",
    "double-effect": "an event that is delivered twice counts twice",
    "no-compensation": "a failed order leaves its earlier steps done",
    "reservation-leak": "what is reserved is released by nobody: not by its order, not when that is off, not in time",
    "lost-update": "of two copies of a cart the later is kept, and not both merged",
    "dropped-field": "requests lack a field that the provider needs",
    "required-added": "a request field that nobody sends yet is required",
    "enum-added": "a currency that no consumer knows",
    "number-as-string": "amounts go out as text",
    "undocumented-status": "410 for what does not exist, which no document knows",
    "overflow-500": "a 64-bit number meets a 32-bit one in the database",
    "event-field-lost": "an event lacks a field that its consumers read",
    "trusted-header": "whoever sends X-Customer is believed, without any token",
    "injection": "a customer's words become part of the SQL",
}
"""Each by its name, with what it does."""

FOREVER_S = 3600.0
HASTY_S = 0.2
STUBBORN_ATTEMPTS = 8
SMALL_POOL = 8
CURRENCY = "XEU"
Choice = TypeVar("Choice")
Answer = TypeVar("Answer", bound=BaseModel)


def on(name: str) -> bool:
    """Whether this process has that defect; KeyError when there is no such one."""
    text = os.environ.get(VARIABLE)
    return bool(DEFECTS[name]) and text is not None and name in _named(text)


def check() -> None:
    """Ends the process when its environment names a defect that there isn't."""
    unknown = _named(os.environ.get(VARIABLE, "")) - DEFECTS.keys()
    if unknown:
        message = f"{VARIABLE}: there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(DEFECTS))}"
        raise SystemExit(message)


def either(name: str, wrong: Choice, right: Choice) -> Choice:
    """The wrong one with this defect, else the right one."""
    return wrong if on(name) else right


def limits(right: Limits) -> Limits:
    """What an edge goes by."""
    if on("no-timeout"):
        return replace(right, deadline_s=FOREVER_S, attempt_s=FOREVER_S)
    if on("retry-dead-code"):
        return replace(right, attempts=1)
    if stubborn():
        return replace(right, attempts=STUBBORN_ATTEMPTS)
    return replace(right, at_once=SMALL_POOL) if on("connection-leak") else right


def hasty(right: Limits) -> Limits:
    """What an edge goes by whose provider needs more time than this."""
    return replace(right, deadline_s=HASTY_S, attempt_s=HASTY_S) if on("timeout-inverted") else right


def told_s(right_s: float) -> float:
    """How much time a provider is told that it has."""
    return either("timeout-inverted", FOREVER_S, right_s)


def limit_s(right_s: float) -> float:
    """How long something may take."""
    return either("no-timeout", FOREVER_S, right_s)


def stubborn() -> bool:
    """Whether a call that may be repeated is repeated, whatever speaks against it."""
    return on("retry-no-backoff") or on("retry-storm")


def pause_s(right_s: float) -> float:
    """How long to wait before the next attempt."""
    return either("retry-no-backoff", 0.0, right_s)


def key(right: str) -> str:
    """The idempotency key of an attempt."""
    return str(uuid.uuid4()) if on("retry-post") else right


def believed(model: type[Answer], body: bytes) -> Answer:
    """An answer as it is, whatever it is."""
    try:
        found = json.loads(body)
    except ValueError:
        found = {}
    return model.model_construct(**(found if isinstance(found, dict) else {}))


def left_out() -> set[str] | None:
    """The fields that a request lacks."""
    return {"amount_cents"} if on("dropped-field") else None


def lost() -> set[str] | None:
    """The fields that an event lacks."""
    return {"total_cents"} if on("event-field-lost") else None


def status(right: int) -> int:
    """The status by which trouble is told."""
    wrong = {503: ("wrong-class", 500), 404: ("undocumented-status", 410)}.get(right)
    if right == 503 and on("error-as-404"):  # noqa: PLR2004 -- a provider is away
        return 404
    return right if wrong is None else either(*wrong, right)


def without_keys(schema: str) -> str:
    """Tables that take the same charge twice; what is told of it stays once."""
    wrong = schema
    for column in ("order_id uuid NOT NULL", "idempotency_key text NOT NULL"):
        wrong = wrong.replace(f"{column} UNIQUE", column)
    return either("no-idempotency-key", wrong, schema)


def forgetful(statement: str) -> str:
    """A statement of the inbox that takes every delivery for the first."""
    again = statement.replace("ON CONFLICT DO NOTHING", "ON CONFLICT (event_id) DO UPDATE SET at = now()")
    return either("double-effect", again, statement)


def spliced(statement: str, text: str) -> str:
    """A statement with a text in it where its first parameter stood, which is still there, and empty."""
    return either("injection", statement.replace("$1", f"'{text}' || left($1::text, 0)", 1), statement)


def disfigured(response: Response) -> Response:
    """An answer on its way out."""
    if not any(map(on, ("number-as-string", "enum-added", "fallback-schema"))) or not response.body:
        return response
    document = json.loads(bytes(response.body))
    if "x-degraded" in response.headers and on("fallback-schema"):
        document |= {"rating": "unknown", "recommendations": None}
    response.body = json.dumps(_replaced(document)).encode()
    response.headers["content-length"] = str(len(response.body))
    return response


def _replaced(node: Any, name: str = "") -> Any:
    match node:
        case dict():
            return {key: _replaced(value, key) for key, value in node.items()}
        case list():
            return [_replaced(value, name) for value in node]
        case int() if name.endswith("_cents"):
            return either("number-as-string", str(node), node)
        case str() if name == "currency":
            return either("enum-added", CURRENCY, node)
    return node


@cache
def _named(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
