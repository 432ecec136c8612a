from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kit import aside as asides
from kit.aside import Aside, Versioned
from kit.cache import ASIDE_LIMIT_S, Cache
from kit.trouble import Unavailable, not_found
from kit.words import Strict

from harness.model.system import StoreKind
from tests.targets.stores import REDIS, Stores, running_stores

pytestmark = pytest.mark.loopback
SOON_S = 2.0


class Thing(Strict):
    name: str


class Database:
    """A table of one service; it can be told to be slow or away, and counts who reads what at once."""

    def __init__(self) -> None:
        self.things: dict[str, Versioned[Thing]] = {}
        self.reads: Counter[str] = Counter()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False

    def change(self, key: str, version: int) -> Versioned[Thing]:
        self.things[key] = Versioned(version, Thing(name=f"{key} {version}"))
        return self.things[key]

    async def read(self, key: str) -> Versioned[Thing]:
        self.reads[key] += 1
        self.now[key] += 1
        self.most[key] = max(self.most[key], self.now[key])
        try:
            if self.away:
                raise Unavailable("postgres", "it is away", sent=False)
            found = self.things.get(key)
            await self.gate.wait()
            if found is None:
                raise not_found(key)
            return found
        finally:
            self.now[key] -= 1


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with running_stores(tmp_path / "stores", REDIS) as stores:
        yield stores


@pytest.fixture
async def cache(stores: Stores) -> AsyncIterator[Cache]:
    cache = stores.cache()
    yield cache
    await cache.close()


@pytest.fixture
def database() -> Database:
    database = Database()
    database.change("a", 1)
    return database


def made(cache: Cache, database: Database) -> Aside[Thing]:
    return Aside(cache, "test:thing", Thing, database.read, chance=lambda: 0.0)


async def reading(database: Database, key: str) -> None:
    """Until somebody is in the middle of reading this."""
    async with asyncio.timeout(SOON_S):
        while not database.now[key]:  # noqa: ASYNC110 -- a fake has no event for it
            await asyncio.sleep(0.001)


async def joined(aside: Aside[Thing]) -> None:
    """Until somebody has joined another's reading."""
    async with asyncio.timeout(SOON_S):
        while not aside._reads.joined:  # noqa: ASYNC110 -- nothing else tells it
            await asyncio.sleep(0.001)


async def idle(aside: Aside[Thing], key: str) -> None:
    async with asyncio.timeout(SOON_S):
        while aside._reads.busy(key):  # noqa: ASYNC110 -- a fake has no event for it
            await asyncio.sleep(0.001)


async def test_what_was_read_once_comes_from_the_cache_for_every_instance(cache: Cache, database: Database) -> None:
    one, other = made(cache, database), made(cache, database)
    assert await one.get("a") == await other.get("a") == database.things["a"]
    assert database.reads["a"] == 1
    assert (one.health()["misses"], other.health()["hits"]) == (1, 1)


async def test_what_does_not_exist_is_refused_and_not_kept(cache: Cache, database: Database) -> None:
    aside = made(cache, database)
    for _ in range(2):
        with pytest.raises(Exception, match="there is no b"):
            await aside.get("b")
    database.change("b", 1)
    assert (await aside.get("b")).version == 1


async def test_a_crowd_that_asks_for_one_thing_reads_it_once_an_instance(cache: Cache, database: Database) -> None:
    database.gate.clear()
    instances = [made(cache, database) for _ in range(3)]
    asking = [asyncio.create_task(instance.get("a")) for instance in instances for _ in range(50)]
    await reading(database, "a")
    database.gate.set()
    await asyncio.gather(*asking)
    assert 1 <= database.reads["a"] <= 3
    assert [instance.health()["shared"] for instance in instances] == [49] * 3


async def test_a_slow_reader_does_not_put_back_what_was_changed_meanwhile(cache: Cache, database: Database) -> None:
    slow, writer = made(cache, database), made(cache, database)
    database.gate.clear()
    late = asyncio.create_task(slow.get("a"))
    await reading(database, "a")
    assert await writer.put("a", database.change("a", 2))
    database.gate.set()
    assert (await late).version == 1
    assert (await writer.get("a")).version == 2
    assert (await slow.get("a")).version == 2


async def test_events_that_come_late_or_twice_change_nothing(cache: Cache, database: Database) -> None:
    aside = made(cache, database)
    new = database.change("a", 3)
    assert await aside.put("a", new)
    assert await aside.put("a", new)
    assert not await aside.put("a", Versioned(2, Thing(name="old")))
    assert await aside.get("a") == new
    assert not database.reads


async def test_an_event_that_comes_when_all_is_forgotten_brings_nothing_old_back(
    cache: Cache, database: Database
) -> None:
    aside = made(cache, database)
    database.change("a", 3)
    await aside.reload("a")
    assert (await aside.get("a")).version == 3
    assert database.reads["a"] == 1


async def test_an_event_is_not_done_with_before_the_cache_has_the_change(
    stores: Stores, cache: Cache, database: Database
) -> None:
    aside = made(cache, database)
    await aside.get("a")
    await stores.kill(StoreKind.REDIS)
    database.change("a", 2)
    with pytest.raises(Unavailable, match="redis"):
        await aside.reload("a")


