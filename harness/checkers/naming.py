"""What spans call services and stores, and what the topology calls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.model.span import Span
from harness.model.system import Service, Store, StoreKind
from harness.model.topology import Topology

_SYSTEMS = {"postgresql": StoreKind.POSTGRES, "postgres": StoreKind.POSTGRES, "valkey": StoreKind.REDIS}
_TELLING = ("peer.service", "server.address", "rpc.service")


def named(spans: Iterable[Span], topology: Topology) -> tuple[Span, ...]:
    """The same with the names that the topology has for their services, where it has any."""
    names = {span.service: known_name(span.service, topology) for span in spans}
    return tuple(span if names[span.service] == span.service else _renamed(span, names) for span in spans)


def known_name(told: str, topology: Topology) -> str:
    """What the topology calls a service or store that calls itself so; as it was told when it knows none."""
    plain = told.lower().replace("_", "-").replace(" ", "-")
    system = topology.system
    for known in (told, plain):
        if known in system.services or known in system.stores:
            return known
    everyone: dict[str, Service | Store] = {**system.stores, **system.services}
    return next((name for name, each in everyone.items() if {told, plain} & {*each.names, each.compose}), told)


def provider_of(span: Span, topology: Topology) -> str:
    """Whom a client's span says that it asked, as far as the topology knows it."""
    told = span.attributes
    system = told.get("db.system.name") or told.get("db.system") or told.get("messaging.system")
    known = [known_name(told[name], topology) for name in _TELLING if name in told]
    ends = topology.system.stores if system else {**topology.system.services, **topology.system.stores}
    direct = next((name for name in known if name in ends), "")
    return direct or (_store_of(span.service, system, topology) if system else "")


def _store_of(consumer: str, system: str, topology: Topology) -> str:
    """The only store of such a kind that a service is declared to use; empty when there are several, or none."""
    kind = _SYSTEMS.get(system) or (StoreKind(system) if system in {*StoreKind} else None)
    used = [edge.provider for edge in topology.edges.values() if edge.consumer == consumer]
    stores = [name for name in used if topology.is_store(name) and topology.store(name).kind is kind]
    return stores[0] if len(stores) == 1 else ""


def _renamed(span: Span, names: Mapping[str, str]) -> Span:
    return replace(span, service=names[span.service])
