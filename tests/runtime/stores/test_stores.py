from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import nats
import psutil
import pytest
import redis.asyncio

from harness.clock import SystemClock
from harness.errors import DeployError, ProvisionError
from harness.faults.edge_limit import WATCHED_BYTES
from harness.model.process import Process
from harness.model.system import Store, StoreKind
from harness.proxy.probe import Outcome, Question, probe
from harness.runtime.leftovers import remove_directory
from harness.runtime.ports import PortPool
from harness.runtime.stores import STORES, StoreDriver, StorePlan, locate
from harness.runtime.stores.postgres import Postgres
from harness.runtime.supervisor_client import Supervisor, base_environment
from tests.runtime.fakes import NATS, POSTGRES, REDIS

SYSTEM_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
DECLARED = {"postgres": POSTGRES, "redis": REDIS, "bus": NATS}
VARIABLES = {
    StoreKind.POSTGRES: "HARNESS_POSTGRES_BIN",
    StoreKind.REDIS: "HARNESS_VALKEY",
    StoreKind.NATS: "HARNESS_NATS",
}


class Running:
    """A store that a test has started, through a port that is held all the time."""

    def __init__(self, name: str, store: Store, root: Path, pool: PortPool, environ: Mapping[str, str]) -> None:
        self.port = pool.take()
        self.directory = root / "data" / name
        self.log = root / f"{name}-1.log"
        plan = StorePlan(
            name=name, store=store, port=self.port, directory=self.directory, log=self.log, env=base_environment()
        )
        driver = STORES[store.kind]
        self.driver: StoreDriver = driver.plan(plan, driver.find(environ))

    async def start(self, supervisor: Supervisor) -> Process:
        process = await supervisor.spawn(self.driver.spec())
        async with asyncio.timeout(20):
            while lacking := await self.driver.ready():
                assert process.returncode is None, (lacking, self.log.read_text())
                await asyncio.sleep(0.02)
        return process

    def url(self, service: str) -> str:
        return self.driver.url(service, self.port)


async def write_and_read(kind: StoreKind, url: str, word: str | None) -> str:
    """Write a word when one is given, and read what stands there."""
    match kind:
        case StoreKind.POSTGRES:
            connection = await asyncpg.connect(url)
            await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
            if word is not None:
                await connection.execute("INSERT INTO words VALUES ($1)", word)
            found = await connection.fetchval("SELECT word FROM words")
            await connection.close()
            return str(found)
        case StoreKind.REDIS:
            client = redis.asyncio.Redis.from_url(url)
            if word is not None:
                await client.set("word", word)
            found = await client.get("word")
            await client.aclose()
            assert isinstance(found, bytes)
            return found.decode()
        case StoreKind.NATS:
            bus = await nats.connect(url, connect_timeout=2)
            stream = bus.jetstream()
            if word is not None:
                await stream.create_key_value(bucket="words")
                await (await stream.key_value("words")).put("word", word.encode())
            entry = await (await stream.key_value("words")).get("word")
            await bus.close()
            assert isinstance(entry.value, bytes)
            return entry.value.decode()
        case StoreKind.TCP:
            raise AssertionError(kind)  # not one that the harness runs by itself


