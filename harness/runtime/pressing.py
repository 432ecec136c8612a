"""Leaving the processes of instances with too little of a resource, without any rights."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from harness.clock import Clock
from harness.errors import DeployError
from harness.model.fault import Pressure, Resource
from harness.model.process import Process, ProcessSpec
from harness.runtime import procfs
from harness.runtime.instance import Instance, State
from harness.runtime.logs import last_lines
from harness.runtime.rlimits import Limited, lower, put_back
from harness.runtime.supervised import Granter
from harness.runtime.supervisor_client import PACKAGE_ROOT, base_environment

SEEN_WITHIN_S = 3.0
"""How long a throttled instance may take until it was seen both to stand still and to go on."""
LOOK_S = 0.007
"""No part of a period, so that looks fall into all of its phases."""


class Presses:
    """What instances are left with too little of, and what they had before.

    Args:
        granter: starts what throttles.
        logs: the directory of its logs.
        clock: the run's.
    """

    def __init__(self, granter: Granter, *, logs: Path, clock: Clock) -> None:
        self._granter = granter
        self._logs = logs
        self._clock = clock
        self._throttles: dict[str, Process] = {}
        self._limited: dict[tuple[str, Resource], Limited] = {}

    def throttles(self, instance: Instance) -> bool:
        """Whether it is stopped and continued over and over, so that it can't be frozen besides."""
        return instance.name in self._throttles

    async def press(self, instance: Instance, pressure: Pressure) -> str:
        """See `harness.model.fault.Pressable`."""
        if not instance.alive or instance.state is State.PAUSED:
            raise DeployError(
                f"{instance.name}: expected it to run, so that it gets too little {pressure.resource}; "
                f"it is {instance.state}"
            )
        if (instance.name, pressure.resource) in self._limited or (
            pressure.resource is Resource.CPU and self.throttles(instance)
        ):
            raise DeployError(f"{instance.name} has too little {pressure.resource} already: heal that first")
        if pressure.resource is Resource.CPU:
            return await self._throttle(instance, pressure.leaves)
        limited = await asyncio.to_thread(lower, instance.name, instance.pid, pressure.resource, int(pressure.leaves))
        self._limited[instance.name, pressure.resource] = limited
        return limited.evidence

    async def release(self, instance: Instance, resource: Resource) -> None:
        """See `harness.model.fault.Pressable`."""
        limited = self._limited.pop((instance.name, resource), None)
        if limited is not None:
            await asyncio.to_thread(put_back, limited)
        if resource is Resource.CPU and (throttle := self._throttles.pop(instance.name, None)) is not None:
            await throttle.stop(1.0)
            if instance.alive:
                await instance.resume()

    async def stop(self) -> None:
        """No instance is throttled any more; limits end with the processes."""
        throttles, self._throttles = list(self._throttles.values()), {}
        await asyncio.gather(*(throttle.stop(1.0) for throttle in throttles))

    async def _throttle(self, instance: Instance, share: float) -> str:
        log = self._logs / f"throttle-{instance.name}.log"
        module = "harness.runtime.throttle"
        self._throttles[instance.name] = throttle = await self._granter.spawn(
            ProcessSpec(
                name=f"throttle of {instance.name}",
                command=(sys.executable, "-P", "-S", "-s", "-m", module, str(instance.pid), f"{share:g}"),
                log=str(log),
                env=base_environment() | {"PYTHONPATH": PACKAGE_ROOT},
                cwd="/",
            )
        )
        deadline = self._clock.now() + SEEN_WITHIN_S
        looks = [0, 0]
        while not all(looks) and throttle.returncode is None and self._clock.now() < deadline:
            looks[procfs.stands_still(instance.pid)] += 1
            await self._clock.sleep(LOOK_S)
        if throttle.returncode is not None or not all(looks):
            why = (
                last_lines(log) if throttle.returncode is not None else f"seen to run {looks[0]} times of {sum(looks)}"
            )
            await self.release(instance, Resource.CPU)
            raise DeployError(f"{instance.name} could not be throttled: {why}")
        return f"{instance.name} runs {share:.0%} of the time, and was seen to stand still and to go on"
