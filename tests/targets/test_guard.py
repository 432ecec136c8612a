from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from kit import service
from kit.auth import anyone, needs
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings

from tests.targets.asking import ask

OPERATOR = {"authorization": "Bearer letmein"}


class Desk:
    """A service whose one operation takes as long as it is told to."""

    def __init__(self) -> None:
        self.served = 0
        self.free = asyncio.Event()
        self.free.set()
        routes = service.router()

        @routes.get("/work", responses=declared(), dependencies=[anyone()])
        async def work() -> dict[str, int]:
            self.served += 1
            await self.free.wait()
            return {"served": self.served}

        @routes.get("/secret", responses=declared(), dependencies=[needs("desk.read")])
        async def secret() -> dict[str, int]:
            self.served += 1
            return {"served": self.served}

        self.routes = routes

    @asynccontextmanager
    async def open(self, **env: str) -> AsyncIterator[FastAPI]:
        settings = Settings.read("desk", {"OPERATOR_TOKEN": "letmein", **env})
        app = service.build(settings, "Desk", self.routes, lambda host: host, 5.0)
        async with app.router.lifespan_context(app):
            yield app


async def under_way(host: Host, number: int) -> None:
    async with asyncio.timeout(5):
        while host.admission.under_way != number:  # noqa: ASYNC110 -- a service tells nobody when a request begins
            await asyncio.sleep(0)


async def test_a_caller_over_its_quota_is_turned_away_before_any_work() -> None:
    desk = Desk()
    async with desk.open(QUOTA_ANONYMOUS="2") as app:
        answers = [await ask(app, "GET", "/work") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert desk.served == 2
    assert answers[3].headers["retry-after"] == "1"
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert answers[3].json()["detail"] == "the caller's quota is used up"


async def test_a_name_without_proof_is_not_believed() -> None:
    desk = Desk()
    async with desk.open(QUOTA_ANONYMOUS="1") as app:
        answers = [await ask(app, "GET", "/work", headers={"authorization": f"Bearer made-up-{i}"}) for i in range(3)]
        assert [answer.status for answer in answers] == [200, 429, 429]
        assert (await ask(app, "GET", "/work", headers=OPERATOR)).status == 200


async def test_what_finds_no_room_is_shed_and_what_is_under_way_is_finished() -> None:
    desk = Desk()
    desk.free.clear()
    async with desk.open(AT_ONCE="2") as app:
        inside = [asyncio.create_task(ask(app, "GET", "/work")) for _ in range(2)]
        await under_way(app.state.host, 2)
        shed = await ask(app, "GET", "/work")
        assert (shed.status, shed.headers["retry-after"], desk.served) == (503, "1", 2)
        desk.free.set()
        assert [(await answer).status for answer in inside] == [200, 200]
        assert (await ask(app, "GET", "/work")).status == 200
        assert app.state.host.admission.health()["overloaded"] == 1


async def test_those_who_run_the_service_are_never_turned_away() -> None:
    desk = Desk()
    desk.free.clear()
    async with desk.open(AT_ONCE="1", QUOTA_ANONYMOUS="1") as app:
        inside = asyncio.create_task(ask(app, "GET", "/work"))
        await under_way(app.state.host, 1)
        for path in ("/livez", "/readyz", "/health", "/metrics") * 5:
            assert (await ask(app, "GET", path)).status == 200, path
        desk.free.set()
        await inside


async def test_who_may_not_do_it_costs_no_work_either() -> None:
    desk = Desk()
    async with desk.open() as app:
        assert (await ask(app, "GET", "/secret")).status == 401
        assert desk.served == 0
        assert (await ask(app, "GET", "/secret", headers=OPERATOR)).status == 200


async def test_a_draining_instance_says_so_and_still_finishes_what_comes() -> None:
    desk = Desk()
    desk.free.clear()
    async with desk.open() as app:
        before = asyncio.create_task(ask(app, "GET", "/work"))
        await under_way(app.state.host, 1)
        await app.state.host.drain()
        ready = await ask(app, "GET", "/readyz")
        assert (ready.status, ready.headers["connection"]) == (503, "close")
        assert "draining" in ready.json()["detail"]
        assert (await ask(app, "GET", "/livez")).status == 200
        desk.free.set()
        assert (await before).status == 200
        after = await ask(app, "GET", "/work")
        assert (after.status, after.headers["connection"]) == (200, "close")


async def test_an_instance_that_does_not_drain_keeps_its_connections() -> None:
    desk = Desk()
    async with desk.open() as app:
        assert "connection" not in (await ask(app, "GET", "/work")).headers


async def test_health_shows_limits_flags_directory_and_edges() -> None:
    async with Desk().open(AT_ONCE="7") as app:
        health = (await ask(app, "GET", "/health")).json()
    assert health["quotas"]["at_once"] == 7
    assert health["flags"] == {}
    assert health["edges"]["directory"]["registered"] is False
