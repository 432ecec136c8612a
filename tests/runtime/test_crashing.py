from __future__ import annotations

import asyncio
from typing import cast

from harness.errors import DeployError
from harness.runtime.crashing import Crashes
from harness.runtime.instance import Instance
from tests.engine.clocks import StoppedClock


class Anybody:
    name = "back-1"


BACK = cast("Instance", Anybody())


class Told:
    def __init__(self, *, fails: int = 0) -> None:
        self.done: list[str] = []
        self.notes: list[str] = []
        self.fails = fails
        self.enough = asyncio.Event()
        self.crashes = Crashes(self.kill, self.start, clock=StoppedClock(0.0), note=self.notes.append)

    async def kill(self, instance: Instance) -> None:
        self.done.append(f"kill {instance.name}")
        if self.done.count("kill back-1") == 3:
            self.enough.set()

    async def start(self, instance: Instance) -> None:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise DeployError("it never became ready")
        self.done.append(f"start {instance.name}")


async def test_it_dies_so_many_times_and_then_stays_away() -> None:
    told = Told()
    await told.crashes.begin(BACK, away_s=1.0, up_s=0.1, most=3)
    assert told.done == ["kill back-1"]
    await told.enough.wait()
    assert await told.crashes.end(BACK) == 3
    assert told.done == ["kill back-1", "start back-1", "kill back-1", "start back-1", "kill back-1"]
    assert await told.crashes.end(BACK) == 0


async def test_a_start_that_fails_is_told_and_tried_again() -> None:
    told = Told(fails=1)
    await told.crashes.begin(BACK, away_s=1.0, up_s=0.1, most=3)
    await told.enough.wait()
    assert told.notes == ["back-1, in its crash loop: it never became ready"]
    assert told.done.count("start back-1") == 2
    await told.crashes.stop()


async def test_begun_twice_it_is_one_loop() -> None:
    told = Told()
    await told.crashes.begin(BACK, away_s=1.0, up_s=0.1, most=3)
    await told.crashes.begin(BACK, away_s=1.0, up_s=0.1, most=3)
    assert told.done == ["kill back-1"]
    await told.crashes.stop()


async def test_who_starts_it_meanwhile_and_the_loop_take_turns() -> None:
    told = Told()
    await told.crashes.begin(BACK, away_s=1.0, up_s=0.1, most=3)
    async with told.crashes.turn(BACK):
        for _ in range(5):
            await asyncio.sleep(0)
        assert told.done == ["kill back-1"]
    await told.enough.wait()
    await told.crashes.stop()
