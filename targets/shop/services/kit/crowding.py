"""How many requests at once are good for an instance: fewer while it does not get to its work, more when it does.

Whether it gets to its work is told by a standing delay (as in CoDel, RFC 8289): a timer that rings late all the time
means that more is to be done here than can be, whatever callers and providers do. The number follows by additive
increase and multiplicative decrease (D.-M. Chiu, R. Jain, "Analysis of the increase and decrease algorithms for
congestion avoidance", 1989). A slow provider makes no timer late, and nobody is turned away because of it.

On a machine that others fill, timers are late though next to nobody is here. Fewer would change nothing then: what is
late while on average no more than the least are under way is not because of them, however many come at one moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from statistics import mean, median

from kit.quotas import Admission

TICK_S = 0.02
TICKS = 10
"""So many of them are one look."""
LATE_S = 0.01
"""A timer that rings later in half of the ticks has waited for others' work.

At the knee of the shop on two cores half of them ring within 5 ms. With 30 ms in this place two gateways took in up to
eighteen requests each beyond it, and few journeys ended in time.
"""
LESS = 0.8
MORE = 1.0
OF_NOW = 0.1
"""What one look weighs in how many are usually under way: that is known of some two seconds."""


class Crowding:
    """Sets the limit of an admission between the least and the most that it may be."""

    def __init__(self, admission: Admission, least: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._admission = admission
        self._least = min(least, admission.at_once)
        self._most = admission.at_once
        self._clock = clock
        self._usual: float | None = None
        """How many are under way on average, of late."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            ticks = [await self._tick() for _ in range(TICKS)]
            self.look(median(lag_s for lag_s, _ in ticks), mean(there for _, there in ticks))

    async def _tick(self) -> tuple[float, int]:
        """How late a timer rang, and how many were under way then."""
        due = self._clock() + TICK_S
        await asyncio.sleep(TICK_S)
        return self._clock() - due, self._admission.under_way

    def look(self, lag_s: float, there: float) -> None:
        """Take in fewer than there were when they are too many, one more when they are not, and more were needed."""
        admission = self._admission
        peak, full = admission.take_peak()
        before = there if self._usual is None else self._usual
        self._usual = before + (there - before) * OF_NOW
        if lag_s > LATE_S:
            if self._usual > self._least:
                admission.at_once = max(min(admission.at_once, peak) * LESS, self._least)
        elif full:
            admission.at_once = min(admission.at_once + MORE, self._most)
