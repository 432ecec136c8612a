"""Waiting for an answer of a process: one that hangs is told from one that does not get a processor.

Patience is counted in looks and not in seconds: when we come late ourselves, a late look counts no more than one in
time, and a look at which the other has work, and a processor or not, does not count at all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from harness.clock import Clock, SystemClock
from harness.model.process import Process

Result = TypeVar("Result")

LOOK_EVERY_S = 0.05
PATIENCE_LIMIT_S = 15.0
"""Whatever the reason, who did not answer for so long hangs."""

_AT_WORK = ("R", "D")
"""States of threads that run or wait for a processor, and that wait for a disk."""
_REAL = SystemClock()


async def patiently(
    answer: Awaitable[Result],
    *,
    silence_s: float,
    works: Callable[[], bool] = lambda: False,
    clock: Clock = _REAL,
) -> Result:
    """Wait for an answer; `works` tells whether who is to give it has work, `silence_s` how long it may have none.

    Raises:
        TimeoutError: when that silence is over, or `PATIENCE_LIMIT_S`.
    """
    asked = asyncio.ensure_future(answer)
    ends, silent = clock.now() + PATIENCE_LIMIT_S, 0
    try:
        while not asked.done():
            if silent * LOOK_EVERY_S >= silence_s or clock.now() >= ends:
                raise TimeoutError
            looking = asyncio.ensure_future(clock.sleep(LOOK_EVERY_S))
            await asyncio.wait({asked, looking}, return_when=asyncio.FIRST_COMPLETED)
            looking.cancel()
            silent += not asked.done() and not works()
        return asked.result()
    finally:
        if not asked.done():
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)


def at_work(process: Process | None) -> bool:
    """Whether any of its threads has a processor, or waits for one or for a disk; False where /proc does not tell."""
    if process is None:
        return False
    tasks = f"/proc/{process.pid}/task"
    try:
        return any(_state(Path(tasks, task, "stat")) in _AT_WORK for task in os.listdir(tasks))  # noqa: PTH208 -- names only
    except OSError:
        return False


def _state(stat: Path) -> str:
    """The letter after the name, which may hold anything; empty for a thread that is gone."""
    try:
        return stat.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1]
    except OSError:
        return ""