async def test_who_reads_along_with_an_event_does_not_hear_that_redis_is_away(
    stores: Stores, cache: Cache, database: Database
) -> None:
    aside = made(cache, database)
    database.change("a", 1)
    await stores.kill(StoreKind.REDIS)
    database.gate.clear()
    reloading = asyncio.create_task(aside.reload("a"))
    await reading(database, "a")
    along = asyncio.create_task(aside.get("a"))
    await joined(aside)
    database.gate.set()
    with pytest.raises(Unavailable, match="redis"):
        await reloading
    assert (await along).version == 1


async def test_a_reload_reads_after_the_change_and_still_there_is_one_at_a_time(
    cache: Cache, database: Database
) -> None:
    aside = made(cache, database)
    database.gate.clear()
    before = asyncio.create_task(aside.get("a"))
    await reading(database, "a")
    database.change("a", 2)
    reloading = asyncio.create_task(aside.reload("a"))
    database.gate.set()
    await reloading
    assert ((await before).version, (await aside.get("a")).version) == (1, 2)
    assert database.most["a"] == 1


async def test_a_reader_after_a_change_does_not_join_one_who_began_before(
    stores: Stores, cache: Cache, database: Database
) -> None:
    aside = made(cache, database)
    await stores.kill(StoreKind.REDIS)
    database.gate.clear()
    before = asyncio.create_task(aside.get("a"))
    await reading(database, "a")
    await aside.offer("a", database.change("a", 2))
    after = asyncio.create_task(aside.get("a"))
    database.gate.set()
    assert ((await before).version, (await after).version) == (1, 2)
    assert database.most["a"] == 1


async def test_what_is_getting_old_is_served_while_one_instance_reads_it_again(
    monkeypatch: pytest.MonkeyPatch, cache: Cache, database: Database
) -> None:
    instances = [made(cache, database) for _ in range(3)]
    await instances[0].get("a")
    monkeypatch.setattr(asides, "REFRESH_AT", 2.0)
    database.change("a", 2)
    database.gate.clear()
    got = [await instance.get("a") for instance in instances for _ in range(20)]
    assert {each.version for each in got} == {1}
    await reading(database, "a")
    assert database.reads["a"] == 2
    database.gate.set()
    for instance in instances:
        await idle(instance, "a")
    assert (await instances[2].get("a")).version == 2


async def test_what_is_cached_is_served_on_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, cache: Cache, database: Database
) -> None:
    monkeypatch.setattr(asides, "REFRESH_AT", 2.0)
    aside = made(cache, database)
    await aside.get("a")
    database.away = True
    for _ in range(3):
        assert (await aside.get("a")).version == 1
    await idle(aside, "a")
    with pytest.raises(Unavailable, match="postgres"):
        await aside.get("b")


async def test_nothing_is_kept_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch, cache: Cache, database: Database
) -> None:
    monkeypatch.setattr(asides, "KEEP_S", 0.05)
    aside = made(cache, database)
    await aside.get("a")
    database.change("a", 2)
    async with asyncio.timeout(SOON_S):
        while (await aside.get("a")).version == 1:
            pass


async def test_lives_differ_so_that_what_was_read_together_is_not_read_again_together(
    cache: Cache, database: Database
) -> None:
    chances = iter((0.0, 0.5, 1.0))
    aside = Aside(cache, "test:thing", Thing, database.read, chance=lambda: next(chances))
    left = []
    for key in "abc":
        database.change(key, 1)
        await aside.get(key)
        left.append(await cache.run(lambda redis, key=key: redis.pttl(f"test:thing:{key}")))  # type: ignore[misc]
    assert [round(each / 1000) for each in left] == [60, 54, 48]


async def test_what_can_not_be_read_in_the_cache_is_read_anew(cache: Cache, database: Database) -> None:
    aside = made(cache, database)
    for text in ("", "nonsense", '1 {"name": 7}', '1 {"name": "x", "colour": "red"}'):
        await cache.run(lambda redis, text=text: redis.set("test:thing:a", text))  # type: ignore[misc]
        assert await aside.get("a") == database.things["a"]


async def test_without_redis_it_is_read_from_the_database_once_at_a_time(
    stores: Stores, cache: Cache, database: Database
) -> None:
    aside = made(cache, database)
    await aside.get("a")
    await stores.kill(StoreKind.REDIS)
    for _ in range(20):
        got = await asyncio.gather(*(aside.get("a") for _ in range(20)))
        assert {each.version for each in got} == {1}
    assert database.most["a"] == 1
    assert cache.health()["breaker"] == "open"


async def test_a_redis_that_does_not_answer_costs_a_few_short_waits_and_then_nothing(
    stores: Stores, cache: Cache, database: Database
) -> None:
    aside, loop = made(cache, database), asyncio.get_running_loop()
    await aside.get("a")
    await stores.pause(StoreKind.REDIS)
    took = []
    for _ in range(30):
        began = loop.time()
        assert (await aside.get("a")).version == 1
        took.append(loop.time() - began)
    await stores.resume(StoreKind.REDIS)
    assert sum(took) < 15 * ASIDE_LIMIT_S, "half of them would have waited"
    assert cache.health()["opened"] == 1


async def test_when_redis_is_back_it_is_used_again(stores: Stores, cache: Cache, database: Database) -> None:
    aside = made(cache, database)
    await stores.kill(StoreKind.REDIS)
    while not cache.away:
        await aside.get("a")
    await stores.start(StoreKind.REDIS)
    hits = aside.health()["hits"]
    async with asyncio.timeout(5):
        while aside.health()["hits"] == hits:
            await aside.get("a")
            await asyncio.sleep(0.01)
