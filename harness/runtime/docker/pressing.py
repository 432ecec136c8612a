"""Leaving containers with too little: by the engine's own limits, which it can change while they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from harness.errors import DeployError
from harness.model.fault import Pressure, Resource
from harness.runtime.docker.containers import LEAST_MEMORY_BYTES, Limits

LimitTo = Callable[[str, Limits | None], Awaitable[None]]
UsedBy = Callable[[str], Awaitable[int]]


class ContainerPresses:
    """What containers are limited to for the time of a fault.

    Args:
        limit: limits a container; None is what it had before any fault. Raises DeployError.
        used: the bytes of memory that a container has now. Raises DeployError.
    """

    def __init__(self, limit: LimitTo, used: UsedBy) -> None:
        self._limit = limit
        self._used = used
        self._now: dict[str, Limits] = {}

    async def press(self, name: str, pressure: Pressure, usual: Limits) -> str:
        """See `harness.model.fault.Pressable`; `usual` is what the container may use without a fault."""
        before = self._now.get(name, usual)
        match pressure.resource:
            case Resource.CPU:
                limits = replace(before, cpus=pressure.leaves)
                told = f"{pressure.leaves:g} CPUs"
            case Resource.MEMORY:
                wanted = max(LEAST_MEMORY_BYTES, await self._used(name) + int(pressure.leaves))
                limits = replace(before, memory_bytes=wanted)
                told = f"{wanted} bytes of memory"
            case Resource.DISK | Resource.DESCRIPTORS:
                raise DeployError(unable(name, pressure.resource))
        await self._limit(name, limits)
        self._now[name] = limits
        return f"the engine limits {name} to {told}"

    async def release(self, name: str, resource: Resource, usual: Limits) -> None:
        """See `harness.model.fault.Pressable`."""
        now = self._now.get(name)
        if now is None:
            return
        back = (
            replace(now, cpus=usual.cpus) if resource is Resource.CPU else replace(now, memory_bytes=usual.memory_bytes)
        )
        if back == usual:
            await self._limit(name, None)
            del self._now[name]
        else:
            await self._limit(name, back)
            self._now[name] = back


def unable(name: str, resource: Resource) -> str:
    """Why the engine can't do that."""
    return (
        f"{name}: the engine can't leave a container that runs with too few {resource} (only CPU and memory can be "
        "limited while it runs): choose another fault, or run the system as processes"
        if resource is Resource.DESCRIPTORS
        else f"{name}: the engine can't fill the disk of a container that runs (only CPU and memory can be limited "
        "while it runs): choose another fault, or run the system as processes"
    )
