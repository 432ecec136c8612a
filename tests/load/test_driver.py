from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clock import SystemClock
from harness.errors import LoadError
from harness.load.arrivals import Arrivals
from harness.load.driver import LoadDriver, LoadPlan
from harness.model import figures
from harness.model.declared import DegradedMark
from harness.model.load_events import Observed
from harness.model.observation import AnswerClass, Outcome
from tests.load.conftest import Site
from tests.load.watch import Watch

if TYPE_CHECKING:
    from tests.load.conftest import OwnSpawner

pytestmark = pytest.mark.loopback

LOCUSTFILES = Path(__file__).parent / "locustfiles"
CLOCK = SystemClock()


class Bench:
    """What each test needs around a driver."""

    def __init__(self, site: Site, spawner: OwnSpawner, directory: Path) -> None:
        self.site = site
        self.spawner = spawner
        self.directory = directory
        self.watch = Watch()
        self.hosts: tuple[str, ...] = ()
        self.run_began = CLOCK.now()

    async def start(
        self, *journeys: str, deadline_s: float = 1, pool: int = 200, locustfile: Path = LOCUSTFILES / "journeys.py"
    ) -> LoadDriver:
        return await LoadDriver.start(
            LoadPlan(
                locustfile=locustfile,
                hosts=self.hosts or (self.site.url,),
                journeys=journeys,
                deadlines=dict.fromkeys(journeys, deadline_s),
                degraded=DegradedMark(header="X-Degraded"),
                seed=1,
                pool=pool,
            ),
            spawner=self.spawner,
            directory=self.directory,
            clock=CLOCK,
            run_began=self.run_began,
            on_observed=self.watch,
        )

    @asynccontextmanager
    async def driving(
        self, *journeys: str, rate: float, deadline_s: float = 1, pool: int = 200
    ) -> AsyncIterator[LoadDriver]:
        driver = await self.start(*journeys, deadline_s=deadline_s, pool=pool)
        try:
            await driver.drive(rate=rate, weights=dict.fromkeys(journeys, 1.0))
            yield driver
        finally:
            await driver.stop()

    async def told(self, driver: LoadDriver) -> None:
        """Wait until nothing is in flight, and all of it, the last second too, has been told."""
        assert await driver.quiesce(10) == 0
        await driver.flush()
        last = max((each.second for each in self.watch.journeys), default=0)
        await self.watch.until(lambda: bool(self.watch.generator) and self.watch.generator[-1].second >= last)


def total_s(histogram: figures.Histogram) -> float:
    below = (0, *histogram.cumulative)
    counts = [upto - before for before, upto in pairwise(below)]
    return float(sum(map(mul, counts, histogram.highest_us))) / 1_000_000


@pytest.fixture
def bench(site: Site, spawner: OwnSpawner, tmp_path: Path) -> Bench:
    return Bench(site, spawner, tmp_path / "load")


async def test_counts_add_up_and_each_answer_has_its_class_and_outcome(bench: Bench) -> None:
    journeys = {
        "good": (AnswerClass.FULL, Outcome.OK),
        "degraded-page": (AnswerClass.DEGRADED, Outcome.DEGRADED),
        "unavailable": (AnswerClass.CLEAN, Outcome.FAILED),
        "broken": (AnswerClass.DIRTY, Outcome.FAILED),
        "cut": (AnswerClass.DIRTY, Outcome.FAILED),
        "short": (AnswerClass.DIRTY, Outcome.FAILED),
        "wrong": (AnswerClass.DIRTY, Outcome.FAILED),
        "raises": (AnswerClass.FULL, Outcome.FAILED),
        "command": (AnswerClass.FULL, Outcome.OK),
        "requested": (AnswerClass.FULL, Outcome.OK),
        "requested-cut": (AnswerClass.DIRTY, Outcome.FAILED),
    }
    watch = bench.watch
    async with bench.driving(*journeys, rate=60) as driver:
        await bench.site.until(150)
        await bench.told(driver)
        distinct = await driver.take_distinct()
        again = await driver.take_distinct()
        operations = driver.operations()
    requests = bench.site.requests.total()
    assert requests == sum(each.count for each in watch.answers) == sum(each.count for each in watch.journeys)
    assert requests == watch.due == sum(each.started for each in watch.generator)
    assert {name: list(found) for name, found in watch.classes().items()} == {
        name: [kind] for name, (kind, _) in journeys.items()
    }
    assert {name: list(found) for name, found in watch.outcomes().items()} == {
        name: [outcome] for name, (_, outcome) in journeys.items()
    }
    assert sum(each.count for each in distinct) == requests
    assert {each.journey for each in distinct} == set(journeys)
    assert again == ()
    commands = watch.outcomes()["command"].total()
    assert [operation.outcome for operation in operations] == [Outcome.OK] * commands
    assert operations[0].value == {"status": 200}
    assert "KeyError: 'price'" in (bench.directory / "load.log").read_text()


