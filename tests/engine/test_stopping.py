"""A guard that trips ends the whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine.prepare import Options, Plan
from harness.engine.run import _Run
from harness.errors import Stopped
from harness.model.invariant import Invariants
from tests.checkers.histories import shop


async def test_after_a_stop_nothing_else_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def stop() -> None:
        raise Stopped("the guard of x stopped it")

    async def other() -> None:
        done.append("fuzz")

    plan = Plan(topology=shop(), experiments=(), invariants=Invariants(), rate=1.0)
    run = _Run(Options(system=Path("system.yaml"), parts=frozenset({"chaos", "fuzz"})), plan, lambda _: None)
    monkeypatch.setattr(run, "_chaos", stop)
    monkeypatch.setattr(run, "_fuzz", other)
    await run.phases()
    assert (run.stopped, done) == ("the guard of x stopped it", [])
    assert Stopped.exit_code == 3
