"""Which journeys' traces are worth a look: of each second, journey and outcome the slowest few."""

from __future__ import annotations

import heapq
from collections import defaultdict
from math import floor

from harness.model.observation import Outcome
from harness.model.span import JourneyTrace

SLOWEST = 2
"""Of each second, journey and outcome."""


class WorthALook:
    """Keeps what is worth it until it is taken."""

    def __init__(self) -> None:
        self._kept: defaultdict[tuple[int, str, Outcome], list[tuple[float, str, JourneyTrace]]] = defaultdict(list)

    def add(self, trace: JourneyTrace, *, ended: float) -> None:
        """A journey ended."""
        kept = self._kept[floor(ended), trace.journey, trace.outcome]
        entry = (trace.took_s, trace.trace, trace)
        if len(kept) < SLOWEST:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)

    def take(self) -> tuple[JourneyTrace, ...]:
        """What was kept since the last call, the earliest second first; it is forgotten."""
        found = tuple(each for key in sorted(self._kept) for _, _, each in self._kept[key])
        self._kept.clear()
        return found
