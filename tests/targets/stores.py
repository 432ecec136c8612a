"""Real stores without any service, for tests of what a service does with them; to be killed and started at will."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kit.cache import ASIDE_LIMIT_S, Cache
from kit.postgres import Postgres

from harness.model.process import Process
from harness.model.system import Store, StoreKind
from harness.runtime.leftovers import remove_directory
from harness.runtime.ports import PortPool
from harness.runtime.stores import STORES, StorePlan
from harness.runtime.supervisor_client import Supervisor, base_environment

READY_WITHIN_S = 20.0
POLL_S = 0.02


class Stores:
    """Some stores that run."""

    def __init__(self, root: Path, supervisor: Supervisor, pool: PortPool) -> None:
        self._root = root
        self._supervisor = supervisor
        self._pool = pool
        self._planned: dict[StoreKind, tuple[StorePlan, Process]] = {}

    async def add(self, store: Store) -> None:
        """Lay out a store and start it."""
        name = store.kind.value
        plan = StorePlan(
            name=name,
            store=store,
            port=self._pool.take(),
            directory=self._root / "data" / name,
            log=self._root / f"{name}.log",
            env=base_environment(),
        )
        driver = STORES[store.kind]
        await driver.plan(plan, driver.find(os.environ)).prepare(self._supervisor)
        await self._run(plan)

    async def kill(self, kind: StoreKind) -> None:
        """SIGKILL; what listened there refuses from now on."""
        _, process = self._planned[kind]
        await process.signal(signal.SIGKILL)
        await process.wait()

    async def start(self, kind: StoreKind) -> None:
        """Start it again, with what it has kept."""
        await self._run(self._planned[kind][0])

    async def pause(self, kind: StoreKind) -> None:
        """It answers nothing, and refuses nothing either, until `resume`."""
        await self._planned[kind][1].signal(signal.SIGSTOP)

    async def resume(self, kind: StoreKind) -> None:
        """Go on after a pause."""
        await self._planned[kind][1].signal(signal.SIGCONT)

    def url(self, kind: StoreKind, service: str = "") -> str:
        """Where a service finds it."""
        plan, _ = self._planned[kind]
        driver = STORES[kind]
        return driver.plan(plan, driver.find(os.environ)).url(service, plan.port)

    def cache(self, limit_s: float = ASIDE_LIMIT_S) -> Cache:
        """A service's cache in this Redis."""
        return Cache(self.url(StoreKind.REDIS), limit_s)

    async def postgres(self, service: str, schema: str) -> Postgres:
        """A service's own database in this PostgreSQL, with its tables."""
        postgres = Postgres(self.url(StoreKind.POSTGRES, service), schema)
        await postgres.prepare()
        return postgres

    async def _run(self, plan: StorePlan) -> None:
        driver = STORES[plan.store.kind]
        planned = driver.plan(plan, driver.find(os.environ))
        process = await self._supervisor.spawn(planned.spec())
        self._planned[plan.store.kind] = plan, process
        async with asyncio.timeout(READY_WITHIN_S):
            while lacking := await planned.ready():
                assert process.returncode is None, (lacking, plan.log.read_text())
                await asyncio.sleep(POLL_S)


@asynccontextmanager
async def running_stores(root: Path, *stores: Store) -> AsyncIterator[Stores]:
    """These stores, up while the body runs."""
    supervisor = await Supervisor.start(root / "runs" / "this")
    try:
        with PortPool() as pool:
            running = Stores(root, supervisor, pool)
            for store in stores:
                await running.add(store)
            yield running
    finally:
        await supervisor.close()
        remove_directory(str(root))


REDIS = Store(kind=StoreKind.REDIS)


def postgres_of(*services: str) -> Store:
    """A PostgreSQL with the databases of these services."""
    return Store(kind=StoreKind.POSTGRES, databases=services)