async def test_a_request_that_is_cut_is_one_request_and_one_event(bench: Bench) -> None:
    # geventhttpclient would send a GET up to eleven times more, and tell of it once.
    watch = bench.watch
    async with bench.driving("cut", rate=200) as driver:
        await bench.site.until(50)
        assert await driver.quiesce(5) == 0
        await driver.flush()
        distinct = await driver.take_distinct()
    assert bench.site.requests.total() == watch.classes()["cut"][AnswerClass.DIRTY]
    assert [(each.status, each.answer) for each in distinct] == [(0, AnswerClass.DIRTY)]


async def test_requests_end_a_bit_after_their_deadline_even_when_bytes_trickle(bench: Bench) -> None:
    watch = bench.watch
    journeys = ("hang", "trickle", "lost-command")
    async with bench.driving(*journeys, rate=60, deadline_s=0.4) as driver:
        await bench.site.until(20)
        assert await driver.quiesce(5) == 0
        await driver.flush()
        errors = {each.journey: each.error.partition(":")[0] for each in await driver.take_distinct()}
        operations = driver.operations()
    took = figures.merged(each.latencies for each in watch.answers)
    assert figures.percentile_s(took, 0) == pytest.approx(0.6, abs=0.02)
    assert figures.percentile_s(took, 100) == pytest.approx(0.6, abs=0.25)
    assert errors == dict.fromkeys(journeys, "Timeout")
    assert {name: list(found) for name, found in watch.outcomes().items()} == {
        "hang": [Outcome.FAILED],
        "trickle": [Outcome.FAILED],
        "lost-command": [Outcome.UNKNOWN],
    }
    assert {operation.outcome for operation in operations} == {Outcome.UNKNOWN}


async def test_a_request_of_an_http_user_ends_too_when_bytes_trickle(bench: Bench) -> None:
    watch = bench.watch
    async with bench.driving("requested-trickle", rate=60, deadline_s=0.4) as driver:
        await bench.site.until(5)
        assert await driver.quiesce(5) == 0
        await driver.flush()
        distinct = await driver.take_distinct()
    took = figures.merged(each.latencies for each in watch.answers)
    assert took.count == sum(each.count for each in watch.journeys) == bench.site.requests.total()
    assert figures.percentile_s(took, 0) == pytest.approx(0.6, abs=0.02)
    assert {each.status for each in distinct} == {0}
    assert set(watch.outcomes()["requested-trickle"]) == {Outcome.FAILED}


@pytest.fixture
def refusing() -> Iterator[tuple[str, str]]:
    """Two addresses at which nobody listens, and nobody else can."""
    with socket.socket() as one, socket.socket() as other:
        for held in (one, other):
            held.bind(("127.0.0.1", 0))
        yield ("http://{}:{}".format(*one.getsockname()), "http://{}:{}".format(*other.getsockname()))


async def test_customers_find_the_instance_that_is_left_and_the_moves_are_told(
    bench: Bench, refusing: tuple[str, str]
) -> None:
    watch = bench.watch
    bench.hosts = (refusing[0], bench.site.url, refusing[1])
    async with bench.driving("good", "requested", "command", rate=100) as driver:
        await bench.site.until(60)
        await bench.told(driver)
        distinct = await driver.take_distinct()
    assert {name: set(found) for name, found in watch.outcomes().items()} == {
        name: {Outcome.OK} for name in ("good", "requested", "command")
    }
    assert {each.status for each in distinct} == {200}
    assert bench.site.requests.total() == sum(each.count for each in watch.journeys)
    # A third begins where somebody listens, a third moves once, a third twice.
    moved = sum(each.moved for each in watch.generator)
    assert moved == pytest.approx(watch.due, rel=0.4)


