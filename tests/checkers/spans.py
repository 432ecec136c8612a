"""Spans made to order, as the services of the small shop would tell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from harness.checkers.culprit import Case, Culprit, culprit
from harness.checkers.trace_calls import calls_of
from harness.model.fault import Target
from harness.model.span import Span, SpanKind, SpanStatus
from harness.model.topology import Topology

TRACE = "0af7651916cd43dd8448eb211c80319c"
CUSTOMERS_SPAN = "e500000000000001"


@dataclass
class Telling:
    """Collects the spans of one trace; times in milliseconds."""

    trace: str = TRACE
    spans: list[Span] = field(default_factory=list)
    clocks_ms: dict[str, float] = field(default_factory=dict)
    """By how much the clock of a service is ahead."""
    _ids: count[int] = field(default_factory=lambda: count(1))

    def served(
        self, service: str, start: float, end: float, *, parent: str = CUSTOMERS_SPAN, status: int = 200, **more: str
    ) -> str:
        """A service served a request."""
        attributes = {"http.response.status_code": str(status), **more} if status else dict(more)
        bad = status >= 500
        return self.told(service, SpanKind.SERVER, start, end, parent=parent, bad=bad, attributes=attributes)

    def asked(  # noqa: PLR0913 -- what a call tells
        self, service: str, provider: str, start: float, end: float, *, parent: str, error: str = "", name: str = "GET"
    ) -> str:
        """A service asked another one."""
        attributes = {"peer.service": provider} if provider else {}
        return self.told(
            service,
            SpanKind.CLIENT,
            start,
            end,
            parent=parent,
            bad=bool(error),
            error=error,
            name=f"{name} {provider}",
            attributes=attributes,
        )

    def told(  # noqa: PLR0913 -- what a span tells
        self,
        service: str,
        kind: SpanKind,
        start: float,
        end: float,
        *,
        parent: str | None,
        bad: bool = False,
        error: str = "",
        name: str = "",
        attributes: dict[str, str] | None = None,
    ) -> str:
        span = f"{next(self._ids):016x}"
        ahead = self.clocks_ms.get(service, 0.0)
        self.spans.append(
            Span(
                trace=self.trace,
                span=span,
                parent=parent,
                service=service,
                instance=f"{service}-1",
                kind=kind,
                name=name or service,
                start=(start + ahead) / 1000,
                end=(end + ahead) / 1000,
                status=SpanStatus.ERROR if bad else SpanStatus.UNSET,
                error=error or None,
                attributes=attributes or {},
            )
        )
        return span

    def without(self, *services: str) -> Telling:
        """As if these services sent no spans."""
        return Telling(trace=self.trace, spans=[span for span in self.spans if span.service not in services])


def blame_of(telling: Telling, topology: Topology, *faults: Target, deadline_s: float = 2.0) -> Culprit | None:
    trace = calls_of(telling.spans, topology)
    return culprit(Case(trace=trace, topology=topology, faults=faults, deadline_s=deadline_s))
