"""A small system of strangers for namespaces: all listen on the same port, and find one another by their code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.model.system import Edge, InstanceSpec, Need, Run, RuntimeKind, Service, Store, System
from harness.model.topology import Topology

SERVICE = Path(__file__).with_name("a_service.py")
PORT = 8000


def service(
    name: str, *, env: Mapping[str, str] | None = None, names: Sequence[str] = (), instances: int = 1
) -> Service:
    return Service(
        owner="strangers",
        run=Run(command=(sys.executable, str(SERVICE), name)),
        instances=(InstanceSpec(port=PORT),) * instances,
        env=dict(env or {}),
        names=tuple(names),
        ready="/",
    )


def a_system(
    root: Path,
    *,
    services: Mapping[str, Service] | None = None,
    edges: Sequence[Edge] | None = None,
    stores: Mapping[str, Store] | None = None,
) -> Topology:
    """Orders calls payments by name, stock on localhost, and mail by an address."""
    found = services or {name: service(name) for name in ("orders", "payments", "stock", "mail")}
    edges = edges if edges is not None else EDGES
    system = System(
        system="strangers",
        entry="orders",
        runtime=RuntimeKind.NAMESPACES,
        services=dict(found),
        stores=dict(stores or {}),
        edges=tuple(edges),
    )
    return Topology(system=system, root=str(root), start_order=((*(stores or {}), *found),))


def edge(consumer: str, provider: str, *at: str) -> Edge:
    return Edge(consumer=consumer, provider=provider, need=Need.SOFT, at=at)


EDGES = (
    edge("orders", "payments"),
    edge("orders", "stock", "localhost:5001"),
    edge("orders", "mail", "10.1.2.3:9000"),
)
