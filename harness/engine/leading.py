"""Leads a consumer's connection to one node of a cluster: a client uses one, and stays where it went last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.engine.cell_faults import LASTS
from harness.engine.familiar import Familiar, between
from harness.engine.ground import Ground
from harness.engine.kinds import fault_of
from harness.engine.turns import ill_by_a_way_in
from harness.errors import HarnessError
from harness.model.fault import EdgeTarget, Injection
from harness.model.matrix import Kind
from harness.model.system import edge_name
from harness.model.topology import Topology
from harness.model.visits import Visit

LOOK_S = 0.25


def other_nodes(topology: Topology, edge: str) -> tuple[str, ...]:
    """The edges by which the same consumer reaches the other nodes of a cluster; none where there is no cluster."""
    consumer, _, provider = edge.partition("->")
    if not topology.is_store(provider):
        return ()
    others = (edge_name(consumer, node) for node in topology.nodes_of(provider) if node != provider)
    return tuple(each for each in others if each in topology.edges)


async def led(ground: Ground, known: Familiar, edge: str, pay: Callable[[], Awaitable[Visit]], within_s: float) -> bool:
    """Refuse the consumer all other nodes while customers come by, and heal; whether they crossed the edge meanwhile.

    `known.sick` tells of a journey that is not clean again in time, and of a node that was not seen to be healed.

    Raises:
        HarnessError: if nothing can be broken, or nobody can visit.
    """
    before, armed = await ground.counts(), list[str]()
    try:
        for other in other_nodes(ground.topology, edge):
            armed.append(f"{known.journey}-{other}-led".replace("->", "-to-"))
            consumer, _, provider = other.partition("->")
            target = EdgeTarget(consumer=consumer, provider=provider)
            refused = fault_of(Kind.REFUSED, 0.0)
            await ground.injector.inject(Injection(id=armed[-1], fault=refused, target=target, lasts=LASTS))
        for _ in ground.topology.instances_of(edge.partition("->")[0]):
            await pay()
        after = await ground.counts()
    finally:
        if why := await _not_healed(ground, armed):
            known.sick = f"a node of the cluster was not seen to be healed: {why}"
    if known.sick:
        return False
    limit = ground.clock.now() + within_s
    while True:
        _, ill = await ill_by_a_way_in(ground.topology, pay, known.clean, deadline_s=known.deadline_s)
        if not ill:
            break
        if ground.clock.now() >= limit:
            known.sick = f"not as before within {within_s:g} s after the other nodes of the cluster were back: {ill}"
            return False
        await ground.clock.sleep(LOOK_S)
    return before is not None and after is not None and between(before, after).get(edge, 0) > 0


async def _not_healed(ground: Ground, armed: list[str]) -> str:
    """Heals all, and says what is wrong with the first that is not seen to be; empty when all are."""
    told = await asyncio.shield(asyncio.gather(*map(ground.injector.heal, armed), return_exceptions=True))
    for each in told:
        if isinstance(each, HarnessError):
            return str(each)
        if isinstance(each, BaseException):
            raise each
        if not each.verified:
            return each.evidence
    return ""
