"""The watch over the proxies while a fault is in force: what died or hangs is told, and started anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

from harness.errors import HarnessError

LOOK_S = 0.5

PutRight = Callable[[], Awaitable[Sequence[str]]]
"""See `Mesh.put_right`."""


async def all_well() -> Sequence[str]:
    """Where there are no proxies of ours to look after."""
    return ()


@asynccontextmanager
async def watched(put_right: PutRight, tell: Callable[[Iterable[str]], None]) -> AsyncIterator[None]:
    """Look again and again, and once more at the end; `tell` hears the names of those that were not well.

    A look is never broken off: who is being started anew would stay dead.
    """
    over = asyncio.Event()

    async def look() -> None:
        last = False
        while not last:
            last = over.is_set()
            try:
                sick = await put_right()
            except HarnessError as error:
                sick = (f"the watch over the proxies ({error})",)
            if sick:
                tell(sick)
            if not last:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await over.wait()

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        over.set()
        await looking
