from __future__ import annotations

import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from harness.errors import DeployError
from harness.observe import otlp
from harness.observe.otlp import BODY_LIMIT_BYTES, OtlpReceiver
from tests.observe.otlp_bytes import START_NS, TRACE, a_span, request, sized

pytestmark = pytest.mark.loopback
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}


@asynccontextmanager
async def receiving() -> AsyncIterator[OtlpReceiver]:
    receiver = await OtlpReceiver.start(zero_ns=START_NS)
    try:
        yield receiver
    finally:
        await receiver.stop()


async def post(receiver: OtlpReceiver, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{receiver.url}/v1/traces", data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, await answer.read()


async def test_spans_are_taken_in_both_encodings_packed_or_not() -> None:
    span = {
        "traceId": TRACE,
        "spanId": "a" * 16,
        "name": "x",
        "kind": 2,
        "startTimeUnixNano": START_NS,
        "endTimeUnixNano": START_NS,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "front"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    async with receiving() as receiver:
        assert await post(receiver, request(a_span()), PROTOBUF) == (200, b"")
        assert await post(receiver, gzip.compress(request(a_span())), PROTOBUF | GZIP) == (200, b"")
        assert await post(receiver, json.dumps(document).encode(), JSON) == (200, b"{}")
        spans = receiver.room.of([TRACE])
        assert sorted(span.service for span in spans) == ["front", "orders", "orders"]
        assert (receiver.room.counts.requests, receiver.room.counts.spans, receiver.room.counts.refused) == (3, 3, 0)
        assert receiver.room.services == {"front", "orders"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", JSON),
        (b"\xff\xff", PROTOBUF),
        (b"hello", {"Content-Type": "text/plain"}),
        (b"no gzip", PROTOBUF | GZIP),
        (gzip.compress(request(a_span()))[:-12], PROTOBUF | GZIP),
        (gzip.compress(bytes(BODY_LIMIT_BYTES + 1)), PROTOBUF | GZIP),
        (request(a_span()), PROTOBUF | {"Content-Encoding": "br"}),
    ],
)
async def test_bad_input_is_refused_with_400_and_counted(body: bytes, headers: dict[str, str]) -> None:
    async with receiving() as receiver:
        status, told = await post(receiver, body, headers)
        assert (status, receiver.room.counts.refused, receiver.room.counts.spans) == (400, 1, 0)
        assert b"expected" in told


async def test_a_request_that_is_too_large_is_refused_and_counted() -> None:
    async with receiving() as receiver:
        status, _ = await post(receiver, bytes(BODY_LIMIT_BYTES + 1), PROTOBUF)
        assert (status, receiver.room.counts.refused) == (413, 1)


async def test_a_request_of_too_many_spans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "SPANS_LIMIT", 2)
    async with receiving() as receiver:
        status, _ = await post(receiver, request(a_span(), a_span(), a_span()), PROTOBUF)
        assert (status, receiver.room.counts.spans) == (400, 0)


async def test_a_span_without_a_name_of_its_service_costs_the_others_nothing() -> None:
    nameless = sized(1, sized(2, sized(2, a_span())))
    async with receiving() as receiver:
        status, _ = await post(receiver, nameless + request(a_span()), PROTOBUF)
        assert (status, receiver.room.counts.spans, receiver.room.counts.broken) == (200, 1, 1)


async def test_a_port_that_is_taken_is_told() -> None:
    async with receiving() as receiver:
        with pytest.raises(DeployError, match=r"otlp\.port"):
            await OtlpReceiver.start(zero_ns=0, port=receiver.port)


async def test_spans_are_waited_for_until_no_more_come() -> None:
    async with receiving() as receiver:
        await post(receiver, request(a_span()), PROTOBUF)
        found = await receiver.settled([TRACE], quiet_s=0.05, within_s=5.0)
        assert [span.trace for span in found] == [TRACE]
        assert await receiver.settled(["f" * 32], quiet_s=0.05, within_s=0.1) == ()
