"""How many requests at once are good for an instance: fewer while it does not get to its work, more when it does.

Whether it gets to its work is told by a standing delay (as in CoDel, RFC 8289): a timer that rings late all the time
means that more is to be done here than can be, whatever callers and providers do. The number follows by additive
increase and multiplicative decrease (D.-M. Chiu, R. Jain, "Analysis of the increase and decrease algorithms for
congestion avoidance", 1989). A slow provider makes no timer late, and nobody is turned away because of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from statistics import median

from kit.quotas import Admission

TICK_S = 0.02
TICKS = 10
"""So many of them are one look."""
LATE_S = 0.03
"""A timer that rings later in half of the ticks has waited for others' work."""
LESS = 0.8
MORE = 1.0


class Crowding:
    """Sets the limit of an admission between the least and the most that it may be."""

    def __init__(self, admission: Admission, least: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._admission = admission
        self._least = min(least, admission.at_once)
        self._most = admission.at_once
        self._clock = clock

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look(median([await self._lag_s() for _ in range(TICKS)]))

    async def _lag_s(self) -> float:
        due = self._clock() + TICK_S
        await asyncio.sleep(TICK_S)
        return self._clock() - due

    def look(self, lag_s: float) -> None:
        """Take in fewer than there were when it is too much, and one more when it is not, and they were needed."""
        admission = self._admission
        peak, full = admission.take_peak()
        if lag_s > LATE_S:
            admission.at_once = max(min(admission.at_once, peak) * LESS, self._least)
        elif full:
            admission.at_once = min(admission.at_once + MORE, self._most)
