from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import asyncpg
import pytest
import redis
import requests
from catalog import store
from catalog.models import ProductText
from catalog.store import SCHEMA, Products
from kit.postgres import Postgres
from kit.trouble import Unavailable

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback
INSTANCES = (1, 2, 3)
TEXT = {"name": "Zebra kettle", "description": "It boils water in stripes.", "category": "kitchen"}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("catalog")
    with running(partial("catalog", to=directory), directory / "run") as up:
        until(lambda: not rows(up, "SELECT FROM products WHERE NOT announced"), within_s=10, what="all are announced")
        yield up


def read(up: Up, sku: str, index: int = 1, **headers: str) -> requests.Response:
    return up.ask("catalog", "GET", f"/products/{sku}", index=index, headers=headers)


def change(up: Up, sku: str, *, index: int = 1, text: Mapping[str, str] = TEXT) -> requests.Response:
    return up.ask("catalog", "PUT", f"/products/{sku}", json=dict(text), index=index)


def rows(up: Up, sql: str, *values: object) -> list[Any]:
    async def ask() -> list[Any]:
        connection = await asyncpg.connect(up.store_address("postgres", "catalog"))
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_product_that_is_as_it_was_is_not_sent_again(up: Up) -> None:
    first = read(up, "sku-0001")
    assert first.json()["category"] == "kitchen"
    assert first.headers["cache-control"] == "max-age=5, stale-if-error=60"
    again = read(up, "sku-0001", index=2, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_a_change_has_a_new_tag_and_is_seen_at_every_instance_at_once(up: Up) -> None:
    before = [read(up, "sku-0002", index).headers["etag"] for index in INSTANCES]
    assert change(up, "sku-0002").headers["etag"] == '"2"'
    assert set(before) == {'"1"'}
    for index in INSTANCES:
        after = read(up, "sku-0002", index, **{"If-None-Match": '"1"'})
        assert (after.status_code, after.json()["name"]) == (200, "Zebra kettle")


def test_a_change_and_its_event_are_one_and_the_same_text_again_is_neither(up: Up) -> None:
    for index in (1, 2):
        assert change(up, "sku-0003", index=index).headers["etag"] == '"2"'
    sql = "SELECT payload::jsonb->>'version' AS version FROM outbox WHERE payload::jsonb->>'sku' = $1 ORDER BY seq"
    events = rows(up, sql, "sku-0003")
    assert [event["version"] for event in events] == ["1", "2"]


def test_every_product_is_announced_once_for_all_three_instances(up: Up) -> None:
    def waiting() -> int:
        return int(rows(up, "SELECT count(*) FROM outbox WHERE published_at IS NULL")[0]["count"])

    until(lambda: waiting() == 0, within_s=10, what="all events are published")
    first = rows(up, "SELECT payload::jsonb->>'sku' AS sku FROM outbox WHERE payload::jsonb->>'version' = '1'")
    assert sorted(row["sku"] for row in first) == [f"sku-{number:04}" for number in range(1, 301)]


class SlowDatabase:
    """It has the time for so many products at once, and none for more."""

    def __init__(self, bears: int) -> None:
        self.bears = bears
        self.waiting = 300
        self.tried: list[int] = []

    async def transact(self, work: Callable[[SlowDatabase], Awaitable[int]]) -> int:
        return await work(self)

    async def fetch(self, _sql: str, limit: int) -> list[dict[str, object]]:
        self.tried.append(limit)
        if limit > self.bears:
            raise Unavailable("postgres", "no answer within 985 ms", sent=True)
        taken = min(limit, self.waiting)
        self.waiting -= taken
        row = {"sku": "sku-0001", "version": 1, "changed_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC), **TEXT}
        return [row] * taken

    async def execute(self, _sql: str, *_values: object) -> None:
        """Store events."""


async def test_a_database_too_slow_for_all_products_at_once_still_hears_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "PAUSE_S", 0.0)
    slow = SlowDatabase(bears=30)
    async with asyncio.timeout(5):
        await Products(slow).announce()  # type: ignore[arg-type]  # it does what announcing needs
    assert slow.tried[:3] == [100, 50, 25]
    assert slow.waiting == 0


def test_a_change_whose_writer_died_before_it_reached_the_cache_gets_there_by_its_event(up: Up) -> None:
    async def change_and_die() -> None:
        postgres = Postgres(up.store_address("postgres", "catalog"), SCHEMA)
        await postgres.prepare()
        await Products(postgres).change("sku-0004", ProductText(**TEXT))
        await postgres.close()

    assert read(up, "sku-0004", 3).headers["etag"] == '"1"'
    asyncio.run(change_and_die())
    until(lambda: read(up, "sku-0004", 3).headers["etag"] == '"2"', within_s=5, what="the cache has the change")


def test_a_redis_that_does_not_answer_is_not_noticed_by_those_who_read_or_write(up: Up) -> None:
    cache = redis.Redis.from_url(up.store_address("redis", "catalog"))
    cache.client_pause(30_000, all=False)  # scripts too: they may write
    try:
        for _ in range(20):
            assert read(up, "sku-0005").status_code == 200
        assert change(up, "sku-0005").status_code == 200
        assert [read(up, "sku-0005", index).headers["etag"] for index in INSTANCES] == ['"2"'] * 3
        health = up.ask("catalog", "GET", "/health").json()
        assert (health["ready"], health["edges"]["redis"]["opened"] > 0) == (True, True)
    finally:
        cache.client_unpause()
        cache.close()


@pytest.mark.parametrize(
    ("status", "sku", "text"),
    [
        (404, "sku-9999", {}),
        (422, "sku-1", {}),
        (422, "sku-0006", {"name": ""}),
        (422, "sku-0006", {"name": "two\nlines"}),
        (422, "sku-0006", {"description": "x" * 1001}),
        (422, "sku-0006", {"category": "Kitchen; --"}),
        (422, "sku-0006", {"colour": "red"}),
    ],
)
def test_a_change_that_makes_no_product_is_refused(up: Up, status: int, sku: str, text: dict[str, str]) -> None:
    answer = change(up, sku, text=TEXT | text)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert read(up, "sku-0006").headers["etag"] == '"1"'


def test_nobody_reads_or_writes_without_saying_who_it_is(up: Up) -> None:
    for method in ("GET", "PUT"):
        answer = requests.request(method, up.url("catalog") + "/products/sku-0001", json=TEXT, timeout=5)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