@pytest.mark.loopback
@pytest.mark.parametrize("name", DECLARED)
async def test_a_paused_store_is_not_ready_and_a_killed_one_keeps_what_it_acknowledged(
    name: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    with PortPool() as pool:
        store = Running(name, DECLARED[name], tmp_path, pool, os.environ)
        assert await store.driver.ready() is not None
        await store.driver.prepare(supervisor)
        process = await store.start(supervisor)
        kind = DECLARED[name].kind
        assert await write_and_read(kind, store.url("back"), "kept") == "kept"
        await process.signal(signal.SIGSTOP)
        assert "no answer in time" in (await store.driver.ready() or "")
        await process.signal(signal.SIGCONT)
        assert await store.driver.ready() is None
        await process.signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        assert "refused" in (await store.driver.ready() or "").lower()
        process = await store.start(supervisor)
        assert await write_and_read(kind, store.url("back"), None) == "kept"
        await process.stop(0)


@pytest.mark.loopback
@pytest.mark.parametrize("name", DECLARED)
async def test_a_store_can_be_asked_for_more_bytes_than_any_truncation_passes(
    name: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    with PortPool() as pool:
        store = Running(name, DECLARED[name], tmp_path, pool, os.environ)
        await store.driver.prepare(supervisor)
        process = await store.start(supervisor)
        for beyond in (0, 1, 100, WATCHED_BYTES):
            seen = await probe(
                store.port, DECLARED[name].kind, Question(within_s=5, beyond_bytes=beyond), clock=SystemClock()
            )
            assert seen.outcome is Outcome.ANSWERED, seen
            assert seen.bytes > beyond
        await process.stop(0)


@pytest.mark.loopback
async def test_no_role_enters_another_database_and_no_password_is_guessed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with PortPool() as pool:
        store = Running("postgres", POSTGRES, tmp_path, pool, os.environ)
        await store.driver.prepare(supervisor)
        process = await store.start(supervisor)
        own = urlsplit(store.url("back"))
        for database in ("front", "postgres", "template1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(own._replace(path=f"/{database}").geturl())
        for user in ("back", "harness"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(own._replace(netloc=f"{user}:guess@127.0.0.1:{store.port}").geturl())
        administrator = await asyncpg.connect(store.url("harness"))
        assert await administrator.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = 'back'") is False
        await administrator.close()
        assert not any(str(own.password) in path.read_text() for path in store.directory.glob("*") if path.is_file())
        await process.stop(0)


@pytest.mark.loopback
async def test_postgres_runs_where_only_its_owner_may_enter_and_leaves_no_shared_memory(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with PortPool() as pool:
        store = Running("postgres", POSTGRES, closed, pool, os.environ)
        await store.driver.prepare(supervisor)
        process = await store.start(supervisor)
        assert psutil.Process(process.pid).uids().real != 0
        await process.signal(signal.SIGKILL)
        await process.wait()

    def segments() -> list[str]:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        return [line.split()[1] for line in lines]

    left = (store.directory / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1]
    assert left in segments()
    remove_directory(str(store.directory))
    assert left not in segments()
    assert not store.directory.exists()


@pytest.mark.loopback
@pytest.mark.skipif(not SYSTEM_POSTGRES, reason="no PostgreSQL of the system's own here")
async def test_the_systems_own_postgres_serves_as_well(supervisor: Supervisor, tmp_path: Path) -> None:
    with PortPool() as pool:
        store = Running("postgres", POSTGRES, tmp_path, pool, {"HARNESS_POSTGRES_BIN": str(SYSTEM_POSTGRES[0])})
        await store.driver.prepare(supervisor)
        process = await store.start(supervisor)
        assert await write_and_read(StoreKind.POSTGRES, store.url("back"), "kept") == "kept"
        await process.stop(0)


@pytest.mark.loopback
async def test_a_postgres_that_can_not_be_laid_out_is_told_with_its_last_lines(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with PortPool() as pool:
        twice = POSTGRES.model_copy(update={"databases": ("back", "back")})
        store = Running("postgres", twice, tmp_path, pool, os.environ)
        with pytest.raises(
            DeployError, match=r"provisioning of PostgreSQL .* ended with code 1; last lines"
        ) as refused:
            await store.driver.prepare(supervisor)
        assert 'role "back" already exists' in str(refused.value)
        assert "PASSWORD" not in store.log.read_text()


@pytest.mark.parametrize("kind", VARIABLES)
def test_each_store_is_found_with_its_version(kind: StoreKind) -> None:
    found = locate(kind.value, environ=os.environ)
    assert found.path.exists()
    assert found.version[0].isdigit()


@pytest.mark.parametrize("kind", VARIABLES)
def test_an_override_that_can_not_be_run_is_refused(kind: StoreKind, tmp_path: Path) -> None:
    variable = VARIABLES[kind]
    with pytest.raises(ProvisionError, match=rf"{variable}={tmp_path}: expected .*; correct or unset {variable}"):
        locate(kind.value, environ={variable: str(tmp_path)})


def test_before_version_15_a_database_is_made_without_a_strategy(tmp_path: Path) -> None:
    with PortPool() as pool:
        driver = Running("postgres", POSTGRES, tmp_path, pool, os.environ).driver
        assert isinstance(driver, Postgres)
        assert not any("STRATEGY" in statement for statement in driver.statements(14))
        assert any("STRATEGY" in statement for statement in driver.statements(15))