async def test_customers_are_spread_over_all_addresses(bench: Bench) -> None:
    other = Site()
    await other.open()
    try:
        bench.hosts = (bench.site.url, other.url)
        async with bench.driving("good", "requested", rate=150) as driver:
            await bench.site.until(60)
            await other.until(60)
            await bench.told(driver)
    finally:
        await other.close()
    assert bench.site.requests.total() == pytest.approx(other.requests.total(), rel=0.5)
    assert sum(each.moved for each in bench.watch.generator) == 0


async def test_who_is_refused_everywhere_fails_and_whose_request_was_cut_does_not_move(
    bench: Bench, refusing: tuple[str, str]
) -> None:
    watch = bench.watch
    bench.hosts = refusing
    async with bench.driving("good", "requested", rate=60) as driver:
        await watch.until(lambda: watch.due >= 20)
        await bench.told(driver)
    assert {name: set(found) for name, found in watch.outcomes().items()} == {
        name: {Outcome.FAILED} for name in ("good", "requested")
    }
    assert {kind for found in watch.classes().values() for kind in found} == {AnswerClass.DIRTY}
    bench.hosts = (bench.site.url, bench.site.url.replace("127.0.0.1", "localhost"))
    before = bench.site.requests.total()
    async with bench.driving("cut", "requested-cut", rate=60) as driver:
        await bench.site.until(before + 20)
        await bench.told(driver)
    ended = {name: found.total() for name, found in watch.outcomes().items()}
    assert bench.site.requests.total() - before == ended["cut"] + ended["requested-cut"]


async def test_a_stall_shows_in_the_latency_of_all_that_were_due_in_it(bench: Bench) -> None:
    """By the site's own record: however long the machine takes to serve what the stall left behind."""
    site, watch = bench.site, bench.watch
    async with bench.driving("good", rate=50, deadline_s=5) as driver:
        await site.until(10)
        site.gate.clear()
        stalled, before = CLOCK.now(), len(site.arrived)
        await CLOCK.sleep(1.5)  # the stall itself
        site.gate.set()
        stall_s = CLOCK.now() - stalled
        await bench.told(driver)
        all_s = CLOCK.now() - stalled
    waits = [answered - arrived for arrived, answered in zip(site.arrived, site.answered, strict=True)]
    took = figures.merged(each.latencies for each in watch.journeys)
    longest, share = figures.percentile_s(took, 100), figures.share_over_s(took, stall_s / 2)
    assert longest is not None
    assert share is not None
    assert 0.7 * stall_s < max(waits) < longest * 1.001 < all_s
    waited_long = sum(wait > stall_s / 2 for wait in waits)
    assert waited_long > 0.6 * 50 * stall_s / 2  # half of those due in the stall
    assert waited_long <= round(share * took.count) <= took.count - before
    assert all(each.dropped == 0 for each in watch.generator)


async def test_a_generator_that_falls_behind_counts_its_own_lag_as_waiting_and_tells_of_it(bench: Bench) -> None:
    watch = bench.watch
    async with bench.driving("good", rate=100) as driver:
        await bench.site.until(10)
        os.kill(bench.spawner.started[0].pid, signal.SIGSTOP)
        await CLOCK.sleep(0.6)  # the lag itself
        os.kill(bench.spawner.started[0].pid, signal.SIGCONT)
        await bench.told(driver)
    waited = figures.merged(each.latencies for each in watch.journeys)
    served = figures.merged(each.service for each in watch.journeys)
    assert (figures.share_over_s(waited, 0.25) or 0) * waited.count > 15  # some 35 were due more than 0.25 s before
    # However long the machine takes to serve the burst that follows: the lag itself (18 s in all) is no service.
    assert total_s(waited) - total_s(served) > 9
    assert max(each.lag_p99_s for each in watch.generator) > 0.4
    assert sum(each.count for each in watch.journeys) == watch.due


async def test_what_is_due_while_no_customer_is_free_is_dropped_and_told(bench: Bench) -> None:
    watch = bench.watch
    bench.site.gate.clear()
    async with bench.driving("good", rate=100, deadline_s=10, pool=5) as driver:
        await watch.until(lambda: watch.due >= 100)
        assert {each.in_flight for each in watch.generator[1:]} <= {5}
        bench.site.gate.set()
        await bench.told(driver)
    dropped = sum(each.dropped for each in watch.generator)
    assert dropped > 50
    assert sum(each.started for each in watch.generator) == watch.due - dropped
    assert sum(each.count for each in watch.journeys) == watch.due - dropped


