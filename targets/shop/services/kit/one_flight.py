"""One computation per key at a time, however many ask for it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from kit import deadline

Result = TypeVar("Result")
LIMIT_S = 1.0
"""The longest that one computation may take; those who wait for it go when their own time is up."""


class OneFlight(Generic[Result]):
    """Computations under way by their key; one that fails, fails for all who wait for it."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._flights: dict[str, asyncio.Task[Result]] = {}
        self._outdated: set[str] = set()
        self.begun = 0
        self.joined = 0

    async def do(self, key: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """The result of the work under this key: of the one that is under way, or of this one."""
        flight = self._flights.get(key)
        if flight is not None and key not in self._outdated:
            self.joined += 1
        else:
            flight = self.begin(key, work)
        # Whoever gives up leaves the others their result.
        return await asyncio.shield(flight)

    def begin(self, key: str, work: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Start the work under this key, once whatever is under way there has ended."""
        self.begun += 1
        self._outdated.discard(key)
        flight = asyncio.create_task(self._fly(self._flights.get(key), work))
        self._flights[key] = flight
        flight.add_done_callback(lambda done: self._land(key, done))
        return flight

    def busy(self, key: str) -> bool:
        """Whether some work is under way for this key."""
        return key in self._flights

    def outdate(self, key: str) -> None:
        """What the key stands for has just changed: nobody joins a computation that began before."""
        if key in self._flights:
            self._outdated.add(key)

    async def close(self) -> None:
        """Give up what is under way."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, before: asyncio.Task[Result] | None, work: Callable[[], Awaitable[Result]]) -> Result:
        if before is not None:
            await asyncio.wait([before])
        # The one who came first may have little time left, which is no matter of those who join.
        deadline.begin(self._limit_s)
        async with asyncio.timeout(self._limit_s):
            return await work()

    def _land(self, key: str, flight: asyncio.Task[Result]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
            self._outdated.discard(key)
        if not flight.cancelled():
            # When nobody waits any more, nobody needs to hear of its failure either.
            flight.exception()
