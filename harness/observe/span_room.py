"""The spans that are in memory: the latest for a while, and those of traces that somebody wants to look at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from harness.model.span import Span
from harness.model.topology import Topology

LATEST_SPANS = 30_000
"""Of traces that nobody asked for; the oldest trace goes first."""
KEPT_TRACES = 2_000
KEPT_SPANS = 60_000
"""Of traces that somebody asked for; the oldest trace goes first."""
TRACE_SPANS = 600
"""Of one trace; what comes after that is dropped, and counted."""


@dataclass(slots=True)
class Counts:
    """What has become of what was sent."""

    requests: int = 0
    refused: int = 0
    """Requests that could not be read, or were too large."""
    spans: int = 0
    broken: int = 0
    """Spans that say too little, or nonsense."""
    dropped: int = 0
    """Spans of traces that were too long, or that went to make room."""


class SpanRoom:
    """Spans by trace. A span is about 1 KB, so that all of them are at most about 100 MB, and 5 MB as a rule."""

    def __init__(
        self, *, latest_spans: int = LATEST_SPANS, kept_traces: int = KEPT_TRACES, kept_spans: int = KEPT_SPANS
    ) -> None:
        self.counts = Counts()
        self.services: set[str] = set()
        """All that ever sent a span."""
        self._latest_limit = latest_spans
        self._kept_limits = (kept_traces, kept_spans)
        self._latest: OrderedDict[str, list[Span]] = OrderedDict()
        self._kept: OrderedDict[str, list[Span]] = OrderedDict()
        self._latest_spans = 0
        self._kept_spans = 0

    def add(self, spans: Iterable[Span]) -> None:
        """Take in what has arrived."""
        for span in spans:
            self.counts.spans += 1
            self.services.add(span.service)
            kept = self._kept.get(span.trace)
            there = self._latest.setdefault(span.trace, []) if kept is None else kept
            if len(there) >= TRACE_SPANS:
                self.counts.dropped += 1
                continue
            there.append(span)
            if kept is None:
                self._latest_spans += 1
            else:
                self._kept_spans += 1
        self._make_room()

    def keep(self, traces: Iterable[str]) -> None:
        """Do not forget these, nor what will still come of them."""
        for trace in traces:
            if trace and trace not in self._kept:
                spans = self._latest.pop(trace, [])
                self._latest_spans -= len(spans)
                self._kept_spans += len(spans)
                self._kept[trace] = spans
        self._make_room()

    def of(self, traces: Iterable[str]) -> tuple[Span, ...]:
        """The spans of these traces, as far as they are here, in the order of their beginning."""
        found = [span for trace in traces for span in self._kept.get(trace) or self._latest.get(trace) or ()]
        return tuple(sorted(found, key=lambda span: span.start))

    def since(self, start: float) -> tuple[Span, ...]:
        """All spans of kept traces that began at `start` or later."""
        found = [span for spans in self._kept.values() for span in spans if span.start >= start]
        return tuple(sorted(found, key=lambda span: span.start))

    def _make_room(self) -> None:
        while self._latest_spans > self._latest_limit:
            gone = len(self._latest.popitem(last=False)[1])
            self._latest_spans -= gone
        most_traces, most_spans = self._kept_limits
        while len(self._kept) > most_traces or self._kept_spans > most_spans:
            gone = len(self._kept.popitem(last=False)[1])
            self._kept_spans -= gone
            self.counts.dropped += gone


def told_of(room: SpanRoom, topology: Topology) -> tuple[str, dict[str, float]]:
    """What became of the spans of a run: a note, with its figures."""
    silent = [name for name in topology.system.services if name not in room.services]
    counts = room.counts
    figures: dict[str, float] = {
        "spans": counts.spans,
        "requests": counts.requests,
        "refused": counts.refused,
        "broken": counts.broken,
    }
    if not room.services:
        return "no spans: no service sent any, so whose fault it is was told from the topology", figures
    unseen = f"; no spans of {', '.join(silent)}" if silent else ""
    return f"spans of {len(room.services)} services{unseen}", figures | {"dropped": counts.dropped}
