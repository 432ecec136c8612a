from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, cast

import nats
import pytest
from kit.cache import Cache
from kit.trouble import Unavailable
from recommendations.clients import CatalogClient
from recommendations.job import Job
from recommendations.models import OrderCancelled, OrderedLine, OrderPlaced
from recommendations.orders import Orders
from recommendations.store import CHECKED, SERVED, Generation, Similarities

from tests.targets.conftest import SERVICES
from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback
LAMP, CHAIR = "sku-0701", "sku-0702"
"""Which no seed order holds."""


@dataclass
class Catalog:
    """Knows some products, or is away."""

    known: frozenset[str] | None = None

    async def products(self) -> frozenset[str]:
        if self.known is None:
            raise Unavailable("catalog", "it is away", sent=False)
        return self.known


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("recommendations")
    told = {"recommendations": {"JOB_S": "0.2"}}
    with running(partial("recommendations", to=directory, env=told), directory / "run") as up:
        yield up


@pytest.fixture
async def cache(up: Up) -> AsyncIterator[Cache]:
    """A database of the test's own, of the sixteen that the server has."""
    cache = Cache(f"{up.store_address('redis', 'recommendations')}/1")
    await cache.run(lambda redis: redis.flushdb())
    yield cache
    await cache.close()


def job(cache: Cache, catalog: Catalog) -> Job:
    return Job(Orders(cache), Similarities(cache), cast("CatalogClient", catalog), 1.0)


def placed(*skus: str, order_id: str | None = None) -> OrderPlaced:
    return OrderPlaced(
        event_id=str(uuid.uuid4()),
        order_id=order_id or str(uuid.uuid4()),
        items=[OrderedLine(sku=sku) for sku in skus],
    )


def cancelled(order_id: str) -> OrderCancelled:
    return OrderCancelled(event_id=str(uuid.uuid4()), order_id=order_id)


async def test_an_order_counts_once_and_not_at_all_once_it_is_cancelled(cache: Cache) -> None:
    orders = Orders(cache)
    event = placed(LAMP, CHAIR, LAMP)
    assert [await orders.placed(event) for _ in range(3)] == [True, False, False]
    assert await orders.together([LAMP, CHAIR]) == [{CHAIR: 1}, {LAMP: 1}]
    assert [await orders.cancelled(cancelled(event.order_id)) for _ in range(2)] == [True, False]
    assert not await orders.placed(event)
    assert await orders.counts() == {LAMP: 0, CHAIR: 0}


async def test_orders_that_are_heard_of_together_count_once_each(cache: Cache) -> None:
    orders = Orders(cache)
    first, other, off = placed(LAMP, CHAIR), placed(LAMP), placed(CHAIR)
    await orders.cancelled(cancelled(off.order_id))
    for _ in range(2):
        await orders.all_placed([first, other, first, off])
    assert await orders.counts() == {LAMP: 2, CHAIR: 1}


async def test_an_order_that_is_cancelled_before_it_is_placed_never_counts(cache: Cache) -> None:
    orders = Orders(cache)
    event = placed(LAMP, CHAIR)
    await orders.cancelled(cancelled(event.order_id))
    assert not await orders.placed(event)
    assert await orders.counts() == {}


async def test_a_fresh_shop_recommends_something_for_every_product_the_same_each_time(cache: Cache) -> None:
    found = []
    for _ in range(2):
        await cache.run(lambda redis: redis.flushdb())
        assert await job(cache, Catalog()).once()
        similarities = Similarities(cache)
        found.append([(await similarities.best(f"sku-{number:04d}")).items for number in range(1, 301)])
    assert found[0] == found[1]
    assert all(len(items) == 5 for items in found[0])
    changes = await Orders(cache).changes()
    await Orders(cache).seed()
    assert await Orders(cache).changes() == changes


async def test_products_that_no_longer_exist_are_left_out_when_the_catalog_says_so(cache: Cache) -> None:
    orders, similarities = Orders(cache), Similarities(cache)
    await orders.placed(placed(LAMP, CHAIR))
    catalog = Catalog()
    at_work = job(cache, catalog)
    assert await at_work.once()
    unchecked = await similarities.best(LAMP)
    assert (unchecked.items[0], unchecked.checked) == (CHAIR, False)
    catalog.known = frozenset({LAMP, "sku-0001"})
    assert await at_work.once()
    checked = await similarities.best(LAMP)
    assert (CHAIR in checked.items, checked.checked) == (False, True)
    assert not await at_work.once()
    await cache.run(lambda redis: redis.delete(SERVED))
    assert await at_work.once()


