from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kit import inbox
from kit.postgres import Connection, Postgres
from kit.trouble import Trouble

from tests.targets.stores import postgres_of, running_stores

pytestmark = pytest.mark.loopback
EVENT = str(uuid.uuid5(uuid.NAMESPACE_URL, "1"))


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    async with running_stores(tmp_path / "stores", postgres_of("tests")) as stores:
        postgres = await stores.postgres("tests", inbox.SCHEMA)
        yield postgres
        await postgres.close()


async def test_an_event_takes_effect_the_first_time_only_and_not_before_its_effect_is_kept(
    postgres: Postgres,
) -> None:
    async def work(connection: Connection) -> bool:
        return await inbox.first_time(connection, EVENT)

    async def failing(connection: Connection) -> None:
        assert await inbox.first_time(connection, EVENT)
        raise Trouble("the effect is not to be")

    with pytest.raises(Trouble):
        await postgres.transact(failing)
    assert [await postgres.transact(work) for _ in range(3)] == [True, False, False]


async def test_the_same_event_at_two_consumers_at_once_takes_effect_at_one(postgres: Postgres) -> None:
    async def work(connection: Connection) -> bool:
        return await inbox.first_time(connection, EVENT)

    first = await asyncio.gather(*(postgres.transact(work) for _ in range(5)))
    assert sorted(first) == [False] * 4 + [True]


async def test_of_many_events_those_are_first_that_were_not_known_each_once(postgres: Postgres) -> None:
    events = [str(uuid.uuid4()) for _ in range(3)]
    statement = f"WITH {inbox.FIRSTS} SELECT event_id::text FROM first"  # noqa: S608 -- a constant

    async def first(*event_ids: str) -> set[str]:
        rows = await postgres.fetch(statement, list(event_ids))
        assert len({row["event_id"] for row in rows}) == len(rows)
        return {row["event_id"] for row in rows}

    assert await first(events[0], events[1], events[0]) == set(events[:2])
    assert await first(*events) == {events[2]}


async def test_the_inbox_forgets_what_no_bus_delivers_any_more(postgres: Postgres) -> None:
    await postgres.fetch(
        "INSERT INTO inbox (event_id, at) SELECT gen_random_uuid(), now() - interval '9 days'"
        " FROM generate_series(1, 3)"
    )

    async def work(connection: Connection) -> bool:
        return await inbox.first_time(connection, str(uuid.uuid4()))

    for _ in range(2):
        assert await postgres.transact(work)
    assert await postgres.fetchval("SELECT count(*) FROM inbox") == 2


async def test_many_events_at_once_take_as_many_old_ones_with_them_as_each_by_itself(postgres: Postgres) -> None:
    await postgres.fetch(
        "INSERT INTO inbox (event_id, at) SELECT gen_random_uuid(), now() - interval '9 days'"
        " FROM generate_series(1, 5)"
    )
    await postgres.fetch(f"WITH {inbox.FIRSTS} SELECT FROM first", [str(uuid.uuid4()), str(uuid.uuid4())])
    assert await postgres.fetchval("SELECT count(*) FROM inbox") == 5 - 4 + 2
