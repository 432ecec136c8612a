"""A clock that does not wait, and a notice, for the tests of telling."""

from __future__ import annotations

import datetime as dt

from harness.model.notice import Notice, Occasion
from harness.model.verdict import Verdict


class PatientClock:
    """Moves when somebody sleeps; remembers for how long."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def now(self) -> float:
        return sum(self.slept_s)

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC) + dt.timedelta(seconds=self.now())

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


ENDED = Notice(
    occasion=Occasion.END,
    system="bank",
    run="20261120-090000",
    title="the game day 'friday'",
    text="browse: 12% were bad",
    wall="2026-11-20T09:00:00+00:00",
    verdict=Verdict.FAIL,
    exit_code=1,
)
STARTS = Notice(
    occasion=Occasion.START,
    system="bank",
    run="20261120-090000",
    title="the game day 'friday'",
    text="3 experiments",
    wall="2026-11-20T08:00:00+00:00",
)
