"""Patience: who hangs is told soon, and who only gets no processor is not taken for one that hangs."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
from pathlib import Path

import pytest

from harness.model.process import ProcessSpec
from harness.proxy.patience import PATIENCE_LIMIT_S, at_work, patiently
from tests.fakes import run_locally
from tests.proxy.rigs import LocalSpawner, until


class LateClock:
    """Its milliseconds pass while somebody sleeps, and then some more: the machine has other things to do."""

    def __init__(self, late_ms: int = 0) -> None:
        self.ms = 0
        self.late_ms = late_ms

    def now(self) -> float:
        return self.ms / 1000

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        self.ms += round(seconds * 1000) + self.late_ms
        await asyncio.sleep(0)

    async def answer_at(self, ms: int) -> str:
        while self.ms < ms:  # noqa: ASYNC110 -- this clock has no event
            await asyncio.sleep(0)
        return "here"


async def test_an_answer_that_comes_in_time_is_given() -> None:
    clock = LateClock()
    assert await patiently(clock.answer_at(900), silence_s=1.0, clock=clock) == "here"


async def test_silence_is_borne_for_so_long_and_no_longer() -> None:
    clock = LateClock()
    with pytest.raises(TimeoutError):
        await patiently(asyncio.Event().wait(), silence_s=1.0, clock=clock)
    assert clock.ms == 1000


async def test_when_we_come_late_ourselves_nobody_is_taken_for_one_that_hangs() -> None:
    clock = LateClock(late_ms=650)
    assert await patiently(clock.answer_at(9_000), silence_s=1.0, clock=clock) == "here"


async def test_who_waits_for_a_processor_is_given_time() -> None:
    clock = LateClock()
    assert await patiently(clock.answer_at(14_000), silence_s=1.0, works=lambda: True, clock=clock) == "here"


@pytest.mark.parametrize("late_ms", [0, 900])
async def test_no_patience_is_without_end(late_ms: int) -> None:
    clock = LateClock(late_ms)
    with pytest.raises(TimeoutError):
        await patiently(asyncio.Event().wait(), silence_s=1.0, works=lambda: True, clock=clock)
    assert PATIENCE_LIMIT_S * 1000 <= clock.ms < PATIENCE_LIMIT_S * 1000 + 50 + late_ms


async def test_who_fails_instead_of_answering_is_told_as_it_is_and_at_once() -> None:
    async def refuse() -> None:
        raise ConnectionRefusedError

    clock = LateClock()
    with pytest.raises(ConnectionRefusedError):
        await patiently(refuse(), silence_s=1.0, clock=clock)
    assert clock.ms <= 50


async def test_what_nobody_waits_for_any_more_is_ended() -> None:
    clock, ended = LateClock(), asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        await patiently(never(), silence_s=0.1, clock=clock)
    assert ended.is_set()


async def test_a_process_that_computes_is_at_work_and_one_that_sleeps_is_stopped_or_is_gone_is_not(
    tmp_path: Path,
) -> None:
    def spec(code: str) -> ProcessSpec:
        return ProcessSpec(name="it", command=(sys.executable, "-Sc", code), log=str(tmp_path / "log"))

    busy, idle = await run_locally(spec("while True: pass")), await run_locally(spec("import time; time.sleep(60)"))
    try:
        await until(lambda: at_work(busy))
        await until(lambda: not at_work(idle))
        spawner = LocalSpawner()
        spawner.processes["busy"] = busy
        await spawner.freeze("busy")
        assert not at_work(busy)
        os.killpg(busy.pid, signal.SIGKILL)
        await busy.wait()
        assert not at_work(busy)
    finally:
        for each in (busy, idle):
            await each.signal(signal.SIGKILL)
            await each.wait()
    assert not at_work(None)
