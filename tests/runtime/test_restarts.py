from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from harness.clock import SystemClock
from harness.errors import DeployError
from harness.model.fault import InstanceTarget
from harness.model.system import InstanceSpec, Restart, Run
from harness.runtime.instance import Instance, State
from harness.runtime.restarts import BackOff, Restarts
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import system_of, until
from tests.runtime.test_process import COMMAND, FORKED, deployed, get, supervised

BACK = InstanceTarget(service="back")


def test_pauses_grow_to_their_limit_and_shrink_again_after_a_long_life() -> None:
    back_off = BackOff()
    assert [back_off.pause_s(1.0) for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert back_off.pause_s(10.0) == 0.1
    assert back_off.pause_s(9.9) == 0.2


@dataclass
class Patient:
    """A clock whose sleeps end at once, and which remembers them."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Somebody:
    name: str = "back-1"


@dataclass
class Ward:
    """Starts that fail as often as a test wants."""

    failures: int
    starts: int = 0
    notes: list[str] = field(default_factory=list)
    clock: Patient = field(default_factory=Patient)

    async def start(self, _: Instance) -> None:
        self.starts += 1
        await asyncio.sleep(0)
        if self.starts <= self.failures:
            raise DeployError("it dies")

    def restarts(self) -> Restarts:
        return Restarts(self.start, clock=self.clock, note=self.notes.append)  # type: ignore[arg-type]  # a fake clock


ONE = cast("Instance", Somebody())


async def test_it_is_tried_until_it_helps_and_told() -> None:
    ward = Ward(failures=3)
    restarts = ward.restarts()
    restarts.begin(ONE)
    restarts.begin(ONE)
    await restarts.settle(ONE)
    assert ward.starts == 4
    assert ward.clock.slept == [0.1, 0.2, 0.4, 0.8]
    assert ward.notes[0] == "back-1 was to be started again: it dies"
    assert ward.notes[-1] == "back-1 was started again, and was away for 1.5 s"
    restarts.begin(ONE)
    await restarts.settle(ONE)
    assert ward.clock.slept[-1] == 1.6
    await restarts.stop()


async def test_once_called_off_or_stopped_nothing_is_started() -> None:
    ward = Ward(failures=100)
    restarts = ward.restarts()
    restarts.begin(ONE)
    await until(lambda: ward.starts > 2)
    await restarts.call_off(ONE)
    starts = ward.starts
    await asyncio.sleep(0.02)
    assert ward.starts == starts
    await restarts.stop()
    restarts.begin(ONE)
    await restarts.settle(ONE)
    assert ward.starts == starts


@pytest.mark.loopback
@pytest.mark.parametrize("run", [COMMAND, FORKED], ids=["command", "forked"])
async def test_an_instance_that_was_killed_comes_back_by_itself_and_a_heal_finds_it_there(
    run: Run, supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(
        tmp_path,
        run=run,
        front_env={"SAYS": "{edge.back.url}"},
        back_env={"SAYS": "here"},
        back=(InstanceSpec(),),
        restart=Restart.ALWAYS,
    )
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        line = await get(deployment.entry_url())
        pids = {deployment.pid(BACK)}
        await deployment.kill(BACK)
        assert not deployment.alive(BACK)
        await until(lambda: len(heard.notes) == 1)
        assert await get(line) == "here"
        pids.add(deployment.pid(BACK))
        await deployment.start(BACK)
        assert deployment.pid(BACK) in pids
        await deployment.kill(BACK)
        await deployment.start(BACK)
        assert await get(line) == "here"
        pids.add(deployment.pid(BACK))
        assert len(pids) == 3
        await asyncio.sleep(0.5)  # longer than the pause: nobody starts a second one
        assert deployment.pid(BACK) in pids
        assert len(supervised(supervisor)) == 2
        assert heard.notes[0].startswith("back-1 was started again, and was away for ")
        assert deployment.take_deaths() == (), "it was the harness that killed it"
        await deployment.kill(BACK)
    assert supervised(supervisor) == []


@pytest.mark.loopback
async def test_an_instance_that_dies_by_itself_comes_back_and_a_paused_one_is_not_dead(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(tmp_path, run=COMMAND, front_env={"SAYS": "{edge.back.url}"}, restart=Restart.ALWAYS)
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        line = await get(deployment.entry_url())
        await deployment.pause(BACK)
        await SystemClock().sleep(0.3)  # longer than the first pause
        assert deployment.state(BACK) is State.PAUSED
        await deployment.resume(BACK)
        assert heard.notes == []
        pid = deployment.pid(BACK)
        os.killpg(pid, signal.SIGKILL)
        await until(lambda: len(heard.notes) == 2)
        assert heard.notes[0].startswith("back-1 was ended by SIGKILL unexpectedly")
        (death,) = deployment.take_deaths()
        assert (death.instance.name, death.how) == ("back-1", "was ended by SIGKILL")
        assert deployment.take_deaths() == ()
        assert deployment.pid(BACK) != pid
        assert await get(line) == ""