async def test_the_rate_and_the_weights_change_while_it_runs(bench: Bench) -> None:
    watch = bench.watch
    driver = await bench.start("good", "degraded-page")
    try:
        await driver.drive(rate=20, weights={"good": 1})
        await bench.site.until(5)
        assert await driver.quiesce(5) == 0
        await driver.flush()
        assert set(watch.outcomes()) == {"good"}
        first = bench.site.requests.total()
        await driver.drive(rate=400, weights={"degraded-page": 1})
        await watch.until(lambda: any(each.due > 100 for each in watch.generator))
        assert max(each.due for each in watch.generator) < 500
        await driver.quiesce(5)
        await driver.flush()
        assert watch.outcomes()["good"].total() == first
        with pytest.raises(LoadError, match="positive weight"):
            await driver.drive(rate=1, weights={})
        with pytest.raises(LoadError, match="'nonsense'"):
            await driver.drive(rate=1, weights={"nonsense": 1})
        assert driver.alive
    finally:
        await driver.stop()
    assert not driver.alive


async def test_quiesce_gives_how_many_are_still_in_flight_at_its_timeout(bench: Bench) -> None:
    bench.site.gate.clear()
    async with bench.driving("good", rate=50, deadline_s=10) as driver:
        await bench.site.until(10)
        left = await driver.quiesce(0.05)
        assert left >= 10
        bench.site.gate.set()
        assert await driver.quiesce(5) == 0


async def test_a_killed_generator_is_noticed_and_the_operations_survive(bench: Bench) -> None:
    bench.site.gate.clear()
    async with bench.driving("command", rate=50, deadline_s=10) as driver:
        await bench.site.until(10)
        quiescing = asyncio.create_task(driver.quiesce(30))
        await asyncio.sleep(0)
        os.kill(bench.spawner.started[0].pid, signal.SIGKILL)
        with pytest.raises(LoadError, match="it died"):
            await quiescing
        assert not driver.alive
        with pytest.raises(LoadError, match="the load generator can't be driven"):
            await driver.flush()
        operations = driver.operations()
        assert len(operations) >= 10
        assert {(operation.end, operation.outcome) for operation in operations} == {(None, Outcome.UNKNOWN)}


async def test_whoever_waits_is_told_at_once_when_what_was_measured_can_not_be_handed_on(bench: Bench) -> None:
    bench.site.gate.clear()
    driver = await bench.start("good", deadline_s=10)

    def full(_observed: Observed) -> None:
        message = "the journal is full"
        raise RuntimeError(message)

    driver._on_observed = full
    try:
        await driver.drive(rate=50, weights={"good": 1})
        await bench.site.until(1)
        with pytest.raises(LoadError, match=r"it died \(RuntimeError: the journal is full\)"):
            await driver.quiesce(30)
        assert not driver.alive
    finally:
        await driver.stop()


async def test_the_generator_ends_when_the_harness_hangs_up(bench: Bench) -> None:
    driver = await bench.start("good")
    assert not (bench.directory / "load.sock").exists()
    driver._connection.close()
    assert driver._writer is not None
    driver._writer.close()
    async with asyncio.timeout(5):
        assert await bench.spawner.started[0].wait() == 0
    await driver.stop()


def keys_of_seed(seed: int, count: int) -> set[str]:
    """The keys that the first customers who check out draw: chance within a journey comes from its number alone."""
    arrivals = Arrivals(seed)
    arrivals.alter(rate=1, weights={"browse": 1, "checkout": 1}, now=0)
    numbers = [arrival.number for arrival in arrivals.due(10 * count + 100) if arrival.journey == "checkout"]
    return {
        str(uuid.UUID(int=random.Random(f"{seed}:{number}").getrandbits(128), version=4))  # noqa: S311 -- a replay
        for number in numbers[:count]
    }


