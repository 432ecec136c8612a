"""Which port everything of a deployment gets."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.topology import InstanceId, LineId, Topology
from harness.proxy.mesh import LinePlan
from harness.runtime.ports import PortPool
from harness.runtime.stores import NodePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The ports of all instances and lines; all of them held."""

    direct: dict[InstanceId, int]
    nodes: dict[str, NodePorts]
    """Of each store that is a node of a cluster."""
    plans: tuple[LinePlan, ...]

    @property
    def entry(self) -> dict[LineId, int]:
        """The port that the consumer of each line is told."""
        return {plan.line: plan.entry_port for plan in self.plans}


def lay_out(topology: Topology, pool: PortPool, *, relay: bool, fixed: bool = True) -> Layout:
    """Give everything its port, the fixed ones first; with `fixed` off, whatever the pool has.

    Raises:
        DeployError: if a fixed port is taken, or none is left.
    """
    wanted = {id_: port if fixed else None for id_, port in _fixed(topology).items()}
    direct = {instance: pool.take_fixed(port, instance.name) for instance, port in wanted.items() if port is not None}
    direct |= {instance: pool.take() for instance in wanted if instance not in direct}
    edges = topology.edges
    plans = []
    for line in topology.lines:
        proxy = pool.take()
        plans.append(
            LinePlan(
                line=line,
                protocol=topology.protocol(edges[line.edge]),
                upstream_port=direct[line.provider],
                proxy_port=proxy,
                entry_port=pool.take() if relay else proxy,
            )
        )
    nodes = {
        name: NodePorts(cluster=pool.take(), monitor=pool.take())
        for name in topology.system.stores
        if topology.nodes_of(name)
    }
    return Layout(direct=direct, nodes=nodes, plans=tuple(plans))


def _fixed(topology: Topology) -> dict[InstanceId, int | None]:
    """All instances, with the port that is declared for them."""
    services = {
        instance: topology.spec(instance.service, instance.index).port
        for instance in (*topology.instances, *topology.standbys)
    }
    return services | {store: topology.store(store.service).port for store in topology.store_instances}
