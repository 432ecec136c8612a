"""What stands before every app: who is let in, the request's deadline, its trace, and no error without a document."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit import deadline, defects, trace
from kit.host import Host
from kit.problems import problem
from kit.quotas import Refusal
from kit.trace import Kind, Span

LARGEST_BODY_BYTES = 64 * 1024
OPERATIONAL = frozenset({"/livez", "/readyz", "/health", "/metrics", "/openapi.json"})
"""Those who run the service ask these, and they are answered however much else there is to do."""
SERVER_ERROR = 500
FULL = 503
_DEADLINE = deadline.HEADER.encode()
_TRACE = trace.HEADER.encode()
log = logging.getLogger(__name__)


class _Answer:
    """Sends the answer and notes its status; a service that drains asks its callers to leave."""

    __slots__ = ("_draining", "_send", "status")

    def __init__(self, send: Send, *, draining: bool) -> None:
        self._send = send
        self._draining = draining
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._draining:
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await self._send(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The longest that a request may take, up to which part of the service's room it is let in, and its patience."""

    limit_s: float
    room: float = 1.0
    wait_s: float = 0.0
    """How long it waits for room when there is none: a burst passes, an overload does not."""


Lanes = Callable[[str, str], Lane]
"""The lane of a request, by its method and path."""


class Guard:
    """ASGI middleware; no request takes longer than its caller's deadline or its lane's limit."""

    def __init__(self, app: ASGIApp, lanes: Lanes) -> None:
        self._app = app
        self._lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host: Host = scope["app"].state.host
        headers = dict(scope["headers"])
        told = headers.get(_TRACE)
        span = trace.begin(scope["method"], Kind.SERVER, told.decode("latin-1") if told else None)
        answer = _Answer(send, draining=host.draining)
        began = perf_counter()
        with trace.within(span, host.telemetry.exporter.put):
            try:
                await self._admit(host, headers, scope, receive, answer)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                host.telemetry.served(route, scope["method"], answer.status, perf_counter() - began)
                _describe(span, scope["method"], route, answer.status)

    async def _admit(
        self, host: Host, headers: dict[bytes, bytes], scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        """Turn the request away before anything is done for it, or serve it."""
        length = headers.get(b"content-length")
        if length is not None and (not length.isdigit() or int(length) > LARGEST_BODY_BYTES):
            await problem(413, f"at most {LARGEST_BODY_BYTES} bytes", {"Connection": "close"})(scope, receive, answer)
            return
        limited = receive if length is not None else _counted(receive)
        lane = self._lanes(scope["method"], scope["path"])
        limit_s = defects.limit_s(deadline.told(headers.get(_DEADLINE), lane.limit_s))
        if scope["path"] in OPERATIONAL:
            await self._serve(scope, limited, answer, limit_s)
            return
        began = perf_counter()
        refusal = await _let_in(host, headers, scope, lane)
        if refusal is not None:
            retry = {"Retry-After": str(refusal.retry_after_s)}
            await problem(refusal.status, refusal.why, retry)(scope, receive, answer)
            return
        try:
            await self._serve(scope, limited, answer, limit_s - (perf_counter() - began))
        finally:
            host.admission.leave()

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer, limit_s: float) -> None:
        deadline.begin(limit_s)
        try:
            async with asyncio.timeout(limit_s):
                await self._app(scope, receive, answer)
        except TimeoutError:
            if answer.status:
                raise
            await problem(503, "the request's deadline is used up")(scope, receive, answer)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if answer.status:
                raise
            await problem(500, "this is a defect of the service; see its log")(scope, receive, answer)


async def _let_in(host: Host, headers: dict[bytes, bytes], scope: Scope, lane: Lane) -> Refusal | None:
    """Let the request in, at once or after a moment, or say why not."""
    caller = host.identity.known(headers.get(b"authorization", b"").decode("latin-1"))
    client = scope.get("client") or ("", 0)
    refusal = host.admission.refusal(caller, client[0], lane.room)
    if refusal is None:
        host.admission.enter()
    elif refusal.status == FULL and await host.admission.room_within(lane.wait_s, lane.room):
        return None
    return refusal


def _describe(span: Span, method: str, route: str, status: int) -> None:
    span.name = f"{method} {route}"
    span.failed = span.failed or status >= SERVER_ERROR
    span.attributes = {"http.request.method": method, "http.route": route, "http.response.status_code": status}


def _counted(receive: Receive) -> Receive:
    """The same, but a body of unannounced length ends where the limit is."""
    total = 0

    async def count() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > LARGEST_BODY_BYTES:
            raise HTTPException(413, f"at most {LARGEST_BODY_BYTES} bytes")
        return message

    return count
