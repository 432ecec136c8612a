"""The edges that spans tell of, those to stores among them: for the audit, and for whoever looks what is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.checkers.missing import UNTOLD
from harness.checkers.trace_calls import Call, calls_of
from harness.model.span import Span
from harness.model.system import edge_name
from harness.model.topology import Topology

DURATIONS_KEPT = 1_000
"""Of an edge, the first ones."""
_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSeen:
    """One edge, as calls show it."""

    consumer: str
    provider: str
    count: int
    """Attempts."""
    failed: int
    traces: int
    """In how many traces it was crossed."""
    durations_s: tuple[float, ...]
    """Sorted."""
    deadline_s: float | None
    """The longest that a consumer said it would wait; None when none says."""
    store: bool
    declared: bool
    """Whether it stands in the description."""

    @property
    def name(self) -> str:
        """`consumer->provider`."""
        return edge_name(self.consumer, self.provider)

    @property
    def median_s(self) -> float:
        """How long half of the attempts took at most."""
        return self.durations_s[len(self.durations_s) // 2]


def edges_seen(spans: Iterable[Span], topology: Topology) -> tuple[EdgeSeen, ...]:
    """All edges that the spans of any number of traces tell of, by name; ends that nothing names are left out."""
    found: defaultdict[tuple[str, str], list[tuple[str, Call]]] = defaultdict(list)
    for trace, of_trace in by_trace(spans).items():
        for call in calls_of(of_trace, topology).calls:
            only_missing = call.client is None and call.error == UNTOLD
            if call.consumer and call.provider and call.consumer != call.provider and not only_missing:
                found[call.consumer, call.provider].append((trace, call))
    return tuple(_edge(consumer, provider, found[consumer, provider], topology) for consumer, provider in sorted(found))


def by_trace(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Spans by their trace."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        found[span.trace].append(span)
    return dict(found)


def _edge(consumer: str, provider: str, seen: Sequence[tuple[str, Call]], topology: Topology) -> EdgeSeen:
    told = [call.client.attributes.get("deadline_ms", "") for _, call in seen if call.client]
    deadlines = [float(each) / _MS for each in told if each.replace(".", "", 1).isdigit()]
    return EdgeSeen(
        consumer=consumer,
        provider=provider,
        count=len(seen),
        failed=sum(call.failed for _, call in seen),
        traces=len({trace for trace, _ in seen}),
        durations_s=tuple(sorted(call.took_s for _, call in seen[:DURATIONS_KEPT])),
        deadline_s=max(deadlines, default=None),
        store=provider in topology.system.stores,
        declared=edge_name(consumer, provider) in topology.edges,
    )
