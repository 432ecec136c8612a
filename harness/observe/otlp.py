"""The harness's own receiver of spans: OTLP over HTTP, `/v1/traces`, JSON or protobuf, on loopback."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Self

from aiohttp import web

from harness.errors import DeployError
from harness.model.span import Span
from harness.observe.otlp_json import read_json
from harness.observe.otlp_protobuf import read_protobuf
from harness.observe.otlp_told import OtlpError, Told, span_of
from harness.observe.span_room import SpanRoom

LOOPBACK = "127.0.0.1"
PATH = "/v1/traces"
BODY_LIMIT_BYTES = 4 << 20
"""Of a request, before and after it is unpacked."""
SPANS_LIMIT = 10_000
"""Of one request; beyond, it is refused."""
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
LOOK_S = 0.05
STOP_WITHIN_S = 0.5


class OtlpReceiver:
    """Listens from `start` to `stop`; what was sent is in `room`."""

    def __init__(self, *, zero_ns: int) -> None:
        self.room = SpanRoom()
        self.port = 0
        self._zero_ns = zero_ns
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_post(PATH, self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S, auto_decompress=False)

    @classmethod
    async def start(cls, *, zero_ns: int, port: int | None = None) -> Self:
        """Listen on 127.0.0.1, on a port of the kernel's choice unless one is given.

        Args:
            zero_ns: Unix time at the run's t = 0.
            port: where services send their spans already.

        Raises:
            DeployError: if the port is taken.
        """
        receiver = cls(zero_ns=zero_ns)
        await receiver._runner.setup()
        try:
            await web.TCPSite(receiver._runner, LOOPBACK, port or 0).start()
        except OSError as error:
            await receiver._runner.cleanup()
            message = f"spans can't be taken on {LOOPBACK}:{port or 0}: {error.strerror}; give 'otlp.port' another one"
            raise DeployError(message) from error
        receiver.port = receiver._runner.addresses[0][1]
        return receiver

    @property
    def url(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be."""
        return f"http://{LOOPBACK}:{self.port}"

    async def stop(self) -> None:
        """Take nothing more. Safe to call twice."""
        await self._runner.cleanup()

    async def settled(self, traces: list[str], *, quiet_s: float, within_s: float) -> tuple[Span, ...]:
        """The spans of these traces, once no more of them came for a while, or the time is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        seen, since = -1, loop.time()
        while loop.time() < until:
            count = len(self.room.of(traces))
            if count != seen:
                seen, since = count, loop.time()
            elif seen and loop.time() - since >= quiet_s:
                break
            await asyncio.sleep(LOOK_S)
        return self.room.of(traces)

    async def _take(self, request: web.Request) -> web.Response:
        counts = self.room.counts
        counts.requests += 1
        kind = request.content_type
        try:
            body = _unpacked(await request.read(), request.headers.get("content-encoding", ""))
            spans = [*self._spans(_told(body, kind))]
        except web.HTTPRequestEntityTooLarge:
            counts.refused += 1
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_LIMIT_BYTES} bytes")
        except OtlpError as error:
            counts.refused += 1
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        self.room.add(spans)
        if kind == _PROTOBUF:
            return web.Response(content_type=_PROTOBUF)  # an empty message says that all of it was taken
        return web.json_response({})

    def _spans(self, told: Iterator[Told]) -> Iterator[Span]:
        for number, each in enumerate(told):
            if number >= SPANS_LIMIT:
                raise OtlpError(f"expected at most {SPANS_LIMIT} spans in a request")
            try:
                yield span_of(each, zero_ns=self._zero_ns)
            except OtlpError:
                self.room.counts.broken += 1  # the others are of use all the same


def _told(body: bytes, kind: str) -> Iterator[Told]:
    if kind == _JSON:
        return read_json(body)
    if kind == _PROTOBUF:
        return read_protobuf(body)
    raise OtlpError(f"expected {_JSON} or {_PROTOBUF}, found {kind}")


def _unpacked(body: bytes, encoding: str) -> bytes:
    """The body without its compression, never more of it than the limit."""
    if encoding.lower() in {"", "identity"}:
        return body
    if encoding.lower() != "gzip":
        raise OtlpError(f"expected gzip or no content encoding, found {encoding}")
    unpacking = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacking.decompress(body, BODY_LIMIT_BYTES + 1)
    except zlib.error as error:
        raise OtlpError(f"expected gzip, found something else ({error})") from error
    if len(plain) > BODY_LIMIT_BYTES:
        raise OtlpError(f"expected at most {BODY_LIMIT_BYTES} bytes when unpacked")
    if not unpacking.eof:
        raise OtlpError("expected gzip, found less of it than there should be")
    return plain


def _refused(status: HTTPStatus, why: str) -> web.Response:
    return web.json_response({"code": 3, "message": why}, status=status)
