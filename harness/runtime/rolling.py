"""Rolling a service: its instances are ended and started again one after another, perhaps as another version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.clock import Clock
from harness.errors import DeployError, HarnessError
from harness.runtime.instance import Instance

Change = Callable[[Instance, str], Awaitable[None]]
"""Lets an instance drain, ends it, and starts it as a version, or as it is declared when that is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A roll that is under way."""

    task: asyncio.Task[None]


class Rolls:
    """The rolls that are under way, one at most for each service.

    Args:
        change: does one instance; raises HarnessError.
        running: the instances of a service that run.
        turn: held, for a service, while its instances change.
        clock: the run's.
        note: told of each instance that was done.
    """

    def __init__(
        self,
        change: Change,
        running: Callable[[str], Sequence[Instance]],
        *,
        turn: Mapping[str, asyncio.Lock],
        clock: Clock,
        note: Callable[[str], None],
    ) -> None:
        self._change = change
        self._running = running
        self._turn = turn
        self._clock = clock
        self._note = note
        self._under_way: dict[str, Roll] = {}

    def begin(self, service: str, *, to: str, back: bool, over_s: float) -> None:
        """Roll it in the background, the instances spread over so many seconds; each waits for the one before."""
        if service in self._under_way:
            raise DeployError(f"{service} is being rolled already: wait for its end")
        if not self._running(service):
            raise DeployError(f"no instance of {service} runs, so there is nothing to roll")
        task = asyncio.create_task(self._roll(service, to=to, back=back, over_s=over_s), name=f"roll {service}")
        self._under_way[service] = Roll(task=task)

    async def end(self, service: str) -> None:
        """Wait until it is done; raises DeployError when it could not be."""
        roll = self._under_way.get(service)
        if roll is not None:
            await asyncio.wait([roll.task])
            self._under_way.pop(service, None)
            if roll.task.cancelled():
                raise DeployError(f"the roll of {service} was broken off: the system ends")
            roll.task.result()

    async def stop(self) -> None:
        """Nothing is rolled any more; an instance that is away stays away."""
        rolls, self._under_way = list(self._under_way.values()), {}
        for roll in rolls:
            roll.task.cancel()
        await asyncio.gather(*(roll.task for roll in rolls), return_exceptions=True)

    async def _roll(self, service: str, *, to: str, back: bool, over_s: float) -> None:
        async with self._turn[service]:
            instances = self._running(service)
            steps = [(each, to) for each in instances] + ([(each, "") for each in instances] if back else [])
            began = self._clock.now()
            for number, (instance, version) in enumerate(steps):
                await self._clock.sleep(max(0.0, began + number * over_s / len(steps) - self._clock.now()))
                await self._step(service, instance, version, before=to if number >= len(instances) else "")

    async def _step(self, service: str, instance: Instance, version: str, *, before: str) -> None:
        """Do one; one that does not come up is put back as it was, and the roll ends."""
        what = f"as {version}" if version else "as it is declared"
        try:
            await self._change(instance, version)
        except HarnessError as error:
            after = "it is back as it was"
            try:
                await self._change(instance, before)
            except HarnessError as worse:
                after = f"and can't be put back: {worse}"
            raise DeployError(f"the roll of {service} ended at {instance.name}, {what}: {error}; {after}") from error
        self._note(f"{instance.name} was started again {what}")
