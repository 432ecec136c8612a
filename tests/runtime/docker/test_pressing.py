from __future__ import annotations

import pytest

from harness.errors import DeployError
from harness.model.fault import Pressure, Resource
from harness.runtime.docker.containers import LEAST_MEMORY_BYTES, Limits
from harness.runtime.docker.engine import used_bytes
from harness.runtime.docker.pressing import ContainerPresses

USUAL = Limits(cpus=2.0)
MEGABYTE = 1 << 20
CPU = Pressure(resource=Resource.CPU, leaves=0.1)
MEMORY = Pressure(resource=Resource.MEMORY, leaves=8 * MEGABYTE)


def _presses(told: list[Limits | None], used: int = 100 * MEGABYTE) -> ContainerPresses:
    async def limit(_name: str, limits: Limits | None) -> None:
        told.append(limits)

    async def used_by(_name: str) -> int:
        return used

    return ContainerPresses(limit, used_by)


async def test_a_container_is_limited_and_gets_back_what_it_had() -> None:
    told: list[Limits | None] = []
    presses = _presses(told)
    assert await presses.press("orders-1", CPU, USUAL) == "the engine limits orders-1 to 0.1 CPUs"
    await presses.press("orders-1", MEMORY, USUAL)
    await presses.release("orders-1", Resource.CPU, USUAL)
    await presses.release("orders-1", Resource.MEMORY, USUAL)
    await presses.release("orders-1", Resource.MEMORY, USUAL)
    assert told == [
        Limits(cpus=0.1),
        Limits(cpus=0.1, memory_bytes=108 * MEGABYTE),
        Limits(cpus=2.0, memory_bytes=108 * MEGABYTE),
        None,
    ]


async def test_the_engine_is_not_asked_for_less_memory_than_it_allows() -> None:
    told: list[Limits | None] = []
    await _presses(told, used=0).press("orders-1", Pressure(resource=Resource.MEMORY), USUAL)
    assert told == [Limits(cpus=2.0, memory_bytes=LEAST_MEMORY_BYTES)]


@pytest.mark.parametrize("resource", [Resource.DISK, Resource.DESCRIPTORS])
async def test_what_the_engine_can_not_do_is_refused_and_nothing_is_touched(resource: Resource) -> None:
    told: list[Limits | None] = []
    with pytest.raises(DeployError, match="only CPU and memory can be limited"):
        await _presses(told).press("orders-1", Pressure(resource=resource), USUAL)
    assert told == []


def test_what_a_container_uses_is_read_from_what_the_engine_tells() -> None:
    assert used_bytes({"memory_stats": {"usage": 7}}) == 7
    assert used_bytes({"memory_stats": {}}) == used_bytes({}) == used_bytes(None) == 0
