"""Several generators that are driven as one: Locust's master, and its workers here or elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from harness.clock import Clock
from harness.errors import LoadError
from harness.load.driver import LoadDriver, LoadPlan, Told, begin_of
from harness.load.launch import (
    MASTER,
    START_LIMIT_S,
    STOP_GRACE_S,
    last_lines,
    launch,
    launch_worker,
    look_at,
    worker_log,
)
from harness.load.wire import Gather
from harness.model.load_events import Noted, Observed
from harness.model.process import Process, Spawner

LOOPBACK = "127.0.0.1"

JOIN_LIMIT_S = 600.0
"""How long workers on other machines are waited for."""

WORKERS_LIMIT = 256
"""Each draws the arrivals of all, so there is no end to what many of them waste."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """How many generators, and where."""

    workers: int
    start: bool = True
    """They are started here; else they are waited for: `harness load worker --join`."""
    address: str = LOOPBACK
    """Where the master listens. Whoever reaches another address than this machine's own may join, and is believed."""
    port: int = 0
    """0 is any."""


async def start_fleet(  # noqa: PLR0913 -- what a run lends to its parts
    plan: LoadPlan,
    fleet: FleetPlan,
    *,
    spawner: Spawner,
    directory: Path,
    clock: Clock,
    run_began: float,
    on_observed: Callable[[Observed], None],
    on_told: Callable[[Told], None],
) -> LoadDriver:
    """Several generators, to be driven as one; returns when all have loaded and nothing is sent yet.

    Args:
        plan: what to load; its pool is that of all together.
        fleet: how many generators, and where.
        spawner: starts the processes on this machine.
        directory: where histories and logs are written, one of each for a generator.
        clock: waits for them.
        run_began: see `LoadDriver.start`.
        on_observed: see `LoadDriver.start`; each generator tells of its own part of a second.
        on_told: called in the event loop when a generator has joined or is lost, and with what else a reader must know.

    Raises:
        LoadError: if the plan can't be used, or a generator can't be had.
    """
    if not 1 <= fleet.workers <= WORKERS_LIMIT:
        message = f"expected 1 to {WORKERS_LIMIT} generators, found {fleet.workers}"
        raise LoadError(message)
    if plan.locustfile is not None:
        look_at(plan.locustfile)
    process, connection = await launch(spawner, directory, module=MASTER)
    driver = LoadDriver(
        plan, directory, process=process, connection=connection, on_observed=on_observed, on_told=on_told
    )
    crew = _Crew(driver, process, directory)
    driver.accompany(crew)
    try:
        await driver.open(
            Gather(
                begin=begin_of(plan, directory, run_began),
                workers=fleet.workers,
                address=fleet.address,
                port=fleet.port,
            )
        )
        port = await driver.listening(clock)
        for message in _warnings(fleet, port):
            on_told(Noted(t=clock.now() - run_began, message=message, figures={"port": port}))
        if fleet.start:
            await crew.start(spawner, port, fleet.workers)
        await crew.while_they_start(driver.ready(clock, START_LIMIT_S if fleet.start else JOIN_LIMIT_S))
    except BaseException:
        await driver.stop()
        raise
    return driver


def _warnings(fleet: FleetPlan, port: int) -> list[str]:
    told = []
    if not fleet.start:
        told.append(
            f"waiting up to {JOIN_LIMIT_S:g} s for {fleet.workers} generators at {fleet.address}:{port}: "
            f"harness load worker --join HOST:{port}"
        )
    if fleet.address != LOOPBACK:
        told.append(f"whoever reaches {fleet.address}:{port} may join as a generator, and is believed")
    return told


class _Crew:
    """The workers that were started here: none outlives the master, and the master hears of each that ends."""

    def __init__(self, driver: LoadDriver, master: Process, directory: Path) -> None:
        self._driver = driver
        self._master = master
        self._directory = directory
        self._processes: dict[str, Process] = {}
        self._watching: list[asyncio.Task[None]] = []
        self._dismissed = False
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._at_work = False

    async def start(self, spawner: Spawner, port: int, workers: int) -> None:
        """Start so many; raises LoadError."""
        self._watching.append(asyncio.create_task(self._end_with_master(), name="load master"))
        for number in range(1, workers + 1):
            name = str(number)
            self._processes[name] = await launch_worker(spawner, self._directory, port=port, name=name)
            self._watching.append(asyncio.create_task(self._watch(name), name=f"load generator {name}"))

    async def while_they_start(self, ready: Coroutine[None, None, None]) -> None:
        """Wait for all to be ready; raises LoadError when that can't be, at once when one has ended."""
        waiting = asyncio.create_task(ready)
        try:
            await asyncio.wait({waiting, self._failed}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                self._failed.result()
            await waiting
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        self._at_work = True

    def dismiss(self) -> None:
        """See `harness.load.driver.Crew`."""
        self._dismissed = True

    async def stop(self) -> None:
        """See `harness.load.driver.Crew`."""
        self._dismissed = True
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await asyncio.gather(*(process.stop(STOP_GRACE_S) for process in self._processes.values()))
        if self._failed.done():
            self._failed.exception()

    async def _watch(self, name: str) -> None:
        code = await self._processes[name].wait()
        if self._dismissed:
            return
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        if not self._at_work:
            if not self._failed.done():
                log = last_lines(self._directory, worker_log(name))
                self._failed.set_exception(LoadError(f"the load generator {name} {how} while it started{log}"))
            return
        with contextlib.suppress(LoadError):  # a master that is gone need not hear of it
            await self._driver.gone(name, f"its process {how}")

    async def _end_with_master(self) -> None:
        await self._master.wait()
        await asyncio.gather(*(process.stop(STOP_GRACE_S) for process in self._processes.values()))
