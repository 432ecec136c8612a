"""A generator that is started before anybody knows what it loads: it serves as any other, and outlives nobody."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.errors import LoadError
from harness.load.driver import LoadDriver, LoadPlan
from harness.load.launch import LOG_NAME
from harness.load.warm import WarmGenerator
from harness.model.declared import DegradedMark

LIMIT_S = 60.0
NOBODY = "http://127.0.0.1:1"
PARENT = """
import sys, time
from harness.load.warm import WarmGenerator
print(WarmGenerator().pid, flush=True)
time.sleep(600)
"""
LOCUSTFILE = """
from locust import FastHttpUser, task
print("the locustfile is read", flush=True)
class Customer(FastHttpUser):
    @task
    def look(self):
        self.client.get("/")
"""


@pytest.fixture
def warm() -> Iterator[WarmGenerator]:
    generator = WarmGenerator()
    assert generator.waits
    yield generator
    generator.close()


async def driven(warm: WarmGenerator, directory: Path, locustfile: str) -> LoadDriver:
    file = directory / "locustfile.py"
    file.write_text(locustfile, encoding="utf-8")
    clock = SystemClock()
    return await LoadDriver.start(
        LoadPlan(
            locustfile=file,
            hosts=(NOBODY,),
            journeys=("look",),
            deadlines={"look": 1.0},
            degraded=DegradedMark(header="X-Degraded"),
            seed=1,
        ),
        spawner=warm,
        directory=directory,
        clock=clock,
        run_began=clock.now(),
        on_observed=lambda _observed: None,
    )


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not found():  # noqa: ASYNC110 -- it is another process
            await asyncio.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Ended, whether or not somebody has taken note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_it_is_driven_as_any_other_and_writes_its_log_beside_the_run(warm: WarmGenerator, tmp_path: Path) -> None:
    driver = await driven(warm, tmp_path, LOCUSTFILE)
    try:
        assert not warm.waits
        await driver.drive(rate=20, weights={"look": 1})
        assert await driver.quiesce(10.0) == 0
        assert "the locustfile is read" in (tmp_path / LOG_NAME).read_text(encoding="utf-8")
    finally:
        await driver.stop()
    assert warm.returncode is not None


async def test_what_it_can_not_load_is_told_as_by_any_other(warm: WarmGenerator, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="'look'"):
        await driven(warm, tmp_path, LOCUSTFILE.replace("def look", "def stare"))
    assert warm.returncode is not None


def test_one_that_nobody_wanted_is_ended_at_once(warm: WarmGenerator) -> None:
    warm.close()
    assert is_gone(warm.pid)
    assert not warm.waits


async def test_one_that_has_ended_is_not_there_for_a_driver(warm: WarmGenerator) -> None:
    os.killpg(warm.pid, signal.SIGKILL)
    await until(lambda: not warm.waits)


async def test_it_ends_when_whoever_started_it_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until(lambda: is_gone(pid))
