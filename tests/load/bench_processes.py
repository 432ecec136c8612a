"""What a second generator brings, told as a ratio: `pytest -s tests/load/bench_processes.py`.

A server that costs next to nothing, an offer that no generator can drive, and what one and two of them get done.
Two ratios: of what was driven in all, which the cores of the machine bound (the server and the master need some too),
and of what was driven for a second of a generator's CPU, which says what sharing itself costs.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.load.driver import LoadPlan
from harness.load.fleet import FleetPlan, start_fleet
from harness.model.declared import DegradedMark
from harness.model.process import ProcessSpec
from tests.fakes import run_locally
from tests.load.conftest import OwnSpawner
from tests.load.test_fleet import JOURNEYS
from tests.load.watch import Watch

pytestmark = pytest.mark.loopback

CLOCK = SystemClock()
OFFERED = 5_000
"""Journeys a second and generator: more than one can drive."""

SECONDS = 8
ROUNDS = 3
LIMIT_S = 60
LEAST_OF_CPU = 0.9
"""What a second of CPU drives with two generators, of what it drives with one: linear to within 10 %."""

SERVER = """
import asyncio, sys
ANSWER = b'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: 7\\r\\n\\r\\n{"a":1}'
class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(ANSWER * data.count(b'\\r\\n\\r\\n'))
async def main():
    server = await asyncio.get_running_loop().create_server(Answering, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """Of the whole seconds in the middle."""

    per_second: float
    cpu_share: float
    """Of all generators together, in cores."""

    @property
    def per_cpu_second(self) -> float:
        return self.per_second / self.cpu_share


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    log = tmp_path / "server.log"
    process = await run_locally(
        ProcessSpec(name="server", command=(sys.executable, "-c", SERVER), log=str(log), env=dict(os.environ))
    )
    async with asyncio.timeout(LIMIT_S):
        while not log.read_text().endswith("\n"):  # noqa: ASYNC110 -- a file tells nobody that it grew
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{log.read_text().strip()}"
    await process.stop()


async def driven(workers: int, server: str, spawner: OwnSpawner, directory: Path) -> Driven:
    watch = Watch(wait_s=LIMIT_S)
    driver = await start_fleet(
        LoadPlan(
            locustfile=JOURNEYS,
            hosts=(server,),
            journeys=("good",),
            deadlines={"good": 5.0},
            degraded=DegradedMark(header="X-Degraded"),
            seed=1,
            pool=50 * workers,
        ),
        FleetPlan(workers=workers),
        spawner=spawner,
        directory=directory,
        clock=CLOCK,
        run_began=CLOCK.now(),
        on_observed=watch,
        on_told=watch.tell,
    )
    try:
        await driver.drive(rate=OFFERED * workers, weights={"good": 1})
        names = {str(number + 1) for number in range(workers)}

        def told(name: str) -> int:
            return sum(1 for row in watch.generator if row.worker == name)

        async with asyncio.timeout(LIMIT_S):
            await watch.until(lambda: min(told(name) for name in names) >= SECONDS + 2)
        await driver.quiesce(10)
        await driver.flush()
    finally:
        await driver.stop()
    first = min(row.second for row in watch.generator) + 2
    middle = range(first, first + SECONDS - 2)
    return Driven(
        per_second=sum(each.count for each in watch.answers if each.second in middle) / len(middle),
        cpu_share=sum(row.cpu_share for row in watch.generator if row.second in middle) / len(middle),
    )


async def test_two_generators_drive_twice_as_much_for_twice_the_cpu(
    server: str, spawner: OwnSpawner, tmp_path: Path
) -> None:
    found: dict[int, list[Driven]] = {1: [], 2: []}
    for turn in range(ROUNDS):
        for workers in (1, 2):
            found[workers].append(await driven(workers, server, spawner, tmp_path / f"{turn}-{workers}"))
    rate, cpu = (
        {workers: statistics.median(getattr(each, figure) for each in all_) for workers, all_ in found.items()}
        for figure in ("per_second", "per_cpu_second")
    )
    cores = {workers: statistics.median(each.cpu_share for each in all_) for workers, all_ in found.items()}
    sys.stdout.write(
        f"\n1 generator: {rate[1]:.0f} journeys/s with {cores[1]:.2f} cores; "
        f"2 generators: {rate[2]:.0f} with {cores[2]:.2f} of {os.cpu_count()} cores\n"
        f"in all: {rate[2] / rate[1]:.2f} times; for a second of CPU: {cpu[2] / cpu[1]:.2f} of one generator's "
        f"({1e6 / cpu[1]:.0f} and {1e6 / cpu[2]:.0f} us a journey)\n"
    )
    assert cpu[2] / cpu[1] >= LEAST_OF_CPU
