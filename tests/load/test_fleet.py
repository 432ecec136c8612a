"""Several real generators behind one driver."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clock import SystemClock
from harness.errors import LoadError
from harness.load.driver import LoadDriver, LoadPlan, Told
from harness.load.fleet import FleetPlan, start_fleet
from harness.model import figures
from harness.model.events import Noted, Observed, WorkerJoined, WorkerLost
from harness.model.observation import AnswerSecond, GeneratorSecond, JourneySecond, Outcome
from harness.model.system import DegradedMark
from tests.load.conftest import Site

if TYPE_CHECKING:
    from tests.load.conftest import OwnSpawner

pytestmark = pytest.mark.loopback

JOURNEYS = Path(__file__).parent / "locustfiles" / "journeys.py"
CLOCK = SystemClock()
WAIT_S = 30


class Watch:
    """Keeps what the driver hands on, and waits for more of it."""

    def __init__(self) -> None:
        self.journeys: list[JourneySecond] = []
        self.answers: list[AnswerSecond] = []
        self.generator: list[GeneratorSecond] = []
        self.told: list[Told] = []
        self._news = asyncio.Event()

    def observed(self, observed: Observed) -> None:
        self.journeys += observed.journeys
        self.answers += observed.answers
        self.generator += observed.generator
        self._news.set()

    def tell(self, told: Told) -> None:
        self.told.append(told)
        self._news.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough():
                self._news.clear()
                await self._news.wait()

    def all_of(self, kind: type[Told]) -> list[Told]:
        return [each for each in self.told if isinstance(each, kind)]


class Bench:
    def __init__(self, site: Site, spawner: OwnSpawner, directory: Path) -> None:
        self.site = site
        self.spawner = spawner
        self.directory = directory
        self.watch = Watch()

    async def start(self, *journeys: str, workers: int, fleet: FleetPlan | None = None) -> LoadDriver:
        return await start_fleet(
            LoadPlan(
                locustfile=JOURNEYS,
                hosts=(self.site.url,),
                journeys=journeys,
                deadlines=dict.fromkeys(journeys, 5.0),
                degraded=DegradedMark(header="X-Degraded"),
                seed=7,
            ),
            fleet or FleetPlan(workers=workers),
            spawner=self.spawner,
            directory=self.directory,
            clock=CLOCK,
            run_began=CLOCK.now(),
            on_observed=self.watch.observed,
            on_told=self.watch.tell,
        )

    @asynccontextmanager
    async def driving(self, *journeys: str, workers: int, rate: float) -> AsyncIterator[LoadDriver]:
        driver = await self.start(*journeys, workers=workers)
        try:
            await driver.drive(rate=rate, weights=dict.fromkeys(journeys, 1.0))
            yield driver
        finally:
            await driver.stop()

    async def told(self, driver: LoadDriver) -> None:
        """Wait until nothing is in flight, and all of it has been told by everybody."""
        assert await driver.quiesce(10) == 0
        await driver.flush()
        last = max(each.second for each in self.watch.journeys)
        names = {each.worker for each in self.watch.all_of(WorkerJoined) if isinstance(each, WorkerJoined)}
        await self.watch.until(
            lambda: all(any(row.worker == name and row.second >= last for row in self.watch.generator) for name in names)
        )


@pytest.fixture
def bench(site: Site, spawner: OwnSpawner, tmp_path: Path) -> Bench:
    return Bench(site, spawner, tmp_path / "load")


@pytest.mark.parametrize("workers", [1, 2, 3])
async def test_what_all_workers_tell_adds_up_to_locusts_own_totals(bench: Bench, workers: int) -> None:
    watch = bench.watch
    journeys = ("good", "broken", "cut", "command")
    async with bench.driving(*journeys, workers=workers, rate=120) as driver:
        await bench.site.until(240)
        await driver.drive(rate=200, weights={"good": 3, "command": 1})
        await bench.site.until(500)
        await bench.told(driver)
        totals = await driver.totals()
        operations = driver.operations()
    ours: Counter[str] = Counter()
    for each in watch.answers:
        ours[each.request] += each.count
    locusts: Counter[str] = Counter()
    for total in totals:
        locusts[total.name] += total.requests
    assert ours == locusts
    assert ours.total() == bench.site.requests.total() == figures.merged(each.latencies for each in watch.answers).count
    assert ours.total() == sum(each.count for each in watch.journeys) == sum(each.due for each in watch.generator)
    assert sum(each.due for each in watch.generator) == sum(each.started for each in watch.generator)
    assert {each.worker for each in watch.generator} == {str(number + 1) for number in range(workers)}
    commands = sum(each.count for each in watch.journeys if each.journey == "command")
    assert len({operation.op for operation in operations}) == len(operations) == commands
    assert {operation.outcome for operation in operations} == {Outcome.OK}
    assert [operation.start for operation in operations] == sorted(operation.start for operation in operations)
    assert all(process.returncode is not None for process in bench.spawner.started)
