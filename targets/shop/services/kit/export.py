"""Spans to a collector by OTLP over HTTP with JSON, in the background; what doesn't fit is dropped and counted."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque

import aiohttp

from kit.settings import Settings
from kit.trace import Span

MOST_WAITING = 2048
BATCH = 512
EVERY_S = 0.5
LIMIT_S = 2.0
FAILED = 2
ERROR_CHARS = 200
log = logging.getLogger(__name__)


class Exporter:
    """A bounded queue of ended spans, and the one task that empties it; without an endpoint nothing is kept."""

    def __init__(self, settings: Settings) -> None:
        endpoint = settings.env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").rstrip("/")
        self._url = f"{endpoint}/v1/traces" if endpoint else None
        self._resource = _attributes(
            {
                "service.name": settings.service,
                "service.instance.id": settings.instance,
                "service.version": settings.version,
                "cloud.availability_zone": settings.zone,
            }
        )
        self._waiting: deque[Span] = deque()
        self.sent = 0
        self.dropped = 0

    def put(self, span: Span) -> None:
        """Queue an ended span, if there is room."""
        if self._url is None or not span.sampled:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
        else:
            self._waiting.append(span)

    async def run(self) -> None:
        """Send what has ended, until cancelled."""
        if self._url is None:
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT_S)) as session:
            while True:
                try:
                    await asyncio.sleep(EVERY_S)
                finally:  # when cancelled, what is there is sent all the same
                    while self._waiting:
                        await self._send(session, self._url)

    async def _send(self, session: aiohttp.ClientSession, url: str) -> None:
        spans = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            body = json.dumps(self._document(spans)).encode()
            async with session.post(url, data=body, headers={"content-type": "application/json"}) as response:
                response.raise_for_status()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.dropped += len(spans)
            log.debug("the collector: %r", error)
        else:
            self.sent += len(spans)

    def _document(self, spans: list[Span]) -> dict[str, object]:
        """The spans as OTLP has them."""
        scope = {"scope": {"name": "shop"}, "spans": [_told(span) for span in spans]}
        return {"resourceSpans": [{"resource": {"attributes": self._resource}, "scopeSpans": [scope]}]}

    def health(self) -> dict[str, object]:
        """How much was sent and lost, for people."""
        return {"to": self._url, "waiting": len(self._waiting), "sent": self.sent, "dropped": self.dropped}

    async def close(self) -> None:
        """Nothing is open once `run` has ended."""


def _told(span: Span) -> dict[str, object]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({} if span.parent_id is None else {"parentSpanId": span.parent_id}),
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "status": {"code": FAILED, "message": span.error[:ERROR_CHARS]} if span.failed else {},
    }


def _attributes(values: dict[str, str] | dict[str, str | int]) -> list[dict[str, object]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]
