from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kit import postgres as postgreses
from kit.breaker import State
from kit.postgres import CONNECTIONS, Postgres
from kit.trouble import Unavailable

from tests.targets.stores import Stores, postgres_of, running_stores

pytestmark = pytest.mark.loopback
SCHEMA = "CREATE TABLE IF NOT EXISTS things (name text PRIMARY KEY)"


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with running_stores(tmp_path / "stores", postgres_of("tests")) as stores:
        yield stores


async def unavailable(postgres: Postgres, sql: str) -> bool:
    try:
        await postgres.fetch(sql)
    except Unavailable:
        return True
    return False


async def test_work_that_waited_in_vain_for_a_connection_does_not_speak_against_the_store(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres = await stores.postgres("tests", SCHEMA)
    monkeypatch.setattr(postgreses, "LIMIT_S", 10.0)
    busy = [asyncio.create_task(postgres.fetch("SELECT pg_sleep(1)")) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0)
    monkeypatch.setattr(postgreses, "LIMIT_S", 0.3)
    assert all(await asyncio.gather(*(unavailable(postgres, "SELECT 1") for _ in range(20))))
    assert postgres.health()["breaker"] is State.CLOSED
    await asyncio.gather(*busy)
    await postgres.close()


async def test_a_store_that_gives_no_answer_opens_the_breaker(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = await stores.postgres("tests", SCHEMA)
    monkeypatch.setattr(postgreses, "LIMIT_S", 0.3)
    slow = [unavailable(postgres, "SELECT pg_sleep(1.2)") for _ in range(CONNECTIONS)]
    assert all(await asyncio.gather(*slow))
    assert postgres.health()["breaker"] is not State.CLOSED
    await postgres.close()
