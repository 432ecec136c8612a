"""How several visits are paid: in turn, and beside one another where they take long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

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
