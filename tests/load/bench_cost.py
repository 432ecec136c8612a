"""What a recorded request costs beside one of plain Locust's: `pytest -s tests/load/bench_cost.py`.

Both do the same GET of the same FastHttpUser at the same rate against the same server that costs next to nothing,
in turns. Plain Locust counts it; ours dispatches it when it is due, judges and measures it, and writes its operation
to the history. CPU is that of the generating process, for each request that the server has seen. Ratios of CPU hold
on a busy machine too; how late requests begin does not, so the best of several rounds is told, with the machine's load.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.load.driver import LoadDriver, LoadPlan
from harness.model.declared import DegradedMark
from harness.model.marks import run_marks
from harness.model.process import ProcessSpec
from tests.fakes import LocalProcess, run_locally
from tests.load.conftest import OwnSpawner
from tests.load.watch import Watch

pytestmark = pytest.mark.loopback

CLOCK = SystemClock()
RATE = 400
USERS = 40
WARM_S = 3
SECONDS = 6
ROUNDS = 5
LIMIT_S = 60
MOST_OF_PLAIN = 2.0
LAG_LIMIT_S = {400: 0.020, 1_000: 0.150}
FIRST_MOST_OF_PLAIN = 1.5
LAG_ROUNDS = 4

SERVER = """
import asyncio, json, sys, time
BODY = json.dumps({"sku": "sku-0042", "name": "A lamp for the table", "price_cents": 4990, "stock": {"available": 12},
    "tags": ["lamp", "table", "warm"], "rating": 4.5, "reviews": [{"stars": 5, "words": "bright"}] * 2}).encode()
HEAD = (b'HTTP/1.1 200 OK\\r\\nServer: bench\\r\\nDate: Sat, 31 Jan 2026 13:05:07 GMT\\r\\nContent-Type: '
    b'application/json\\r\\nContent-Length: %d\\r\\n\\r\\n')
ANSWER = HEAD % len(BODY) + BODY
seen = {"served": 0, "first": 0.0}
class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        if data.startswith(b"GET /seen"):
            body = json.dumps(seen).encode()
            self.transport.write(HEAD % len(body) + body)
            return
        if data.startswith(b"GET /forget"):
            seen.update(served=0, first=0.0)
            self.transport.write(HEAD % 0)
            return
        if not seen["served"]:
            seen["first"] = time.monotonic()
        seen["served"] += 1
        self.transport.write(ANSWER)
