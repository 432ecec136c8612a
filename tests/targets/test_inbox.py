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
