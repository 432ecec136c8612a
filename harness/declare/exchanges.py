"""Where exchanges can be read: on edges that carry plain HTTP/1.1, with a relay of ours before them."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.fault import EdgeTarget, FaultSpec, Target
from harness.model.system import RuntimeKind
from harness.model.topology import Topology

INSTEAD = "take a fault on its bytes, such as latency, reset, black-hole or down"


def why_unreadable(topology: Topology, targets: Iterable[Target], kind: type[FaultSpec]) -> tuple[str, str] | None:
    """Why a fault can't act on one of these edges, and what to do; None when it can."""
    if not kind.needs_http:
        return None
    for target in targets:
        found = _unreadable(topology, target.edge) if isinstance(target, EdgeTarget) else None
        if found is not None:
            why, remedy = found
            return f"the fault '{kind.kind}' acts on exchanges of plain HTTP/1.1, and {why}", remedy
    return None


def _unreadable(topology: Topology, name: str) -> tuple[str, str] | None:
    edge = topology.edges[name]
    if topology.system.runtime is RuntimeKind.ATTACH:
        return "the proxies of a system that runs already are not ours, and read none", INSTEAD
    match topology.protocol(edge):
        case "http":
            return None
        case "https":
            return f"'{edge.label}' speaks TLS in this run", f"run it without --tls, or {INSTEAD}"
        case protocol:
            return f"'{edge.label}' speaks {protocol}", INSTEAD