async def main():
    server = await asyncio.get_running_loop().create_server(Answering, '127.0.0.1', 0, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

PLAIN = f"""
import random
import gevent
from locust import FastHttpUser, constant_pacing, task

class Customer(FastHttpUser):
    wait_time = constant_pacing({USERS / RATE})

    def on_start(self):
        gevent.sleep(random.random() * {USERS / RATE})  # so that not all ask at one moment, which would be cheaper

    @task
    def look(self):
        self.client.get("/products/sku-0042", name="GET /products/{{sku}}")
"""

RECORDED = f"""
from locust import FastHttpUser, constant_pacing, task
from harness.load.journey import operation

class Customer(FastHttpUser):
    wait_time = constant_pacing({USERS / RATE})

    @task
    def look(self):
        with operation("look", "sku-0042") as looking:
            answer = self.client.get("/products/sku-0042", name="GET /products/{{sku}}")
            if answer.status_code == 200:
                looking.ok(status=200)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server knows."""

    served: int
    first: float
    """When its first request came, of CLOCK_MONOTONIC; 0 when none has."""


class Server:
    """The trivial server, in a process of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    async def seen(self) -> Seen:
        return Seen(**json.loads(await self._ask("seen")))

    async def forget(self) -> None:
        await self._ask("forget")

    async def until(self, enough: Callable[[Seen], bool]) -> Seen:
        async with asyncio.timeout(LIMIT_S):
            while not enough(seen := await self.seen()):  # noqa: ASYNC110 -- it is another process
                await asyncio.sleep(0.05)
        return seen

    async def _ask(self, what: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET /{what} HTTP/1.1\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            return await reader.readexactly(int(head.rpartition(b": ")[2]))
        finally:
            writer.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    log = tmp_path / "server.log"
    process = await _run(sys.executable, "-c", SERVER, log=log)
    async with asyncio.timeout(LIMIT_S):
        while not log.read_text().endswith("\n"):  # noqa: ASYNC110 -- a file tells nobody that it grew
            await asyncio.sleep(0.01)
    yield Server(int(log.read_text()))
    await process.stop()


async def _run(*command: str, log: Path) -> LocalProcess:
    return await run_locally(ProcessSpec(name="bench", command=command, log=str(log), env=dict(os.environ)))


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def _cpu_s(pid: int) -> float:
    """Of all threads of a process, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


async def _cost_us(server: Server, pid: int) -> float:
    """Microseconds of CPU for each request, once it has warmed up."""
    began = await server.until(lambda seen: seen.served > WARM_S * RATE)
    cpu_s = _cpu_s(pid)
    await asyncio.sleep(SECONDS)
    ended = await server.seen()
    return (_cpu_s(pid) - cpu_s) / (ended.served - began.served) * 1e6


@asynccontextmanager
async def plain(server: Server, directory: Path) -> AsyncIterator[LocalProcess]:
    """Locust by itself, without anything of ours."""
    locustfile = _written(directory / "plain.py", PLAIN)
    await server.forget()
    process = await _run(
        *(sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--host", server.url),
        *("--users", str(USERS), "--spawn-rate", str(USERS)),
        log=directory / "locust.log",
    )
    try:
        yield process
    finally:
        await process.stop()


@asynccontextmanager
async def recorded(
    server: Server, directory: Path, spawner: OwnSpawner, watch: Watch, *, rate: float = RATE
) -> AsyncIterator[LocalProcess]:
    """Our generator with open arrivals, the run's marks and the history."""
    locustfile = _written(directory / "recorded.py", RECORDED)
    await server.forget()
    driver = await LoadDriver.start(
        LoadPlan(
            locustfile=locustfile,
            hosts=(server.url,),
            journeys=("look",),
            deadlines={"look": 5.0},
            degraded=DegradedMark(header="X-Degraded"),
            seed=1,
            headers=run_marks("bench"),
        ),
        spawner=spawner,
        directory=directory,
        clock=CLOCK,
        run_began=CLOCK.now(),
        on_observed=watch,
    )
    try:
        await driver.drive(rate=rate, weights={"look": 1})
        yield spawner.started[-1]
    finally:
        await driver.stop()


async def test_a_recorded_request_costs_at_most_so_many_plain_ones(
    server: Server, spawner: OwnSpawner, tmp_path: Path
) -> None:
    costs: dict[str, list[float]] = {"plain": [], "recorded": []}
    for turn in range(ROUNDS):
        async with plain(server, tmp_path / f"{turn}") as process:
            costs["plain"].append(await _cost_us(server, process.pid))
        async with recorded(server, tmp_path / f"{turn}", spawner, Watch()) as process:
            costs["recorded"].append(await _cost_us(server, process.pid))
    us = {whose: statistics.median(all_) for whose, all_ in costs.items()}
    ratios = [own / other for own, other in zip(costs["recorded"], costs["plain"], strict=True)]
    ratio = statistics.median(ratios)
    sys.stdout.write(
        f"\nCPU for a request at {RATE}/s: {us['recorded']:.0f} us recorded, {us['plain']:.0f} us with plain Locust; "
        f"{ratio:.2f} times (rounds: {', '.join(f'{each:.2f}' for each in ratios)})\n"
    )
    assert ratio <= MOST_OF_PLAIN


@pytest.mark.parametrize("rate", list(LAG_LIMIT_S))
async def test_one_core_begins_so_many_in_time(server: Server, spawner: OwnSpawner, tmp_path: Path, rate: int) -> None:
    found: list[tuple[float, float, float]] = []
    for turn in range(LAG_ROUNDS):
        watch = Watch()
        async with recorded(server, tmp_path / f"{turn}", spawner, watch, rate=rate) as process:
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
            await server.until(lambda seen: seen.served > (WARM_S + SECONDS) * rate)
        rows = watch.generator[WARM_S:]
        lag_s = statistics.median(row.lag_p99_s for row in rows)
        begun = sum(row.started for row in rows) / len(rows)
        found.append((lag_s, begun, statistics.median(row.cpu_share for row in rows)))
    lag_s, begun, share = min(found)
    lags = ", ".join(f"{each * 1000:.1f}" for each, _, _ in sorted(found))
    sys.stdout.write(
        f"\n{rate}/s on one core: lag p99 {lag_s * 1000:.1f} ms (rounds: {lags} ms), {begun:.0f} begun a second with "
        f"{share:.2f} of the core; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )
    assert lag_s < LAG_LIMIT_S[rate]


async def _first_s(server: Server, directory: Path, *command: str) -> float:
    """From the start of a process until the server's first request."""
    await server.forget()
    began = time.monotonic()
    script, *options = command
    process = await _run(str(Path(sys.executable).with_name(script)), *options, log=directory / "first.log")
    try:
        return (await server.until(lambda seen: seen.served > 0)).first - began
    finally:
        await process.stop()


async def test_the_first_request_comes_almost_as_soon_as_plain_locusts(
    server: Server, spawner: OwnSpawner, tmp_path: Path
) -> None:
    locustfile = _written(tmp_path / "recorded.py", RECORDED)
    plain_command = ("locust", "-f", str(locustfile), "--headless", "--host", server.url, "--users", str(USERS))
    own_command = ("harness", "load", "--host", server.url, "--locustfile", str(locustfile), "--rate", str(RATE))
    took: dict[str, list[float]] = {"plain": [], "generator": [], "command": []}
    for turn in range(ROUNDS):
        directory = tmp_path / f"{turn}"
        took["plain"].append(await _first_s(server, tmp_path, *plain_command))
        began = time.monotonic()
        async with recorded(server, directory, spawner, Watch()):
            took["generator"].append((await server.until(lambda seen: seen.served > 0)).first - began)
        took["command"].append(await _first_s(server, tmp_path, *own_command, "--directory", str(directory / "run")))
    ratios = {
        whose: statistics.median(own / other for own, other in zip(all_, took["plain"], strict=True))
        for whose, all_ in took.items()
    }
    told = (f"{whose} {min(all_):.2f} s ({ratios[whose]:.2f} times)" for whose, all_ in took.items())
    sys.stdout.write(f"\nfirst request, best of each: {', '.join(told)}; load average {os.getloadavg()[0]:.1f}\n")
    assert ratios["generator"] <= FIRST_MOST_OF_PLAIN
