from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kit.deadline import Deadline
from kit.settings import Settings
from registry.checks import SKU
from registry.leases import Leases
from registry.memory import Memory
from registry.models import Instance, Lease
from registry.rounds import Rounds

PRODUCT = json.dumps({"sku": SKU, "name": "Small lamp"})


class Proof:
    async def headers(self, *, for_customer: bool, limit: Deadline) -> Mapping[str, str]:
        assert not for_customer
        assert limit.left_s() > 0
        return {"authorization": "Bearer registry"}


class Catalog:
    """An instance that answers what it is told to; None is no answer at all."""

    def __init__(self, body: str | None = PRODUCT, status: int = 200) -> None:
        self.body = body
        self.status = status
        self.tokens: list[str | None] = []
        self.over = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("authorization"))
        if self.body is None:
            await self.over.wait()
        return web.Response(text=self.body, status=self.status, content_type="application/json")


@asynccontextmanager
async def rounds_of(*instances: Catalog) -> AsyncIterator[tuple[Rounds, Memory]]:
    runners, urls = [], []
    for number, instance in enumerate(instances, 1):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", instance.answer)
        runners.append(web.AppRunner(app, shutdown_timeout=0.0))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        urls.append(f"catalog-{number}=http://127.0.0.1:{runners[-1].addresses[0][1]}")
    env = {"CATALOG_INSTANCES": ",".join(urls), "INSTANCE": "registry-1"}
    memory = Memory(Leases(), None)
    for number in range(1, len(instances) + 1):
        memory.register(lease(f"catalog-{number}"))
    rounds = Rounds(Settings.read("registry", env), Proof(), memory)
    try:
        yield rounds, memory
    finally:
        await rounds.close()
        for instance in instances:
            instance.over.set()
        for runner in runners:
            await runner.cleanup()


def lease(instance: str, service: str = "catalog") -> Lease:
    return Lease(service=service, instance=instance, zone="a", version="1.0.0", owner="team", documents=[], lease_s=60)


def told(memory: Memory, name: str) -> Instance:
    return next(each for each in memory.leases.all() if each.instance == name)


async def up(memory: Memory, name: str) -> None:
    while not told(memory, name).up:  # noqa: ASYNC110 -- the list tells nobody of a change
        await asyncio.sleep(0.01)


@pytest.mark.loopback
async def test_an_instance_that_does_its_work_is_up_and_is_asked_with_a_token() -> None:
    catalog = Catalog()
    async with rounds_of(catalog) as (rounds, memory):
        await rounds.once()
        assert told(memory, "catalog-1").up
        assert told(memory, "registry-1").up
    assert catalog.tokens == ["Bearer registry"]


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ('{"sku": "sku-0002", "name": "x"}', 200, "it answers another product"),
        ('{"sku": "sku-0001", "name": ""}', 200, "or one without a name"),
        ('{"status": "alive"}', 200, "isn't as promised"),
        (PRODUCT, 500, "it answered 500"),
        (None, 200, "no answer within"),
    ],
)
async def test_whoever_says_yes_while_nothing_works_is_down(body: str | None, status: int, why: str) -> None:
    async with rounds_of(Catalog(body, status)) as (rounds, memory):
        await rounds.once()
        assert not told(memory, "catalog-1").up
        assert why in str(told(memory, "catalog-1").why)


@pytest.mark.loopback
async def test_the_slow_do_not_hold_up_the_rest_and_each_is_judged_by_itself() -> None:
    slow = [Catalog(None) for _ in range(5)]
    async with rounds_of(Catalog(), *slow) as (rounds, memory):
        async with asyncio.timeout(2.0):
            await rounds.once()
        assert told(memory, "catalog-1").up
        assert not any(told(memory, f"catalog-{number}").up for number in range(2, 7))


@pytest.mark.loopback
async def test_one_miss_takes_nobody_down_and_a_breaker_never_keeps_it_from_asking() -> None:
    catalog = Catalog()
    async with rounds_of(catalog) as (rounds, memory):
        ups = []
        for status in (200, 500, 200, *[500] * 12, 200):
            catalog.status = status
            await rounds.once()
            ups.append(told(memory, "catalog-1").up)
        assert ups == [True, True, True, True, *[False] * 11, True]
    assert len(catalog.tokens) == 16


@pytest.mark.loopback
async def test_an_instance_without_an_address_cannot_be_judged() -> None:
    async with rounds_of(Catalog()) as (rounds, memory):
        memory.register(lease("catalog-9"))
        memory.register(lease("tea-1", "tea"))
        await rounds.once()
        for name in ("catalog-9", "tea-1"):
            assert told(memory, name).why == "the registry has no address to check it by"


@pytest.mark.loopback
async def test_who_registers_is_checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.rounds.EVERY_S", 600.0)  # no round by itself while we look
    catalog = Catalog()
    async with rounds_of(catalog, Catalog()) as (rounds, memory):
        work = asyncio.create_task(rounds.run())
        memory.leases.drop("catalog-2")
        async with asyncio.timeout(20):
            await up(memory, "catalog-1")
            memory.register(lease("catalog-2"))
            await up(memory, "catalog-2")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
