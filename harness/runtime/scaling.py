"""Scaling: instances are started while a service has too much to do, and go again when it has little."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass

from harness.clock import Clock
from harness.errors import HarnessError
from harness.model.observation import CrossingSecond
from harness.model.system import Scaling
from harness.model.topology import Topology
from harness.runtime.instance import Instance, State

LITTLE = 0.5
"""Of what is too much: below that, fewer instances are enough."""
SLOWER = 3
"""Instances go after so many times what it takes for them to come."""
KNOWN_AFTER_S = 1.0
"""What crossed in a second is told a moment after its end."""
SECONDS_KEPT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """So many instances more, or less when negative, and why."""

    by: int
    why: str


class Scale:
    """Decides for one service, second by second; knows no clock and starts nothing."""

    def __init__(self, rule: Scaling, *, declared: int) -> None:
        self._rule = rule
        self._declared = declared
        self._requests: Counter[int] = Counter()
        self._last = -1
        self._above = self._below = 0

    def hear(self, second: int, requests: int) -> None:
        """So many requests more came in that second."""
        self._requests[second] += requests
        if len(self._requests) > SECONDS_KEPT:
            del self._requests[min(self._requests)]

    def look(self, second: int, running: int) -> Step | None:
        """What to do now that the second is known in full; `running` instances served in it.

        Seconds that were not looked at break what has lasted.
        """
        if second != self._last + 1:
            self._above = self._below = 0
        self._last = second
        rate = self._requests[second] / max(running, 1)
        self._above = self._above + 1 if rate > self._rule.above else 0
        self._below = self._below + 1 if rate < LITTLE * self._rule.above else 0
        step = self._more(rate, running) or self._fewer(rate, running)
        if step is not None:
            self._above = self._below = 0
        return step

    def _more(self, rate: float, running: int) -> Step | None:
        by = min(self._rule.add, self._rule.most - running)
        if by <= 0 or self._above < max(1, math.ceil(self._rule.lasts)):
            return None
        return Step(by=by, why=f"{_told(rate, self._above)}, above {self._rule.above:g}")

    def _fewer(self, rate: float, running: int) -> Step | None:
        """Half of those that run at most, so that what is left for each is not too much at once."""
        by = min(self._rule.add, running - self._declared, running // 2)
        if by <= 0 or self._below < max(1, math.ceil(SLOWER * self._rule.lasts)):
            return None
        return Step(by=-by, why=f"{_told(rate, self._below)}, below {LITTLE * self._rule.above:g}")


def _told(rate: float, seconds: int) -> str:
    return f"{rate:.0f} requests a second an instance for {seconds} s"


class Scaler:
    """Scales the services that say so.

    Args:
        topology: what runs.
        fleet: all instances by name.
        start: starts an instance and shows it to its consumers; raises HarnessError.
        retire: hides an instance from its consumers, lets it drain and ends it; raises HarnessError.
        turn: held, for a service, while its instances change.
        clock: the run's.
        run_began: the clock's time at the run's t = 0.
        note: told what was done, and why.
    """

    def __init__(  # noqa: PLR0913 -- what it acts on and by
        self,
        topology: Topology,
        *,
        fleet: Mapping[str, Instance],
        start: Callable[[Instance], Awaitable[None]],
        retire: Callable[[Instance], Awaitable[None]],
        turn: Mapping[str, asyncio.Lock],
        clock: Clock,
        run_began: float,
        note: Callable[[str], None],
    ) -> None:
        self._topology = topology
        self._fleet = fleet
        self._start = start
        self._retire = retire
        self._turn = turn
        self._clock = clock
        self._run_began = run_began
        self._note = note
        self._scales = {
            name: Scale(service.scaling, declared=len(service.instances))
            for name, service in topology.system.services.items()
            if service.scaling is not None
        }
        self._lines = {
            line.name: self._scales[line.provider.service]
            for line in topology.lines
            if line.provider.service in self._scales
        }
        self._watches: list[asyncio.Task[None]] = []

    def hear(self, crossing: CrossingSecond) -> None:
        """That crossed a line."""
        if (scale := self._lines.get(crossing.line)) is not None:
            scale.hear(crossing.second, crossing.requests)

    def begin(self) -> None:
        """Look at every service each second, until `stop`."""
        self._watches = [
            asyncio.create_task(self._watch(service, scale), name=f"scale {service}")
            for service, scale in self._scales.items()
        ]

    async def stop(self) -> None:
        """Nothing is started or stopped any more; what is being started has an owner who ends it."""
        for watch in self._watches:
            watch.cancel()
        if self._watches:
            await asyncio.wait(self._watches)

    async def _watch(self, service: str, scale: Scale) -> None:
        second = -1
        while True:
            known_s = self._clock.now() - self._run_began - KNOWN_AFTER_S
            second = max(second + 1, math.floor(known_s))
            await self._clock.sleep(second + 1 - known_s)
            step = scale.look(second, len(self._running(service)))
            if step is not None:
                async with self._turn[service]:
                    await (self._more(service, step) if step.by > 0 else self._fewer(service, step))

    def _running(self, service: str) -> list[Instance]:
        """Those that may get requests."""
        return [each for each in self._fleet.values() if each.id.service == service and each.state in _SERVE]

    def _standbys(self, service: str) -> list[Instance]:
        return [self._fleet[each.name] for each in self._topology.standbys if each.service == service]

    async def _more(self, service: str, step: Step) -> None:
        chosen = [each for each in self._standbys(service) if not each.alive][: step.by]
        await _all(self._add(each, f"{service}: {step.why}") for each in chosen)

    async def _fewer(self, service: str, step: Step) -> None:
        chosen = [each for each in reversed(self._standbys(service)) if each.alive][: -step.by]
        await _all(self._remove(each, f"{service}: {step.why}") for each in chosen)

    async def _add(self, instance: Instance, why: str) -> None:
        began = self._clock.now()
        try:
            await self._start(instance)
        except HarnessError as error:
            await instance.kill()
            self._note(f"{why}: {instance.name} was to be started: {error}")
        else:
            self._note(f"{why}: {instance.name} started, ready after {self._clock.now() - began:.1f} s")

    async def _remove(self, instance: Instance, why: str) -> None:
        try:
            await self._retire(instance)
        except HarnessError as error:
            self._note(f"{why}: {instance.name} was to be stopped: {error}")
        else:
            self._note(f"{why}: {instance.name} stopped")


_SERVE = (State.READY, State.PAUSED)


async def _all(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all at once; whoever is cancelled meanwhile comes back when all have ended, unlike with `gather`."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)
