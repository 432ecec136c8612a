"""Whose a finding is: the edge, the service that should have coped, and its owner."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.experiment import Role
from harness.model.fault import EdgeTarget, InstanceTarget, Target
from harness.model.history import History
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Where a finding points; empty strings where it points nowhere."""

    edge: str = ""
    service: str = ""
    owner: str = ""
    inferred: bool = False


NOBODY = Blame()


def blamed(history: History, journey: str | None = None) -> Blame:
    """Who should have coped with the experiment's (first) fault, told from the topology.

    On an edge it is the consumer. When an instance is lost it is a caller of it, the first on the journey's way.
    """
    if not history.experiment.injections:
        return NOBODY
    target = history.experiment.injections[0].target
    edge, service = _coping(history.topology, target, journey)
    return Blame(edge=edge, service=service, owner=history.topology.owner(service), inferred=True)


def of_service(topology: Topology, service: str, *, caller: str = "", inferred: bool = False) -> Blame:
    """A service that certainly did it (unless inferred), with the edge from its caller, if there is one."""
    edge = edge_name(caller, service) if caller else ""
    known = edge if edge in topology.edges else ""
    return Blame(edge=known, service=service, owner=topology.owner(service), inferred=inferred)


def at_customers(history: History) -> bool:
    """Whether the fault itself breaks the customers' own connection, so that no service can answer for it.

    A placebo breaks nothing, wherever it stands.
    """
    if history.experiment.role is Role.PLACEBO:
        return False
    return any(_breaks_customers(history.topology, injection.target) for injection in history.experiment.injections)


def _breaks_customers(topology: Topology, target: Target) -> bool:
    match target:
        case EdgeTarget(consumer=consumer):
            return consumer == CUSTOMERS
        case InstanceTarget(service=service):
            return service == topology.system.entry


def _coping(topology: Topology, target: Target, journey: str | None) -> tuple[str, str]:
    match target:
        case EdgeTarget(consumer=consumer):
            return target.edge, topology.system.entry if consumer == CUSTOMERS else consumer
        case InstanceTarget(service=lost):
            callers = [edge.consumer for edge in topology.edges.values() if edge.provider == lost]
            if not callers or callers == [CUSTOMERS]:
                return edge_name(CUSTOMERS, lost) if callers else "", lost
            way = _way(topology, journey)
            caller = min(callers, key=lambda name: name not in way)
            return edge_name(caller, lost), topology.system.entry if caller == CUSTOMERS else caller


def _way(topology: Topology, journey: str | None) -> frozenset[str]:
    """The services that a journey is declared to touch, the entry included."""
    entry = topology.system.entry
    if journey is None:
        return frozenset({entry})
    declared = topology.journey(journey)
    return frozenset({entry, *declared.needs, *declared.usable_without})
