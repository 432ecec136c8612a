"""How often and how soon a consumer tried again, by its own spans: they know which attempts are of one request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from harness.checkers.edge_calls import faulted_edges
from harness.checkers.naming import named, provider_of
from harness.model.history import History
from harness.model.observation import WindowKind
from harness.model.span import Span, SpanKind, SpanStatus

AT_ONCE_S = 0.01
"""As in the relay: so soon nobody has paused."""
ENOUGH_USUAL = 5
"""Requests without a failure that tell how often the consumer asks; fewer tell nothing."""
_CANCELLED = "cancel"
_INSTANCE = ("peer.instance", "server.address", "server.port")
"""Attributes by which an attempt at another instance is told from one at the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The attempts on one edge under the fault."""

    failed: int
    again: int
    """Failed ones that another attempt of the same request followed at once, at the same instance."""
    attempts: tuple[int, ...]
    """How many each request made under the fault, of those in which one failed."""
    usual: int
    """Requests in which nothing failed."""
    usual_most: int
    """As often the consumer asked within one of these at most."""

    @property
    def one_by_one(self) -> bool:
        """Whether it is known that the consumer asks once for each request that it serves."""
        return self.usual >= ENOUGH_USUAL and self.usual_most == 1


def refused(history: History, edge: str) -> bool:
    """Whether a fault leaves nothing to count on an edge, since the kernel refuses what comes."""
    injections = [each for each in history.experiment.injections if not each.fault.passes_traffic]
    return edge in faulted_edges(history.topology, injections)


def attempts_told(history: History, edge: str) -> Told | None:
    """What the consumer's spans tell of an edge; None when they tell of no attempt at all.

    Attempts are of one request when they have the same parent and the same name. What the consumer broke off itself
    is no failure.
    """
    window = history.window(WindowKind.FAULT)
    groups: dict[tuple[str, str | None, str], list[Span]] = {}
    for span in _asking(history, edge):
        groups.setdefault((span.trace, span.parent, span.name), []).append(span)
    if window is None or not groups:
        return None
    failed = again = 0
    made: list[int] = []
    usual = [0]
    for group in groups.values():
        attempts = sorted(group, key=lambda each: each.start)
        if not any(each.status is SpanStatus.ERROR for each in attempts):
            usual.append(len(attempts))
            continue
        inside = [each for each in attempts if window.start <= each.start < window.end]
        made += [len(inside)] if inside else []
        failed += sum(map(_failed, inside))
        again += sum(_failed(one) and _at_once(one, other) for one, other in pairwise(inside))
    return Told(failed=failed, again=again, attempts=tuple(made), usual=len(usual) - 1, usual_most=max(usual))


def _at_once(one: Span, other: Span) -> bool:
    """Whether an attempt follows another at once; at another instance it may."""
    elsewhere = any(one.attributes.get(name) != other.attributes.get(name) for name in _INSTANCE)
    return not elsewhere and other.start - one.end <= AT_ONCE_S


def _failed(span: Span) -> bool:
    return span.status is SpanStatus.ERROR and _CANCELLED not in (span.error or "").lower()


def _asking(history: History, edge: str) -> Iterator[Span]:
    topology = history.topology
    consumer, provider = topology.edges[edge].consumer, topology.edges[edge].provider
    for span in named(history.spans, topology):
        if span.kind is SpanKind.CLIENT and span.service == consumer and provider_of(span, topology) == provider:
            yield span
