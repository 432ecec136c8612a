"""How many calls crossed an edge for each journey, under the fault and shortly before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.checkers.statistics import lower_bound
from harness.model.fault import EdgeTarget, Injection
from harness.model.history import History
from harness.model.observation import GeneratorSecond, Window, WindowKind
from harness.model.system import CUSTOMERS
from harness.model.topology import Topology

LEAST_SECONDS = 3
"""Of the time before the fault; with fewer nobody knows what was usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What crossed one edge before and during, with the journeys that were due meanwhile."""

    edge: str
    before: int
    due_before: int
    during: int
    due: int
    dispersion: float
    """The variance of the calls of a second over their mean, at least 1: one journey makes several calls."""

    @property
    def expected(self) -> float:
        """How many there would be under the fault if nothing were different."""
        return self.before / self.due_before * self.due if self.due_before else 0.0

    @property
    def times(self) -> float:
        """How many times as many as expected."""
        return self.during / self.expected if self.expected else 0.0

    def at_least(self, alpha: float) -> float:
        """How many times as many there certainly are, at an error rate.

        Given all calls of both windows, those of one are binomial; counts are thinned by their dispersion.
        """
        during, every = int(self.during / self.dispersion), int((self.during + self.before) / self.dispersion)
        if not every or not self.due or not during:
            return 0.0
        part = lower_bound(min(during, every), every, alpha)
        return part / (1 - part) * self.due_before / self.due if part < 1 else float("inf")


def faulted_edges(topology: Topology, injections: Iterable[Injection]) -> tuple[str, ...]:
    """The edges between services that some injections act on: of an instance, all that lead to its service."""
    named: list[str] = []
    for injection in injections:
        target = injection.target
        if isinstance(target, EdgeTarget):
            named.append(target.edge)
        else:
            named += [edge.name for edge in topology.edges.values() if edge.provider == target.service]
    return tuple(name for name in dict.fromkeys(named) if _between_services(topology, name))


def leading_to(topology: Topology, edge: str) -> tuple[str, ...]:
    """The edges between services by which calls come to the consumer of an edge, the nearest first."""
    found: list[str] = []
    ends = [topology.edges[edge].consumer]
    while ends:
        end = ends.pop(0)
        for each in topology.edges.values():
            if each.provider == end and each.name not in found and each.name != edge:
                found.append(each.name)
                ends.append(each.consumer)
    return tuple(name for name in found if _between_services(topology, name))


def _between_services(topology: Topology, name: str) -> bool:
    edge = topology.edges[name]
    return edge.consumer != CUSTOMERS and not topology.is_store(edge.provider)


def calls_on(history: History, edge: str) -> Calls | None:
    """What crossed an edge; None where nothing was counted, or the time before the fault was too short."""
    before, during = history.window(WindowKind.WARM_UP), history.window(WindowKind.FAULT)
    if before is None or during is None or not history.crossings:
        return None
    lines = {line.name for line in history.topology.lines if line.edge == edge}
    first, then = _by_second(history, lines, before), _by_second(history, lines, during)
    if len(first) < LEAST_SECONDS:
        return None
    return Calls(
        edge=edge,
        before=sum(first.values()),
        due_before=_due(history.generator, before),
        during=sum(then.values()),
        due=_due(history.generator, during),
        dispersion=max(1.0, _dispersion(first), _dispersion(then)),
    )


def _by_second(history: History, lines: set[str], window: Window) -> Counter[int]:
    found = Counter(dict.fromkeys(window.seconds, 0))
    for each in history.crossings:
        if each.second in found and each.line in lines:
            found[each.second] += each.requests
    return found


def _due(generator: Iterable[GeneratorSecond], window: Window) -> int:
    return sum(each.due for each in generator if each.second in window.seconds)


def _dispersion(seconds: Counter[int]) -> float:
    """Variance over mean; of a few seconds, or of none with a call, 1."""
    n, total = len(seconds), sum(seconds.values())
    if n < LEAST_SECONDS or not total:
        return 1.0
    mean = total / n
    return sum((count - mean) ** 2 for count in seconds.values()) / (n - 1) / mean
