"""How several visits are paid: in turn, beside one another where they take long, and one by each way in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.checkers.clean_class import CleanClass, same_class
from harness.model.topology import Topology
from harness.model.visits import Visit

TAKES_LONG_S = 1.0
"""A visit that is not over by then is not waited for, where others may be paid beside it."""


async def one_or_more(pay: Callable[[], Awaitable[Visit]], most: int) -> list[Visit]:
    """One visit, and as many as there may be at most once it has taken long; all that were paid, when all are over."""
    first = asyncio.ensure_future(pay())
    try:
        await asyncio.wait({first}, timeout=TAKES_LONG_S)
        beside = 0 if first.done() else most - 1
        return [*await asyncio.gather(first, *(pay() for _ in range(beside)))]
    finally:
        first.cancel()


async def ill_by_a_way_in(
    topology: Topology, pay: Callable[[], Awaitable[Visit]], clean: CleanClass, *, deadline_s: float
) -> tuple[Visit, str]:
    """The first of several visits that is not of the clean class, and why; the last, and nothing, when all are.

    There is one for each instance of the entry, at which visits take turns, since each has breakers of its own.
    """
    for _ in topology.instances_of(topology.system.entry):
        visit = await pay()
        if ill := same_class(clean, visit, deadline_s=deadline_s):
            break
    return visit, ill
