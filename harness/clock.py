"""The one place that asks the machine what time it is."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Protocol


class Clock(Protocol):
    """Time as an argument, so that tests can own it."""

    def now(self) -> float:
        """Seconds of a clock that only moves forward and is the same in all processes of a machine."""
        ...

    def wall(self) -> dt.datetime:
        """The time of day, with its time zone."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds of this clock."""
        ...


class SystemClock:
    """CLOCK_MONOTONIC, which Linux shares between processes, and the wall clock in UTC."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.monotonic()

    def wall(self) -> dt.datetime:
        """See `Clock.wall`."""
        return dt.datetime.now(tz=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


class RunClock(SystemClock):
    """The same, which can be set forward before anything is measured by it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> float:
        """See `Clock.now`; ahead of other processes by `ahead_s`."""
        return super().now() + self.ahead_s

    def set_forward(self, seconds: float) -> None:
        """So many seconds have passed at once."""
        self.ahead_s += seconds


def pause(seconds: float) -> None:
    """Block this thread; only for processes of the harness that have no event loop."""
    time.sleep(seconds)
