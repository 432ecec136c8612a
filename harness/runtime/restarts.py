"""Starting dead instances again, as an orchestrator does: with pauses that grow while it doesn't help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.clock import Clock
from harness.errors import HarnessError
from harness.runtime.instance import Instance

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
FORGIVEN_AFTER_S = 10.0
"""An instance that has lived for so long is started again at once when it dies."""


class BackOff:
    """How long to wait before each start of one instance."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def pause_s(self, lived_s: float) -> float:
        """The pause before the next start; `lived_s` is how long the instance could serve since the last."""
        if lived_s >= FORGIVEN_AFTER_S:
            self._next_s = FIRST_PAUSE_S
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_PAUSE_S)
        return pause_s


class Restarts:
    """The restarts that are under way, one at most for each instance.

    Args:
        start: starts an instance, and lets its consumers reach it again; raises HarnessError.
        clock: the run's.
        note: told what was done.
    """

    def __init__(
        self, start: Callable[[Instance], Awaitable[None]], *, clock: Clock, note: Callable[[str], None]
    ) -> None:
        self._start = start
        self._clock = clock
        self._note = note
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, BackOff] = {}
        self._born: dict[str, float] = {}
        self._over = False

    def begin(self, instance: Instance) -> None:
        """Start a dead instance again after its pause, as often as it takes; returns at once."""
        known = self._under_way.get(instance.name)
        if not self._over and (known is None or known.done()):
            task = asyncio.create_task(self._restart(instance), name=f"restart {instance.name}")
            self._under_way[instance.name] = task

    async def call_off(self, instance: Instance) -> None:
        """Leave the instance to the caller; when this returns, nobody else starts it."""
        if (task := self._under_way.pop(instance.name, None)) is not None:
            task.cancel()
            await asyncio.wait([task])

    async def settle(self, instance: Instance) -> None:
        """Wait until the instance is up again, if it is being started."""
        if (task := self._under_way.get(instance.name)) is not None:
            await asyncio.wait([task])

    async def stop(self) -> None:
        """Nothing is started any more."""
        self._over = True
        if tasks := list(self._under_way.values()):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _restart(self, instance: Instance) -> None:
        pauses = self._pauses.setdefault(instance.name, BackOff())
        died = self._clock.now()
        lived_s = died - self._born.get(instance.name, -FORGIVEN_AFTER_S)
        while True:
            await self._clock.sleep(pauses.pause_s(lived_s))
            try:
                await self._start(instance)
            except HarnessError as error:
                self._note(f"{instance.name} was to be started again: {error}")
                lived_s = 0.0
            else:
                self._born[instance.name] = self._clock.now()
                self._note(f"{instance.name} was started again, and was away for {self._clock.now() - died:.1f} s")
                return
