"""Did anything cross the faulted lines while the fault was in force?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.checkers.tally import tally
from harness.model.fault import EdgeTarget, InstanceTarget, Target
from harness.model.history import Forced, History
from harness.model.observation import CrossingSecond, WindowKind
from harness.model.system import CUSTOMERS, StoreKind, edge_name
from harness.model.topology import LineId, Topology

CROSSINGS_AT_LEAST = 3
CROSSINGS_ENOUGH = 30
CROSSINGS_OF_LOAD = 0.05
"""Needed: this share of the journeys started, at least 3 and at most 30.

Of a fault that chooses, only the least is needed: what it did not choose went on as ever.
"""

BUSES = frozenset({StoreKind.NATS})
"""Stores that bring events to who asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """What crossed the lines of one injection while it was in force."""

    enough: bool
    reason: str
    edge: str
    evidence: tuple[str, ...] = ()


def crossings(history: History) -> tuple[Crossed, ...]:
    """For each injection that came into force, whether enough requests met it."""
    return tuple(_of_injection(history, forced) for forced in history.forced if forced.armed.in_force)


def target_lines(topology: Topology, target: Target) -> tuple[LineId, ...]:
    """The lines that a fault on the target acts on: for an instance, all that lead to it."""
    return tuple(line for line in topology.lines if _is_hit(line, target))


def _is_hit(line: LineId, target: Target) -> bool:
    if isinstance(target, EdgeTarget):
        return (
            line.edge == target.edge
            and target.consumer_index in {None, line.consumer.index}
            and target.provider_index in {None, line.provider.index}
        )
    return (line.provider.service, line.provider.index) == (target.service, target.index)


def _of_injection(history: History, forced: Forced) -> Crossed:
    injection = forced.injection
    edge = _edge(history.topology, injection.target)
    if not history.crossings:
        return Crossed(enough=False, reason="nothing counted what crossed the edges: no relay was there", edge=edge)
    unit = _unit(history.topology, injection.target)
    lines = {line.name for target in unit for line in target_lines(history.topology, target)}
    journeys = tally(history, history.window(WindowKind.FAULT)).n
    needed = max(CROSSINGS_AT_LEAST, min(CROSSINGS_ENOUGH, math.ceil(CROSSINGS_OF_LOAD * journeys)))
    during = _between(history, lines, forced.armed_at, _end(history, forced))
    counted, what = sum(each.requests for each in during), "requests"
    hits = forced.healed.hits if forced.healed and len(unit) == 1 else None
    if hits is not None:
        counted, what = (hits.requests, what) if hits.exchanges is None else (hits.exchanges, "exchanges")
    if injection.fault.chooses:
        needed = CROSSINGS_AT_LEAST
    whole = " in its cluster" if len(unit) > 1 else ""
    reason = f"{counted} {what} met {injection.describe()}{whole}, {needed} are needed"
    if counted < needed:
        pulled = _pulled(history, injection.target, lines)
        demand, source = _demand(history, injection.target, lines | pulled)
        seen = counted >= CROSSINGS_AT_LEAST or bool(pulled) or not injection.fault.passes_traffic
        if not seen or demand < needed:
            reason += f", and some {demand:.0f} would have come ({source}): it was not put to the test"
            return Crossed(enough=False, reason=reason, edge=edge, evidence=_by_line(during))
        why = "the consumer held back" if injection.fault.passes_traffic else "a refused one is not counted"
        why = "it takes events, and took none" if pulled and injection.fault.passes_traffic else why
        reason += f", but some {demand:.0f} would have come ({source}): {why}"
    return Crossed(enough=True, reason=reason, edge=edge, evidence=_by_line(during))


def _pulled(history: History, target: Target, called: set[str]) -> set[str]:
    """The lines by which an instance fetches its work from a bus, if it gets more there than by being called."""
    topology, baseline = history.topology, history.window(WindowKind.BASELINE)
    stores = topology.system.stores
    if baseline is None or isinstance(target, EdgeTarget) or topology.is_store(target.service):
        return set()
    found = {
        line.name
        for line in topology.lines
        if (line.consumer.service, line.consumer.index) == (target.service, target.index)
        and topology.is_store(line.provider.service)
        and stores[line.provider.service].kind in BUSES
    }
    fetched, asked = (
        sum(each.requests for each in _between(history, lines, baseline.start, baseline.end))
        for lines in (found, called)
    )
    return found if fetched > asked else set()


def _unit(topology: Topology, target: Target) -> tuple[Target, ...]:
    """The target, and with a node of a cluster its others: a client uses the cluster by any of them."""
    if isinstance(target, EdgeTarget) or not topology.is_store(target.service):
        return (target,)
    return tuple(InstanceTarget(service=node) for node in topology.nodes_of(target.service)) or (target,)


def _demand(history: History, target: Target, lines: set[str]) -> tuple[float, str]:
    """How many requests would have come without the fault, with how that is known.

    An open breaker lets few pass, and a fault that refuses connections leaves nothing to count.
    """
    baseline, window = history.window(WindowKind.BASELINE), history.window(WindowKind.FAULT)
    users = _users(history.topology, target)
    before = sum(tally(history, baseline, name).n for name in users)
    during = sum(tally(history, window, name).n for name in users)
    crossed = sum(each.requests for each in _between(history, lines, baseline.start, baseline.end)) if baseline else 0
    demand = crossed / before * during if before else 0.0
    return demand, f"inferred from the baseline: {crossed} requests in {before} journeys, now {during} journeys"


def _users(topology: Topology, target: Target) -> tuple[str, ...]:
    """The journeys that declare to touch the target's services, since only theirs can be expected; without any, all."""
    entry = topology.system.entry
    ends = {target.consumer, target.provider} if isinstance(target, EdgeTarget) else {target.service}
    journeys = topology.system.journeys
    declared = tuple(
        name
        for name, journey in journeys.items()
        if ends <= {CUSTOMERS, entry, *journey.needs, *journey.usable_without}
    )
    return declared or tuple(journeys)


def _end(history: History, forced: Forced) -> float:
    if forced.healed_at is not None:
        return forced.healed_at
    window = history.window(WindowKind.FAULT)
    return window.end if window else forced.armed_at


def _between(history: History, lines: set[str], start: float, end: float) -> list[CrossingSecond]:
    """What crossed in the whole seconds between two moments."""
    return [
        each for each in history.crossings if each.line in lines and start <= each.second and each.second + 1 <= end
    ]


def _by_line(seconds: list[CrossingSecond]) -> tuple[str, ...]:
    return tuple(
        f"{line}: {sum(each.connections for each in seconds if each.line == line)} connections, "
        f"{sum(each.requests for each in seconds if each.line == line)} requests, "
        f"{sum(each.answers for each in seconds if each.line == line)} answers, "
        f"{sum(each.aborted for each in seconds if each.line == line)} aborted"
        for line in sorted({each.line for each in seconds})
    )


def _edge(topology: Topology, target: Target) -> str:
    if isinstance(target, EdgeTarget):
        return target.edge
    callers = [edge.consumer for edge in topology.edges.values() if edge.provider == target.service]
    return edge_name(callers[0], target.service) if len(callers) == 1 else ""
