"""Crash loops: instances that are killed again each time they have come up."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harness.clock import Clock
from harness.errors import HarnessError
from harness.runtime.instance import Instance

Act = Callable[[Instance], Awaitable[None]]


@dataclass(slots=True)
class _Loop:
    """One that is under way."""

    deaths: int = 0
    task: asyncio.Task[None] | None = None


class Crashes:
    """The crash loops that are under way, one at most for each instance.

    Args:
        kill: kills an instance, and lets its consumers be refused; raises HarnessError.
        start: starts an instance, and lets its consumers reach it again; raises HarnessError.
        clock: the run's.
        note: told of a start that failed.
    """

    def __init__(self, kill: Act, start: Act, *, clock: Clock, note: Callable[[str], None]) -> None:
        self._kill = kill
        self._start = start
        self._clock = clock
        self._note = note
        self._loops: dict[str, _Loop] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def turn(self, instance: Instance) -> asyncio.Lock:
        """Held by whoever starts or kills it while it may be in a crash loop."""
        return self._turns[instance.name]

    async def begin(self, instance: Instance, *, away_s: float, up_s: float, most: int) -> None:
        """Kill it for the first time; the rest goes on until `end`, or until it has died so many times."""
        if instance.name in self._loops:
            return
        loop = self._loops[instance.name] = _Loop()
        try:
            await self._die(instance, loop)
        except BaseException:
            del self._loops[instance.name]
            raise
        loop.task = asyncio.create_task(
            self._go_on(instance, loop, away_s=away_s, up_s=up_s, most=most), name=f"crash loop of {instance.name}"
        )

    async def end(self, instance: Instance) -> int:
        """Leave it as it is now, dead or alive; when this returns, nobody else starts it. Gives how often it died."""
        loop = self._loops.pop(instance.name, None)
        if loop is None:
            return 0
        if loop.task is not None:
            loop.task.cancel()
            await asyncio.wait([loop.task])
        return loop.deaths

    async def stop(self) -> None:
        """Nothing is killed or started any more."""
        loops, self._loops = list(self._loops.values()), {}
        if tasks := [loop.task for loop in loops if loop.task is not None]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _go_on(self, instance: Instance, loop: _Loop, *, away_s: float, up_s: float, most: int) -> None:
        while loop.deaths < most:
            await self._clock.sleep(away_s)
            try:
                async with self.turn(instance):
                    await self._start(instance)
                await self._clock.sleep(up_s)
                await self._die(instance, loop)
            except HarnessError as error:
                self._note(f"{instance.name}, in its crash loop: {error}")

    async def _die(self, instance: Instance, loop: _Loop) -> None:
        async with self.turn(instance):
            await self._kill(instance)
        loop.deaths += 1
