from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kit.client import Edge, Limits
from kit.directory import Directory, Instances, Known
from kit.flags import Flags
from kit.settings import Settings

from tests.targets.conftest import FakeClock

SETTINGS = Settings(service="cart", instance="cart-1", zone="b", version="1.1.0", owner="team")
LIMITS = Limits(deadline_s=0.5, attempt_s=0.4, attempts=1, one_fate=False)


class Registry:
    """A registry that takes notes and answers what it is told to."""

    def __init__(self) -> None:
        self.leases: list[dict[str, object]] = []
        self.returned: list[str] = []
        self.asked = 0
        self.away = False
        self.up = True

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.Response(status=500)
        if request.path == "/leases":
            self.leases.append(await request.json())
            return web.json_response({"instance": "cart-1", "new": 1}, status=201)
        if request.method == "DELETE":
            self.returned.append(request.path)
            return web.json_response({"instance": "cart-1"})
        if request.path == "/flags":
            return web.json_response({"flags": [{"name": "pricing-canary", "value": 0.2, "durable": True}]})
        known = {"service": "catalog", "instance": "catalog-1", "zone": "a", "version": "1.0.0", "up": self.up}
        return web.json_response({"instances": [known | {"why": None, "owner": "x"}]})


@asynccontextmanager
async def directory_of(registry: Registry, flags: Flags) -> AsyncIterator[Directory]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    directory = Directory(SETTINGS, flags, Edge("registry", {"registry-1": url}, LIMITS), every_s=0.02)
    work = asyncio.create_task(directory.run())
    try:
        yield directory
    finally:
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await directory.close()
        await runner.cleanup()


async def rounds(registry: Registry, number: int) -> None:
    """Wait until the registry was asked so many times more."""
    until = registry.asked + number
    async with asyncio.timeout(10):
        while registry.asked < until:  # noqa: ASYNC110 -- the registry is asked from outside
            await asyncio.sleep(0.01)


@pytest.mark.loopback
async def test_an_instance_registers_and_hears_of_others_and_of_flags() -> None:
    registry, flags = Registry(), Flags()
    async with directory_of(registry, flags) as directory:
        await rounds(registry, 4)
        assert directory.registered
        assert directory.places("catalog")["catalog-1"].up
        assert flags.share("pricing-canary") == 0.2
    assert registry.leases[0] == {
        "service": "cart",
        "instance": "cart-1",
        "zone": "b",
        "version": "1.1.0",
        "owner": "team",
        "documents": ["/openapi.json"],
        "lease_s": 6,
    }


@pytest.mark.loopback
async def test_what_was_last_known_stays_while_the_registry_is_away() -> None:
    registry, flags = Registry(), Flags()
    async with directory_of(registry, flags) as directory:
        await rounds(registry, 4)
        registry.away = True
        await rounds(registry, 3)
        assert directory.places("catalog")["catalog-1"].version == "1.0.0"
        assert flags.share("pricing-canary") == 0.2
        assert not directory.registered


@pytest.mark.loopback
async def test_a_lease_is_given_back_once_and_for_all() -> None:
    registry = Registry()
    async with directory_of(registry, Flags()) as directory:
        await rounds(registry, 4)
        assert await directory.leave()
        taken = len(registry.leases)
        await rounds(registry, 4)
        assert (registry.returned, len(registry.leases)) == (["/leases/cart-1"], taken)
        assert not await directory.leave()


@pytest.mark.loopback
async def test_leaving_a_registry_that_is_away_is_not_waited_for() -> None:
    registry = Registry()
    async with directory_of(registry, Flags()) as directory:
        await rounds(registry, 4)
        registry.away = True
        async with asyncio.timeout(2):
            assert not await directory.leave()


async def test_without_a_registry_nothing_is_known_and_nothing_is_wrong() -> None:
    directory = Directory(SETTINGS, Flags())
    async with asyncio.timeout(2):
        await directory.run()
        assert not await directory.leave()
    assert directory.places("catalog") == {}
    assert directory.health()["heard_s_ago"] is None


def test_old_news_of_who_is_down_does_not_count_but_zones_and_versions_do(clock: FakeClock) -> None:
    directory = Directory(SETTINGS, Flags(), clock=clock)
    known = Known(instance="catalog-1", service="catalog", zone="c", version="1.1.0", up=False)
    directory.take(Instances(instances=[known]))
    assert not directory.places("catalog")["catalog-1"].up
    clock.pass_s(9.9)
    assert not directory.places("catalog")["catalog-1"].up
    clock.pass_s(0.2)
    place = directory.places("catalog")["catalog-1"]
    assert (place.up, place.zone, place.version) == (True, "c", "1.1.0")
    directory.take(Instances(instances=[known]))
    assert directory.health()["down"] == ["catalog-1"]
