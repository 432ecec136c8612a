"""Time that the tests of the engine own."""

from __future__ import annotations

import datetime as dt


class StoppedClock:
    """A clock that always says the same, and sleeps not at all."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        del seconds
