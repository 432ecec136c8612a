"""A run that was over keeps its verdict, though somebody interrupts while it stops."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from harness.clock import SystemClock
from harness.engine.concluding import INTERRUPTED
from harness.engine.ending import conducted
from harness.engine.recorder import Recorder
from harness.engine.session import Session
from harness.errors import HarnessError
from harness.model.events import RunEnded
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from harness.observe.journal import JOURNAL, Journal

HOLDS = Finding(check="served", part=Part.LOAD, verdict=Verdict.PASS, reason="all is well", subject="journeys")


class Stopping:
    """A session that takes its time to stop."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = SystemClock()
        journal = Journal(directory / JOURNAL)
        self.recorder = Recorder(journal, clock=self.clock, began=self.clock.now())
        self.unhealed: tuple[str, ...] = ()
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    def now(self) -> float:
        return self.recorder.now()

    async def stop(self) -> None:
        self.begun.set()
        await self.may_end.wait()


def broken(error: HarnessError) -> Finding:
    raise AssertionError(error)


@pytest.mark.parametrize("at_work", [False, True])
async def test_who_interrupts_while_it_stops_still_hears_what_was_found(tmp_path: Path, *, at_work: bool) -> None:
    session, working = Stopping(tmp_path), asyncio.Event()

    async def work() -> None:
        session.recorder.find(HOLDS)
        working.set()
        if at_work:
            await asyncio.Event().wait()

    run = asyncio.create_task(conducted(cast("Session", session), work, broken=broken, say=lambda _message: None))
    await working.wait()
    if at_work:
        run.cancel()
    await session.begun.wait()
    for _ in range(3):
        run.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not run.done()
    session.unhealed = ("back-1 under pause",)
    session.may_end.set()
    result = await run
    assert (result.verdict, result.exit_code) == ((Verdict.UNKNOWN, INTERRUPTED) if at_work else (Verdict.PASS, 0))
    last = result.events[-1]
    assert isinstance(last, RunEnded)
    assert last.reason == (
        "interrupted; everything was stopped, but NOT seen to be healed: back-1 under pause"
        if at_work
        else "all 1 findings hold"
    )
