"""Joins the spans of one trace into calls: who asked whom, in which request, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.checkers.missing import missing_parents
from harness.checkers.naming import named, provider_of
from harness.checkers.skew import aligned
from harness.model.span import Span, SpanKind, SpanStatus
from harness.model.topology import Topology
from harness.model.tracing import is_customers

STATUS = "http.response.status_code"
CLIENT_ERROR, SERVER_ERROR = 400, 500
NOT_A_NO = frozenset({408, 429})
"""Statuses of the 400s that are no definite answer."""
DEEPEST = 60
"""Spans between a call and the request in which it was made, at most."""
_CANCELLED = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request from a consumer to a provider, attempts that followed a failure folded into it."""

    consumer: str
    """Empty when nothing tells, as the provider."""
    provider: str
    start: float
    end: float
    failed: bool
    error: str = ""
    client: Span | None = None
    """The last attempt, as the consumer tells it."""
    server: Span | None = None
    """The last attempt, as the provider tells it."""
    inside: str = ""
    """The span of the request that the consumer was serving; empty when nothing tells."""
    attempts: int = 1
    silent: bool = False
    """No span tells of it: it is told from the topology."""

    @property
    def took_s(self) -> float:
        """From the first attempt's beginning to the last one's end."""
        return self.end - self.start

    @property
    def cancelled(self) -> bool:
        """Whether the consumer itself broke it off, as it does when something else has failed."""
        return _CANCELLED in self.error.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The calls of one trace; `roots` are the requests that customers made."""

    roots: tuple[Span, ...]
    asides: tuple[Span, ...]
    """What was done on account of a message, for which no customer waits."""
    calls: tuple[Call, ...]
    """Each attempt by itself, in the order of their beginning."""
    services: frozenset[str]
    """Those that tell anything."""

    def made_in(self, served: Span) -> tuple[Call, ...]:
        """The calls that were made for a request, attempts folded."""
        return folded(call for call in self.calls if call.inside == served.span)


def status_of(span: Span) -> int:
    """The HTTP status that it tells; 0 when it tells none."""
    told = span.attributes.get(STATUS, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= len("999") else 0


def is_aside(span: Span) -> bool:
    """Whether it tells of work on account of a message."""
    return span.kind is SpanKind.SERVER and "messaging.system" in span.attributes


def is_bad(span: Span) -> bool:
    """Whether it tells of a failure; a definite no is none."""
    status = status_of(span)
    if CLIENT_ERROR <= status < SERVER_ERROR:
        return status in NOT_A_NO
    return status >= SERVER_ERROR or span.status is SpanStatus.ERROR


def calls_of(spans: Sequence[Span], topology: Topology) -> Trace:
    """The calls that the spans of one trace tell of, on one clock."""
    told = named(spans, topology)
    there = {span.span: span for span in aligned((*told, *missing_parents(told, topology)))}
    children: defaultdict[str, list[Span]] = defaultdict(list)
    for span in there.values():
        if span.parent:
            children[span.parent].append(span)
    calls: list[Call] = []
    roots: list[Span] = []
    for span in there.values():
        if span.kind is SpanKind.CLIENT:
            calls += _asked(span, children, there, topology)
        elif _is_root(span, there, topology):
            roots.append(span)
        elif span.kind is SpanKind.SERVER and not is_aside(span):
            calls += _served(span, there, topology)
    asides = [span for span in there.values() if is_aside(span)]
    return Trace(
        roots=tuple(sorted(roots, key=lambda each: each.start)),
        asides=tuple(sorted(asides, key=lambda each: each.start)),
        calls=tuple(sorted(calls, key=lambda each: (each.start, each.end))),
        services=frozenset(span.service for span in told),
    )


def folded(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Attempts that follow a failed one of the same kind, as one call of which the last attempt counts."""
    found: list[Call] = []
    open_: dict[tuple[str, str], int] = {}
    for call in calls:
        key = (call.provider, _kind_of(call))
        before = found[open_[key]] if key in open_ else None
        if before is not None and before.failed and before.end <= call.start:
            found[open_[key]] = replace(call, start=before.start, attempts=before.attempts + 1)
        else:
            open_[key] = len(found)
            found.append(call)
    return tuple(found)


def _kind_of(call: Call) -> str:
    return call.client.name if call.client else call.server.name if call.server else ""


def _is_root(span: Span, there: Mapping[str, Span], topology: Topology) -> bool:
    if span.kind is not SpanKind.SERVER or span.parent in there or is_aside(span):
        return False
    return is_customers(span.parent) or span.service == topology.system.entry


def _asked(
    span: Span, children: Mapping[str, list[Span]], there: Mapping[str, Span], topology: Topology
) -> Iterator[Call]:
    """The call that a client's span tells of; what holds the spans of its attempts tells of none itself."""
    inner = children.get(span.span, ())
    if any(each.kind is SpanKind.CLIENT and each.service == span.service for each in inner):
        return
    servers = [each for each in inner if each.kind is SpanKind.SERVER and each.service != span.service]
    server = next((each for each in servers if not is_aside(each)), None)
    provider = provider_of(span, topology) or (server.service if server else "")
    straight = server is not None and server.service == provider
    yield Call(
        consumer=span.service,
        provider=provider,
        start=span.start,
        end=span.end,
        failed=is_bad(span),
        error=span.error or "",
        client=span,
        server=server if straight else None,
        inside=_inside(span, there),
    )
    if server is not None and not straight:  # between them is one that passes the trace on, and tells nothing itself
        yield _without_client(server, provider, inside="")


def _served(span: Span, there: Mapping[str, Span], topology: Topology) -> Iterator[Call]:
    """The call that a server's span tells of whose consumer tells nothing."""
    parent = there.get(span.parent or "")
    if parent is None:
        consumers = [edge.consumer for edge in topology.edges.values() if edge.provider == span.service]
        yield _without_client(span, consumers[0] if len(consumers) == 1 else "", inside="")
    elif parent.service != span.service and parent.kind is not SpanKind.CLIENT:
        yield _without_client(span, parent.service, inside=_inside(parent, there))


def _without_client(server: Span, consumer: str, *, inside: str) -> Call:
    return Call(
        consumer=consumer,
        provider=server.service,
        start=server.start,
        end=server.end,
        failed=is_bad(server),
        error=server.error or "",
        server=server,
        inside=inside,
    )


def _inside(span: Span, there: Mapping[str, Span]) -> str:
    """The request of the same service in which something was done."""
    current: Span | None = span
    for _ in range(DEEPEST):
        if current is None or current.service != span.service:
            break
        if current.kind is SpanKind.SERVER:
            return current.span
        current = there.get(current.parent or "")
    return ""