async def test_customers_of_the_shop_repeat_a_lost_order_by_the_same_key(bench: Bench) -> None:
    bench.site.loses_first_orders = True
    watch = bench.watch
    shop = Path(__file__).parents[2] / "loadtests" / "locustfile.py"
    driver = await bench.start("browse", "checkout", deadline_s=2, locustfile=shop)
    try:
        await driver.drive(rate=40, weights={"browse": 1, "checkout": 1})
        await bench.site.until(60)
        assert await driver.quiesce(10) == 0
        await driver.flush()
        operations = driver.operations()
    finally:
        await driver.stop()
    placed = [operation for operation in operations if operation.name == "place-order"]
    awaited = [operation for operation in operations if operation.name == "await-order"]
    assert len(placed) == len(awaited) == watch.outcomes()["checkout"][Outcome.OK]
    assert {operation.outcome for operation in (*placed, *awaited)} == {Outcome.OK}
    assert set(bench.site.keys.values()) == {2}
    assert {operation.key for operation in placed} == set(bench.site.keys)
    assert placed[0].value == {"order_id": placed[0].key}
    assert {operation.key for operation in placed} == keys_of_seed(1, len(placed))
    assert {each.request for each in watch.answers} == {
        "GET /products/{sku}",
        "POST /sessions",
        "GET /cart",
        "POST /orders",
        "GET /orders/{order_id}",
    }
    assert "ERROR" not in (bench.directory / "load.log").read_text()


BAD_LOCUSTFILES = {
    "import locust\n": "expected a class that inherits locust.FastHttpUser",
    "from locust import *\nclass U(FastHttpUser):\n    @task\n    def browse(self): ...\n": (
        "expected a task 'check_out' for the journey 'check-out', found browse"
    ),
    "import os\n\nimport nonsense_module\n": ":3: the locustfile can't be loaded: ModuleNotFoundError",
    "import sys\nsys.exit(3)\n": ":2: the locustfile can't be loaded: SystemExit: 3",
    "from locust import *\nclass U(FastHttpUser):\n    @task\n    def check_out(self): ...\nclass V(U): ...\n": (
        "expected one task for the journey 'check-out', found one in U and one in V"
    ),
}
LOAD_ALL = """
import sys
from gevent import monkey
monkey.patch_all()
from pathlib import Path
from harness.errors import LoadError
from harness.load.customers import load
for file in sys.argv[1:]:
    try:
        load(Path(file), hosts=("http://h",), journeys=("check-out",), deadlines={}, path=())
    except LoadError as error:
        print(error)
"""


async def test_a_locustfile_that_can_not_be_driven_is_refused_by_name(tmp_path: Path) -> None:
    files = [tmp_path / f"locustfile{number}.py" for number in range(len(BAD_LOCUSTFILES))]
    for file, text in zip(files, BAD_LOCUSTFILES, strict=True):
        file.write_text(text)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOAD_ALL, *map(str, files)), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    messages = output.decode().splitlines()
    assert len(messages) == len(files)
    for message, file, expected in zip(messages, files, BAD_LOCUSTFILES.values(), strict=True):
        assert message.startswith(str(file))
        assert expected in message


async def test_a_refused_locustfile_leaves_nothing_running(bench: Bench) -> None:
    with pytest.raises(LoadError, match="expected a task 'check_out' for the journey 'check-out', found broken, "):
        await bench.start("check-out")
    assert bench.spawner.started[0].returncode is not None


async def test_what_is_no_python_is_refused_before_anything_is_started(bench: Bench) -> None:
    locustfile = bench.directory.parent / "locustfile.py"
    locustfile.write_text("def browse(self:\n")
    with pytest.raises(LoadError, match=r"locustfile\.py:1:\d+: the locustfile is not Python"):
        await bench.start("browse", locustfile=locustfile)
    with pytest.raises(LoadError, match="expected a locustfile, but it can't be read"):
        await bench.start("browse", locustfile=bench.directory / "none.py")
    assert bench.spawner.started == []


async def test_a_generator_that_dies_at_start_shows_its_last_lines(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.directory.parent / "gevent.py").write_text("raise SystemExit('no gevent today')")
    monkeypatch.setenv("PYTHONPATH", str(bench.directory.parent))
    with pytest.raises(LoadError, match=r"(?s)ended with 1 while it started.*no gevent today"):
        await bench.start("good")


async def test_plain_locust_runs_the_shops_locustfile(site: Site) -> None:
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--host", site.url, "--headless"),
        *("--users", "20", "--spawn-rate", "50", "--run-time", "2s", "--stop-timeout", "2", "--only-summary"),
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert sum(count for name, count in site.requests.items() if name.startswith("GET /products/sku-")) >= 3
