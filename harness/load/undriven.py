"""What was due at a generator that is gone: drawn again from the seed, since nobody was there to count it."""

from __future__ import annotations

from collections import Counter
from math import floor

from harness.load.arrivals import Arrivals
from harness.load.wire import Drive, Follow
from harness.model.observation import GeneratorSecond

KEPT_S = 60
"""Seconds that are remembered: a generator is known to be gone long before."""


class Undriven:
    """Counts what is due at each of several generators; it must hear of every change that they hear of."""

    def __init__(self, seed: int, *, generators: int) -> None:
        self._arrivals = Arrivals(seed)
        self._generators = generators
        self._due: dict[int, Counter[int]] = {}

    def alter(self, command: Drive | Follow) -> None:
        """Arrivals change, from a time of the run on that the command tells; raises ValueError."""
        if isinstance(command, Follow):
            self._draw(command.since)
            self._arrivals.follow(command.profile, began=command.began, since=command.since, now=command.since)
        elif command.at is not None:
            self._draw(command.at)
            self._arrivals.alter(rate=command.rate, weights=command.weights, now=command.at)

    def stop(self, at: float) -> None:
        """No more arrivals from then on."""
        self._draw(at)
        self._arrivals.stop(at)

    def lost(self, index: int, worker: str, *, since: int, before: int) -> tuple[GeneratorSecond, ...]:
        """Rows in the name of a generator that is gone, of the seconds from `since` until before the other."""
        self._draw(float(before))
        return tuple(
            GeneratorSecond(
                second=second,
                due=due,
                started=0,
                dropped=0,
                lag_p99_s=0.0,
                in_flight=0,
                cpu_share=0.0,
                worker=worker,
                lost=due,
            )
            for second in range(since, before)
            if (due := self._due.get(second, Counter())[index])
        )

    def upto(self, now: float) -> None:
        """Time goes on: draw what is due, and forget what nobody will ask for."""
        self._draw(now)
        for second in [each for each in self._due if each < now - KEPT_S]:
            del self._due[second]

    def _draw(self, until: float) -> None:
        for arrival in self._arrivals.due(until):
            self._due.setdefault(floor(arrival.at), Counter())[arrival.number % self._generators] += 1
