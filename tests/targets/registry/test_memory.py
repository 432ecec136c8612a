from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from kit.bucket import Conflict, Entry
from kit.trouble import Refused, Unavailable
from registry.leases import Leases
from registry.memory import Memory
from registry.models import Lease

LEASE = Lease(service="catalog", instance="catalog-1", zone="a", version="1.0.0", owner="team", documents=[], lease_s=6)


class FakeBucket:
    """A bucket in memory that can be away, and counts what is written."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.away = False
        self.writes = 0
        self._revision = 0

    async def get(self, key: str) -> Entry | None:
        self._there()
        await asyncio.sleep(0)
        return self.entries.get(key)

    async def update(self, key: str, value: bytes, revision: int) -> int:
        self._there()
        there = self.entries.get(key)
        if (0 if there is None else there.revision) != revision:
            raise Conflict("somebody else")
        self.writes += 1
        self._revision += 1
        self.entries[key] = Entry(value=value, revision=self._revision)
        return self._revision

    async def delete(self, key: str) -> None:
        self._there()
        self.entries.pop(key, None)

    async def keys(self) -> list[str]:
        self._there()
        return sorted(self.entries)

    def _there(self) -> None:
        if self.away:
            raise Unavailable("bucket", "no majority", sent=True)


@asynccontextmanager
async def kept(bucket: FakeBucket) -> AsyncIterator[Memory]:
    memory = Memory(Leases(), bucket, pause_s=0.01)
    work = asyncio.create_task(memory.keep())
    try:
        yield memory
    finally:
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work


async def soon(memory: Memory) -> None:
    """Wait until the bucket has all."""
    async with asyncio.timeout(5):
        while not memory.loaded or memory.health()["unwritten"]:  # noqa: ASYNC110 -- polled by people too
            await asyncio.sleep(0.005)


def value(memory: Memory, name: str) -> tuple[bool | float, bool]:
    return next((flag.value, flag.durable) for flag in memory.flags() if flag.name == name)


async def test_a_restarted_registry_knows_who_was_there_and_how_the_flags_stood() -> None:
    bucket = FakeBucket()
    async with kept(bucket) as memory:
        await soon(memory)
        memory.register(LEASE)
        await memory.set_flag("pricing-canary", 0.0)
        await soon(memory)
    async with kept(bucket) as again:
        await soon(again)
        assert [lease.instance for lease in again.leases.living()] == ["catalog-1"]
        assert value(again, "pricing-canary") == (0.0, True)
        assert value(again, "legacy-shadow") == (0.0, True)


async def test_a_flag_is_durable_when_told_also_while_others_write() -> None:
    bucket = FakeBucket()
    async with kept(bucket) as memory:
        await soon(memory)
        for value in (0.25, 0.5, 0.75):
            assert (await memory.set_flag("pricing-canary", value)).durable
            await asyncio.sleep(0)
        assert bucket.writes == 3


async def test_renewals_are_not_written() -> None:
    bucket = FakeBucket()
    async with kept(bucket) as memory:
        await soon(memory)
        for _ in range(5):
            memory.register(LEASE)
            await soon(memory)
    assert bucket.writes == 1


async def test_a_lease_given_back_does_not_return_after_a_restart() -> None:
    bucket = FakeBucket()
    async with kept(bucket) as memory:
        memory.register(LEASE)
        await soon(memory)
        memory.release("catalog-1")
        await soon(memory)
    assert bucket.entries == {}


async def test_without_the_bucket_memory_goes_on_and_is_written_when_it_is_back() -> None:
    bucket = FakeBucket()
    async with kept(bucket) as memory:
        await soon(memory)
        bucket.away = True
        memory.register(LEASE)
        flag = await memory.set_flag("pricing-canary", 0.3)
        assert (flag.value, flag.durable) == (0.3, False)
        assert [lease.instance for lease in memory.leases.living()] == ["catalog-1"]
        bucket.away = False
        await soon(memory)
        assert value(memory, "pricing-canary") == (0.3, True)
    assert sorted(bucket.entries) == ["flag.pricing-canary", "lease.catalog-1"]


async def test_a_registry_that_has_not_read_its_flags_does_not_guess_them() -> None:
    bucket = FakeBucket()
    bucket.away = True
    async with kept(bucket) as memory:
        with pytest.raises(Unavailable, match="not been read"):
            memory.flags()
        await memory.set_flag("legacy-shadow", 1.0)
        bucket.away = False
        await soon(memory)
        assert value(memory, "legacy-shadow") == (1.0, True)


async def test_what_cannot_be_read_in_the_bucket_is_left_alone() -> None:
    bucket = FakeBucket()
    for key, text in (("flag.pricing-canary", b"{"), ("flag.nobody", b'{"value": 1}'), ("lease.x", b"[]"), ("?", b"")):
        await bucket.update(key, text, 0)
    async with kept(bucket) as memory:
        await soon(memory)
        assert value(memory, "pricing-canary") == (0.1, True)
        assert memory.leases.all() == []


async def test_there_is_no_flag_but_those_that_are_known() -> None:
    memory = Memory(Leases(), None)
    with pytest.raises(Refused, match="there is no flag nobody"):
        await memory.set_flag("nobody", value=True)


async def test_without_a_bucket_all_is_in_memory() -> None:
    memory = Memory(Leases(), None)
    done: Awaitable[None] = memory.keep()
    async with asyncio.timeout(2):
        await done
    assert (await memory.set_flag("pricing-experiment-audio", value=True)).durable is False
    assert value(memory, "pricing-experiment-audio") == (True, False)
