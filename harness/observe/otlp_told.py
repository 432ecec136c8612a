"""A span as an exporter told it, whatever the encoding, and what it is on the run's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.span import Span, SpanKind, SpanStatus

VALUE_LIMIT_CHARS = 240
"""Of an attribute, a name or an error that is kept."""

_KINDS = {2: SpanKind.SERVER, 3: SpanKind.CLIENT, 4: SpanKind.CLIENT, 5: SpanKind.SERVER}
"""Who sends an event is its consumer's client; all else is internal."""
_MESSAGES = (4, 5)
_STATUSES = {1: SpanStatus.OK, 2: SpanStatus.ERROR}

KEPT = frozenset({
    "http.request.method", "http.response.status_code", "http.route", "http.request.resend_count", "url.path",
    "url.full", "server.address", "server.port", "peer.service", "peer.instance", "db.system", "db.system.name",
    "db.namespace", "messaging.system", "messaging.destination.name", "rpc.system", "rpc.service", "rpc.method",
    "rpc.grpc.status_code", "error.type", "deadline_ms",
})  # fmt: skip
"""The attributes that somebody reads, by their names of today."""

_OLD_NAMES = {
    "http.method": "http.request.method",
    "http.status_code": "http.response.status_code",
    "http.target": "url.path",
    "http.url": "url.full",
    "net.peer.name": "server.address",
    "net.peer.port": "server.port",
    "deadline.ms": "deadline_ms",
    "timeout_ms": "deadline_ms",
}
"""What older libraries call them."""


class OtlpError(Exception):
    """A body is not what its content type says; the message says why."""


@dataclass(slots=True, kw_only=True)
class Told:
    """One span; ids are lower-case hex, times in nanoseconds of Unix time, `kind` and `code` as OTLP numbers them."""

    resource: Mapping[str, str]
    trace: str = ""
    span: str = ""
    parent: str = ""
    name: str = ""
    kind: int = 0
    start_ns: int = 0
    end_ns: int = 0
    code: int = 0
    message: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    exception: str = ""
    """Of the first exception that was recorded: its message, else its type."""


def span_of(told: Told, *, zero_ns: int) -> Span:
    """The span on the run's clock, whose t = 0 was at `zero_ns` of Unix time.

    Raises:
        OtlpError: if it has no ids, no service, or ends before it begins.
    """
    service = told.resource.get("service.name", "")
    if len(told.trace) != _TRACE_HEX or len(told.span) != _SPAN_HEX or not service:
        message = f"expected a span with a trace id, a span id and a service.name, found {told.name[:80]!r}"
        raise OtlpError(message)
    if not 0 < told.start_ns <= told.end_ns < _TOO_LATE_NS:
        message = f"expected a span that ends after it begins, found {told.name[:80]!r}"
        raise OtlpError(message)
    attributes = {}
    for name, value in told.attributes.items():
        known = _OLD_NAMES.get(name, name)
        if known in KEPT:
            attributes[known] = value[:VALUE_LIMIT_CHARS]
    if told.kind in _MESSAGES:
        attributes.setdefault("messaging.system", "?")
    status = _STATUSES.get(told.code, SpanStatus.UNSET)
    error = told.message or told.exception or (attributes.get("error.type", "") if status is SpanStatus.ERROR else "")
    return Span(
        trace=told.trace,
        span=told.span,
        parent=told.parent or None,
        service=service[:VALUE_LIMIT_CHARS],
        instance=told.resource.get("service.instance.id"),
        kind=_KINDS.get(told.kind, SpanKind.INTERNAL),
        name=told.name[:VALUE_LIMIT_CHARS],
        start=(told.start_ns - zero_ns) / 1e9,
        end=(told.end_ns - zero_ns) / 1e9,
        status=status,
        error=error[:VALUE_LIMIT_CHARS] or None,
        attributes=attributes,
    )


_TRACE_HEX, _SPAN_HEX = 32, 16
_TOO_LATE_NS = 1 << 63
