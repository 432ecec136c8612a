from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.span import SpanKind, SpanStatus
from harness.observe.otlp_json import read_json
from harness.observe.otlp_protobuf import read_protobuf
from harness.observe.otlp_told import VALUE_LIMIT_CHARS, OtlpError, Told, span_of
from tests.observe.otlp_bytes import (
    END_NS,
    PARENT,
    SPAN,
    START_NS,
    TRACE,
    a_span,
    number,
    pair,
    real,
    request,
    sized,
    text,
    whole,
)

ZERO_NS = START_NS - 2_000_000_000


def as_json(**changes: Any) -> bytes:
    span = {
        "traceId": TRACE.upper(),
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "POST",
        "kind": 3,
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": END_NS,
        "attributes": [{"key": "peer.service", "value": {"stringValue": "payments"}}],
        **changes,
    }
    attributes = [
        {"key": "service.name", "value": {"stringValue": "orders"}},
        {"key": "service.instance.id", "value": {"stringValue": "orders-1"}},
    ]
    resource = {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}
    return json.dumps({"resourceSpans": [resource]}).encode()


def test_a_span_in_protobuf_is_read_with_all_that_matters() -> None:
    failed = sized(15, sized(2, "gave up") + whole(3, 2))
    link = sized(13, sized(1, bytes.fromhex(TRACE)))
    (told,) = read_protobuf(request(a_span(sized(9, text("peer.service", "payments")), link, failed)))
    span = span_of(told, zero_ns=ZERO_NS)
    assert (span.trace, span.span, span.parent) == (TRACE, SPAN, PARENT)
    assert (span.service, span.instance, span.kind, span.name) == ("orders", "orders-1", SpanKind.CLIENT, "POST")
    assert (span.start, span.end, span.duration_s) == (2.0, 2.25, 0.25)
    assert (span.status, span.error) == (SpanStatus.ERROR, "gave up")
    assert span.attributes == {"peer.service": "payments"}


def test_both_encodings_say_the_same() -> None:
    (from_protobuf,) = read_protobuf(request(a_span(sized(9, text("peer.service", "payments")))))
    (from_json,) = read_json(as_json())
    assert from_protobuf == from_json


def test_values_of_every_kind_become_text() -> None:
    values = [
        text("http.route", "/x"),
        number("http.response.status_code", 503),
        number("server.port", -1),
        real("deadline_ms", 250.5),
        pair("error.type", whole(2, 1)),
        pair("url.path", sized(5, b"")),
    ]
    (told,) = read_protobuf(request(a_span(*(sized(9, value) for value in values))))
    assert told.attributes == {
        "http.route": "/x",
        "http.response.status_code": "503",
        "server.port": "-1",
        "deadline_ms": "250.5",
        "error.type": "true",
        "url.path": "",
    }


def test_words_for_kinds_and_codes_are_read_too() -> None:
    body = as_json(kind="SPAN_KIND_SERVER", status={"code": "STATUS_CODE_ERROR", "message": "no"})
    (told,) = read_json(body)
    span = span_of(told, zero_ns=ZERO_NS)
    assert (span.kind, span.status, span.error) == (SpanKind.SERVER, SpanStatus.ERROR, "no")


def test_an_exception_is_the_error_where_the_status_says_nothing() -> None:
    raised = text("exception.type", "TimeoutError"), text("exception.message", "no answer within 2 s")
    event = sized(11, sized(2, "exception") + b"".join(sized(3, each) for each in raised))
    (told,) = read_protobuf(request(a_span(event)))
    assert span_of(told, zero_ns=0).error == "no answer within 2 s"
    events = [{"name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": "Boom"}}]}]
    (told,) = read_json(as_json(events=events))
    assert told.exception == "Boom"


def test_old_names_become_those_of_today_and_what_nobody_reads_goes() -> None:
    told = Told(
        resource={"service.name": "orders"},
        trace=TRACE,
        span=SPAN,
        start_ns=1,
        end_ns=1,
        attributes={"http.status_code": "200", "user.name": "somebody", "url.full": "x" * 1000},
    )
    attributes = span_of(told, zero_ns=0).attributes
    assert set(attributes) == {"http.response.status_code", "url.full"}
    assert len(attributes["url.full"]) == VALUE_LIMIT_CHARS


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": "ab"},
        {"spanId": ""},
        {"startTimeUnixNano": "0"},
        {"endTimeUnixNano": "1"},
        {"endTimeUnixNano": "9" * 400},
    ],
)
def test_a_span_that_says_too_little_is_refused(changes: dict[str, str]) -> None:
    (told,) = read_json(as_json(**changes))
    with pytest.raises(OtlpError, match="expected a span"):
        span_of(told, zero_ns=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"resourceSpans": 5}',
        as_json(attributes=[{"value": {"intValue": 1}}]),
        as_json(startTimeUnixNano=float("inf")),
        b'{"resourceSpans": [{"scopeSpans": [{"spans": ["x"]}]}]}',
    ],
)
def test_what_is_no_request_in_json_is_refused(body: bytes) -> None:
    with pytest.raises(OtlpError, match="expected"):
        list(read_json(body))


@pytest.mark.parametrize(
    "body",
    [b"\x0a\xff\x01x", b"\x0a", b"\x0f\x01", b"\x08\x01", b"\x0a\x02\x12\x05", b"\xff" * 20, request(a_span())[:-9]],
)
def test_what_is_no_request_in_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(OtlpError, match="expected"):
        list(read_protobuf(body))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (read_protobuf, read_json):
        with contextlib.suppress(OtlpError):
            list(read(body))


@given(st.integers(0, len(request(a_span())) - 1), st.integers(0, 255))
def test_a_request_with_one_byte_changed_is_read_or_refused(at: int, byte: int) -> None:
    body = bytearray(request(a_span(sized(9, text("peer.service", "payments")))))
    body[at] = byte
    with contextlib.suppress(OtlpError):
        list(read_protobuf(bytes(body)))