async def test_only_one_computes_and_who_was_overtaken_does_not_bring_back_the_past(cache: Cache) -> None:
    similarities = Similarities(cache)
    assert await similarities.lock("one", 5)
    assert not await similarities.lock("other", 5)
    await similarities.unlock("other")
    assert not await job(cache, Catalog()).once()
    assert await similarities.switch("one", Generation(similar={LAMP: [CHAIR]}, popular=[], checked=True))
    await similarities.unlock("one")
    await similarities.lock("other", 5)
    assert not await similarities.switch("one", Generation(similar={}, popular=[], checked=True))
    assert (await similarities.best(LAMP)).items == [CHAIR]
    assert await cache.run(lambda redis: redis.ttl(SERVED)) == -1


class Lossy(Similarities):
    """The first words to let go of the lock are lost, as when Redis is slow."""

    lost = 0

    async def unlock(self, who: str) -> None:
        self.lost += 1
        if self.lost == 1:
            raise Unavailable("redis", "no answer within 385 ms", sent=True)
        await super().unlock(who)


async def test_a_lock_that_could_not_be_let_go_keeps_nobody_from_the_next_run(cache: Cache) -> None:
    at_work = Job(Orders(cache), Lossy(cache), cast("CatalogClient", Catalog()), 1.0)
    with pytest.raises(Unavailable):
        await at_work.once()
    await cache.run(lambda redis: redis.delete(SERVED))
    assert not await job(cache, Catalog()).once(), "others wait"
    assert await at_work.once()
    assert await Similarities(cache).lock("other", 5), "it is free again"


async def test_while_there_is_nothing_to_serve_it_is_tried_again_soon(cache: Cache) -> None:
    similarities = Similarities(cache)
    await similarities.lock("somebody who died", 0.7)
    at_work = Job(Orders(cache), similarities, cast("CatalogClient", Catalog()), 600.0)
    running_on = asyncio.create_task(at_work.run())
    try:
        async with asyncio.timeout(10):
            while not await _ready(similarities):  # noqa: ASYNC110 -- Redis tells nobody
                await asyncio.sleep(0.02)
    finally:
        running_on.cancel()


async def _ready(similarities: Similarities) -> bool:
    try:
        await similarities.ready()
    except Unavailable:
        return False
    return True


async def test_before_the_first_run_it_is_not_ready(cache: Cache) -> None:
    with pytest.raises(Unavailable, match="nothing has been computed"):
        await Similarities(cache).ready()
    await cache.run(lambda redis: redis.hset(SERVED, CHECKED, "1"))
    await Similarities(cache).ready()
    assert (await Similarities(cache).best(LAMP)).items == []


async def test_the_service_learns_from_the_bus_and_forgets_what_is_cancelled(up: Up) -> None:
    event = placed("sku-0801", "sku-0802")
    bus = await nats.connect(up.store_address("bus", "recommendations"), connect_timeout=2)

    async def publish(subject: str, body: str) -> None:
        await bus.jetstream().publish(subject, body.encode(), timeout=2)

    def answered() -> dict[str, Any]:
        found: dict[str, Any] = up.ask("recommendations", "GET", "/recommendations/sku-0801").json()
        assert found["degraded"] == ["catalog"]
        return found

    before = answered()["items"]
    for _ in range(2):
        await publish("shop.orders.placed", event.model_dump_json())
    await publish("shop.orders.placed", json.dumps({"event_id": "x", "items": []}))
    await asyncio.to_thread(until, lambda: answered()["items"][0] == "sku-0802", within_s=10, what="it is learnt")
    await publish("shop.orders.cancelled", cancelled(event.order_id).model_dump_json())
    await asyncio.to_thread(until, lambda: answered()["items"] == before, within_s=10, what="it is forgotten")
    await bus.close()


def test_the_job_can_be_run_by_hand(up: Up) -> None:
    def by_hand(redis_url: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICES), "REDIS_URL": redis_url}
        command = [sys.executable, "-m", "recommendations.job"]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)

    good = by_hand(f"{up.store_address('redis', 'recommendations')}/2")
    assert (good.returncode, good.stdout, good.stderr) == (0, "computed\n", "")
    away = by_hand("redis://127.0.0.1:9")
    assert away.returncode == 1
    assert away.stdout.startswith("redis is unavailable")


def test_a_caller_without_the_scope_is_refused(up: Up) -> None:
    path = "/recommendations/sku-0001"
    assert up.ask("recommendations", "GET", path, headers={"Authorization": ""}).status_code == 401
