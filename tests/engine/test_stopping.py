"""A guard that trips ends the whole run; who interrupts it while it stops hurries nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from harness.engine.concluding import INTERRUPTED
from harness.engine.prepare import Options, Plan
from harness.engine.run import _Run, run
from harness.engine.session import Session
from harness.errors import Stopped
from harness.model.events import RunEnded
from harness.model.invariant import Invariants
from harness.model.verdict import Verdict
from tests.checkers.histories import shop
from tests.engine.test_ending import HOLDS, Stopping

PLAN = Plan(topology=shop(), experiments=(), invariants=Invariants(), rate=1.0)


async def test_after_a_stop_nothing_else_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def stop() -> None:
        raise Stopped("the guard of x stopped it")

    async def other() -> None:
        done.append("fuzz")

    phases = _Run(Options(system=Path("system.yaml"), parts=frozenset({"chaos", "fuzz"})), PLAN, lambda _: None)
    monkeypatch.setattr(phases, "_chaos", stop)
    monkeypatch.setattr(phases, "_fuzz", other)
    await phases.phases()
    assert (phases.stopped, done) == ("the guard of x stopped it", [])
    assert Stopped.exit_code == 3


@pytest.mark.parametrize("at_work", [False, True])
async def test_who_interrupts_while_it_stops_still_hears_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_work: bool
) -> None:
    session, working = Stopping(tmp_path), asyncio.Event()

    async def opened(*_: object, **__: object) -> Session:
        await asyncio.sleep(0)
        return cast("Session", session)

    async def work(_run: _Run) -> None:
        session.recorder.find(HOLDS)
        working.set()
        if at_work:
            await asyncio.Event().wait()

    monkeypatch.setattr(Session, "open", opened)
    monkeypatch.setattr(_Run, "phases", work)
    running = asyncio.create_task(run(Options(system=Path("system.yaml")), say=lambda _: None, plan=PLAN))
    await working.wait()
    if at_work:
        running.cancel()
    await session.begun.wait()
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not running.done()
    session.may_end.set()
    result = await running
    assert (result.verdict, result.exit_code) == ((Verdict.UNKNOWN, INTERRUPTED) if at_work else (Verdict.PASS, 0))
    last = result.events[-1]
    assert isinstance(last, RunEnded)
    assert (last.reason == "interrupted; everything was healed and stopped") == at_work
