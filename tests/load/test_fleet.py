"""Several real generators behind one driver."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clock import SystemClock
from harness.errors import LoadError
from harness.load.driver import LoadDriver, LoadPlan
from harness.load.fleet import FleetPlan, start_fleet
from harness.model import figures
from harness.model.declared import DegradedMark
from harness.model.load_profile import LoadPhase, LoadProfile
from harness.model.observation import Outcome
from tests.load.conftest import Site
from tests.load.watch import Watch

if TYPE_CHECKING:
    from tests.load.conftest import OwnSpawner

pytestmark = pytest.mark.loopback

JOURNEYS = Path(__file__).parent / "locustfiles" / "journeys.py"
NUMBERED = Path(__file__).parent / "locustfiles" / "numbered.py"
SEED = 7
CLOCK = SystemClock()
WAIT_S = 30
POOL = 3000
"""So that nothing is dropped, however long a busy machine makes it wait: all that are due are counted."""


class Bench:
    def __init__(self, site: Site, spawner: OwnSpawner, directory: Path) -> None:
        self.site = site
        self.spawner = spawner
        self.directory = directory
        self.watch = Watch(wait_s=WAIT_S)
        self.began = CLOCK.now()

    async def start(self, *journeys: str, workers: int, start: bool = True, locustfile: Path = JOURNEYS) -> LoadDriver:
        return await start_fleet(
            LoadPlan(
                locustfile=locustfile,
                hosts=(self.site.url,),
                journeys=journeys,
                deadlines=dict.fromkeys(journeys, 5.0),
                degraded=DegradedMark(header="X-Degraded"),
                seed=SEED,
                pool=POOL,
            ),
            FleetPlan(workers=workers, start=start),
            spawner=self.spawner,
            directory=self.directory,
            clock=CLOCK,
            run_began=self.began,
            on_observed=self.watch,
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
        names = {each.worker for each in self.watch.joined} - {each.worker for each in self.watch.lost}
        await self.watch.until(
            lambda: all(
                any(row.worker == name and row.second >= last for row in self.watch.generator) for name in names
            )
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


def keys(count: int) -> set[str]:
    """What the customers of the first so many arrivals draw first, whoever drives them."""
    return {str(random.Random(f"{SEED}:{number}").getrandbits(64)) for number in range(count)}  # noqa: S311 -- a replay


@pytest.mark.parametrize("workers", [1, 3])
async def test_the_same_seed_gives_the_same_journeys_whatever_the_number_of_workers(bench: Bench, workers: int) -> None:
    driver = await bench.start("numbered", workers=workers, locustfile=NUMBERED)
    try:
        await driver.drive(rate=150, weights={"numbered": 1})
        await bench.site.until(100)
        await driver.drive(rate=30, weights={"numbered": 1})
        await bench.site.until(130)
        await driver.drive(rate=120, weights={"numbered": 1})
        await bench.site.until(250)
        assert await driver.quiesce(10) == 0
        operations = driver.operations()
    finally:
        await driver.stop()
    found = [operation.key for operation in operations]
    assert len(set(found)) == len(found)
    assert set(found) == keys(len(found))


async def test_a_profile_is_followed_by_all_at_once_and_what_a_lost_worker_leaves_of_it_is_counted(
    bench: Bench,
) -> None:
    watch = bench.watch
    evenly = LoadProfile(
        name="even",
        weights={"numbered": 1.0},
        phases=(LoadPhase(name="only", length_s=6.0, start_rate=40.0, end_rate=40.0),),
        arrivals="constant",
    )
    driver = await bench.start("numbered", workers=2, locustfile=NUMBERED)
    try:
        began = CLOCK.now() - bench.began + 0.2
        await driver.follow(evenly, began=began)
        await watch.until(lambda: len({row.worker for row in watch.generator if row.started}) == 2)
        os.kill(watch.joined[0].pid, signal.SIGKILL)
        await watch.until(lambda: max(row.second for row in watch.generator) > began + 7)
    finally:
        await driver.stop()
    assert sum(row.due for row in watch.generator) == 240
    assert sum(row.lost for row in watch.generator) > 40
    assert all(row.due == row.started + row.dropped + row.lost for row in watch.generator)


async def test_a_killed_worker_is_told_at_once_and_what_it_does_not_drive_is_counted(bench: Bench) -> None:
    watch = bench.watch
    async with bench.driving("command", workers=2, rate=80) as driver:
        await watch.until(lambda: len({row.worker for row in watch.generator if row.started}) == 2)
        victim = next(each for each in watch.joined if each.worker == "2")
        os.kill(victim.pid, signal.SIGKILL)
        killed = CLOCK.now()
        await watch.until(lambda: bool(watch.lost))
        noticed_s = CLOCK.now() - killed
        await watch.until(lambda: sum(row.lost for row in watch.generator) > 80)
        assert driver.alive
        await bench.told(driver)
        last = max(row.second for row in watch.generator)
        await watch.until(lambda: max(row.second for row in watch.generator) > last + 1)
        operations = driver.operations()
    (lost,) = watch.lost
    assert (lost.worker, lost.why, lost.left, lost.history_whole) == ("2", "its process was ended by SIGKILL", 1, True)
    assert noticed_s < 3
    assert all(row.due == row.started + row.dropped + row.lost for row in watch.generator)
    due = Counter[str]()
    for row in watch.generator:
        due[row.worker] += row.due
    assert abs(due["1"] - due["2"]) <= 1  # every other arrival was its own, whether it was driven or not
    assert not any(row.started for row in watch.generator if row.worker == "2" and row.second >= lost.told_until)
    assert {operation.op.partition(":")[0] for operation in operations} == {"1", "2"}


async def test_a_killed_master_takes_its_workers_along(bench: Bench) -> None:
    async with bench.driving("good", workers=2, rate=20) as driver:
        await bench.site.until(10)
        master, *workers = bench.spawner.started
        os.kill(master.pid, signal.SIGKILL)
        async with asyncio.timeout(WAIT_S):
            for worker in workers:
                await worker.wait()
        with pytest.raises(LoadError, match="it died"):
            await driver.flush()
    assert bench.watch.lost == []


async def test_the_last_worker_that_dies_ends_the_load(bench: Bench) -> None:
    async with bench.driving("good", workers=1, rate=20) as driver:
        await bench.site.until(10)
        os.kill(bench.watch.joined[0].pid, signal.SIGKILL)
        async with asyncio.timeout(WAIT_S):
            await bench.spawner.started[0].wait()
        with pytest.raises(LoadError, match="no worker is left"):
            await driver.flush()
    assert [each.left for each in bench.watch.lost] == [0]


async def test_a_locustfile_that_no_worker_can_load_is_refused_with_its_reason(bench: Bench) -> None:
    with pytest.raises(LoadError, match="expected a task 'absent' for the journey 'absent'"):
        await bench.start("absent", workers=2)
    assert all(process.returncode is not None for process in bench.spawner.started)


@pytest.fixture
async def guests(tmp_path: Path) -> AsyncIterator[Callable[[int | None], Awaitable[asyncio.subprocess.Process]]]:
    """Workers that nobody started for the master, in a directory of their own."""
    started = []

    async def join(port: int | None) -> asyncio.subprocess.Process:
        started.append(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from harness.cli import main; main()"),
                *("load", "worker", "--join", f"127.0.0.1:{port}"),
                cwd=tmp_path,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        return started[-1]

    yield join
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_workers_that_join_get_the_locustfile_and_send_their_histories(
    bench: Bench, guests: Callable[[int | None], Awaitable[asyncio.subprocess.Process]]
) -> None:
    watch = bench.watch
    starting = asyncio.create_task(bench.start("command", workers=2, start=False))
    await watch.until(lambda: watch.port is not None)
    joined = [await guests(watch.port), await guests(watch.port)]
    driver = await asyncio.wait_for(starting, WAIT_S)
    try:
        late = await guests(watch.port)
        _, said = await asyncio.wait_for(late.communicate(), WAIT_S)
        assert late.returncode == 2
        assert "is one too many: all 2 are there" in said.decode()
        await driver.drive(rate=100, weights={"command": 1})
        await bench.site.until(150)
        await bench.told(driver)
        operations = driver.operations()
        assert sum(each.requests for each in await driver.totals()) == sum(each.count for each in watch.answers)
        assert len(operations) == sum(each.count for each in watch.journeys) == bench.site.requests.total()
        assert {operation.outcome for operation in operations} == {Outcome.OK}
        assert {operation.op.partition(":")[0] for operation in operations} == {"1", "2"}
        await driver.drive(rate=50, weights={"command": 1})
        joined[0].send_signal(signal.SIGSTOP)
        await watch.until(lambda: bool(watch.lost))
        assert (watch.lost[0].left, watch.lost[0].history_whole) == (1, False)
        assert "it was silent for more than 3 s" in watch.lost[0].why
    finally:
        await driver.stop()
    joined[0].send_signal(signal.SIGCONT)
    assert await asyncio.wait_for(joined[1].wait(), WAIT_S) == 0


async def test_a_worker_elsewhere_ends_when_its_master_is_killed(
    bench: Bench, guests: Callable[[int | None], Awaitable[asyncio.subprocess.Process]]
) -> None:
    starting = asyncio.create_task(bench.start("good", workers=1, start=False))
    await bench.watch.until(lambda: bench.watch.port is not None)
    guest = await guests(bench.watch.port)
    driver = await asyncio.wait_for(starting, WAIT_S)
    os.kill(bench.spawner.started[0].pid, signal.SIGKILL)
    _, said = await asyncio.wait_for(guest.communicate(), WAIT_S)
    assert guest.returncode == 2
    assert "no word from the master for 15 s; this worker ends" in said.decode()
    await driver.stop()
