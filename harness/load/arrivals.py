"""When each journey is due: an open model, whose due times don't wait for answers."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One journey that is due `at` a time of the generator's clock (seconds)."""

    number: int
    """Counts from 0; chance within the journey is seeded by it."""
    at: float
    journey: str


class Arrivals:
    """Poisson arrivals whose rate and weights can be altered at any time.

    Arrival n draws its gap (in units of the mean gap) and its journey from the seed alone,
    so that the same seed gives the same journeys in the same order, whatever the rates were.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}:arrivals")  # noqa: S311 -- load, not secrets
        self._rate = 0.0
        self._journeys: tuple[str, ...] = ()
        self._bounds: tuple[float, ...] = ()
        self._number = 0
        self._since = 0.0
        self._units = 0.0
        self._pick = 0.0
        self._draw()

    @property
    def next_at(self) -> float:
        """When the next journey is due; infinite while the rate is 0."""
        return self._since + self._units / self._rate if self._rate else math.inf

    def alter(self, *, rate: float, weights: Mapping[str, float], now: float) -> None:
        """From `now` on let `rate` journeys a second be due, each chosen by `weights`.

        Raises:
            ValueError: if the rate is negative or not finite, or nothing has a positive weight.
        """
        if not (math.isfinite(rate) and rate >= 0):
            message = f"expected a rate of 0 or more journeys a second, found {rate}"
            raise ValueError(message)
        chosen = {journey: weight for journey, weight in weights.items() if weight > 0}
        if rate and not chosen:
            message = f"expected a journey with a positive weight, found {dict(weights)}"
            raise ValueError(message)
        self._units -= max(now - self._since, 0.0) * self._rate
        self._units = max(self._units, 0.0)
        self._since = now
        self._rate = rate
        total = sum(chosen.values())
        self._journeys = tuple(chosen)
        self._bounds = tuple(bound / total for bound in accumulate(chosen.values()))

    def stop(self, now: float) -> None:
        """Let nothing be due from `now` on; what is left of the current gap is kept."""
        self.alter(rate=0.0, weights={}, now=now)

    def due(self, now: float) -> Iterator[Arrival]:
        """Every journey that is due at `now` and was not given before, in order."""
        while (at := self.next_at) <= now:
            index = min(bisect_right(self._bounds, self._pick), len(self._journeys) - 1)
            arrival = Arrival(number=self._number, at=at, journey=self._journeys[index])
            self._number += 1
            self._since = at
            self._draw()
            yield arrival

    def _draw(self) -> None:
        self._units = self._chance.expovariate(1.0)
        self._pick = self._chance.random()
