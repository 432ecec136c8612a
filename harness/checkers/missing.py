"""Requests that must have been there, since calls were made in them, and of which no span tells.

A service that still waits has not ended its span, and one that was killed never will.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from harness.checkers.naming import provider_of
from harness.model.span import Span, SpanKind, SpanStatus
from harness.model.topology import Topology
from harness.model.tracing import is_customers

NOBODY_KNOWN = "0" * 16
UNTOLD = "no span tells of its end"


def missing_parents(spans: Sequence[Span], topology: Topology) -> Iterator[Span]:
    """A span for each of them, as long as what is known of it."""
    there = {span.span: span for span in spans}
    orphans: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        if span.kind is not SpanKind.SERVER and span.parent and span.parent not in there:
            orphans[span.parent, span.service].append(span)
    for (identity, service), found in orphans.items():
        if is_customers(identity):
            continue
        first = min(found, key=lambda each: each.start)
        yield Span(
            trace=first.trace,
            span=identity,
            parent=_asked_by(service, first, there, topology),
            service=service,
            instance=first.instance,
            kind=SpanKind.SERVER,
            name="",
            start=first.start,
            end=max(each.end for each in found),
            status=SpanStatus.ERROR,
            error=UNTOLD,
        )


def _asked_by(service: str, first: Span, there: Mapping[str, Span], topology: Topology) -> str | None:
    """The call of that service which was under way then, and of which the service tells nothing."""
    answered = {span.parent for span in there.values() if span.kind is SpanKind.SERVER}
    for span in there.values():
        waiting = span.kind is SpanKind.CLIENT and span.span not in answered and span.start <= first.start <= span.end
        if waiting and provider_of(span, topology) == service:
            return span.span
    return None if service == topology.system.entry else NOBODY_KNOWN
