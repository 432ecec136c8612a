from __future__ import annotations

import json
import logging

import pytest
from kit import trace
from kit.logs import JsonLines, redacted
from kit.trace import Kind

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjYXJ0In0.c2lnbmF0dXJl_-x"


def line(message: str, *values: object, error: BaseException | None = None) -> dict[str, str]:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("kit", logging.INFO, "file", 1, message, values, info)
    parsed: dict[str, str] = json.loads(JsonLines("cart", "cart-1").format(record))
    return parsed


@pytest.mark.parametrize(
    "text",
    [
        f"the token {JWT} is not valid",
        f"Authorization: Bearer {JWT}",
        "Authorization: Bearer s3cret-operator",
        "{'authorization': 'Bearer s3cret-operator'}",
        "authorization=Basic s3cret-operator",
        "{'On-Behalf-Of': 's3cret-operator'}",
        'refused {"email": "a@b.example", "password": "s3cret-operator"}',
        "password=s3cret-operator",
        "client_secret: s3cret-operator, more",
        'body {"card_token":"tok-visa-s3cret"}',
        "the card tok-s3cret was declined",
        "CLIENT_SECRET='s3cret-operator'",
        "can't connect to postgresql://cart:s3cret-operator@127.0.0.1:5432/cart",
        "nats://cart:s3cret-operator@127.0.0.1:4222 is away",
    ],
)
def test_no_secret_reaches_the_log(text: str) -> None:
    for told in (line("%s", text), line("failed", error=ValueError(text))):
        assert "s3cret" not in json.dumps(told)
        assert JWT not in json.dumps(told)


@pytest.mark.parametrize(
    "text",
    [
        "the service's token can't be renewed: users is unavailable: the circuit breaker is open",
        "GET /products/sku-0001 failed",
        "events wait in the outbox: postgres is unavailable: no answer within 985 ms",
        "http://127.0.0.1:4001/products/sku-0001?limit=1",
        "order 6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f of ada@shop.example",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_a_line_tells_its_trace_when_there_is_one() -> None:
    assert "trace_id" not in line("hello")
    span = trace.begin("GET /work", Kind.SERVER)
    with trace.within(span, lambda _: None):
        told = line("hello")
    assert (told["trace_id"], told["span_id"]) == (span.trace_id, span.span_id)
    assert (told["service"], told["instance"], told["message"]) == ("cart", "cart-1", "hello")
