"""Clocks that differ: spans of one trace put on the clock of those who asked.

A call that went well bounds the difference: the provider began after the request was sent, and ended before the answer
had come. Within these bounds clocks are left alone, so that on one machine nothing is moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from harness.model.span import Span, SpanKind, SpanStatus

TOLERANCE_S = 0.002
"""Wall clocks of one machine are read at different moments."""

Where = tuple[str, str | None]
"""A service and its instance: what has a clock."""


def aligned(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The same spans, those of instances whose clock is certainly off moved by as little as makes sense of them."""
    there = {span.span: span for span in spans}
    calls: defaultdict[tuple[Where, Where], list[tuple[Span, Span]]] = defaultdict(list)
    for span in spans:
        asked = there.get(span.parent or "")
        if asked is not None and span.kind is SpanKind.SERVER and asked.kind is SpanKind.CLIENT:
            calls[_where(asked), _where(span)].append((asked, span))
    ahead = _ahead(calls)
    if not any(ahead.values()):
        return tuple(spans)
    return tuple(_moved(span, -ahead.get(_where(span), 0.0)) for span in spans)


def _ahead(calls: dict[tuple[Where, Where], list[tuple[Span, Span]]]) -> dict[Where, float]:
    """By how much each clock is ahead of that of the first who asked."""
    providers = {provider for _, provider in calls}
    known: dict[Where, float] = {consumer: 0.0 for consumer, _ in calls if consumer not in providers}
    known = known or {consumer: 0.0 for consumer, _ in list(calls)[:1]}
    for _ in range(len(calls)):
        for (consumer, provider), pairs in calls.items():
            if consumer in known and provider not in known:
                known[provider] = known[consumer] + _difference(pairs)
    return known


def _difference(pairs: Sequence[tuple[Span, Span]]) -> float:
    """By how much the provider's clock is certainly ahead of the consumer's; negative when it is behind.

    One that works on after its answer ends late as well, but it does not begin late too.
    """
    most = min(served.start - asked.start for asked, served in pairs)
    if most < -TOLERANCE_S:
        return most
    went_well = [served.end - asked.end for asked, served in pairs if _went_well(asked)]
    least = min(*went_well, most) if went_well else 0.0
    return least if least > TOLERANCE_S else 0.0


def _went_well(asked: Span) -> bool:
    """Whether its answer came whole: one that was given up may end before its provider does."""
    return asked.status is not SpanStatus.ERROR and asked.error is None


def _where(span: Span) -> Where:
    return span.service, span.instance


def _moved(span: Span, by_s: float) -> Span:
    return replace(span, start=span.start + by_s, end=span.end + by_s) if by_s else span
