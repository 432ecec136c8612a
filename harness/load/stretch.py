"""A stretch of time in which the rate of arrivals goes evenly from one to another, and the algebra of several."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate


class Choice:
    """Chooses a journey by weights."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Raises ValueError when nothing has a positive weight."""
        chosen = {journey: weight for journey, weight in weights.items() if weight > 0}
        if not chosen:
            message = f"expected a journey with a positive weight, found {dict(weights)}"
            raise ValueError(message)
        total = sum(chosen.values())
        self._journeys = tuple(chosen)
        self._bounds = tuple(bound / total for bound in accumulate(chosen.values()))

    def of(self, pick: float) -> str:
        """The journey for a number from 0 to below 1."""
        return self._journeys[min(bisect_right(self._bounds, pick), len(self._journeys) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Journeys are due from `start` until before `end`, `rate` a second at first and `end_rate` at last.

    One without an end keeps its rate.
    """

    start: float
    end: float
    rate: float
    end_rate: float
    choice: Choice
    wanted: Mapping[str, float] = field(default_factory=dict)

    @property
    def slope(self) -> float:
        """By how much the rate rises in a second."""
        return 0.0 if math.isinf(self.end) else (self.end_rate - self.rate) / (self.end - self.start)

    def units(self, since: float, until: float) -> float:
        """How many journeys are due on average between two times: the integral of the rate."""
        since, until = max(since, self.start), min(until, self.end)
        if until <= since:
            return 0.0
        middle = (since + until) / 2 - self.start
        return (until - since) * (self.rate + self.slope * middle)

    def reached(self, since: float, units: float) -> float:
        """When so many more are due after `since`; to be asked only where the stretch has as many left."""
        since = max(since, self.start)
        at_first = max(self.rate + self.slope * (since - self.start), 0.0)
        root = math.sqrt(max(at_first * at_first + 2 * self.slope * units, 0.0))
        # The form of the quadratic formula that stays exact where the slope is next to nothing.
        return since + (2 * units / (at_first + root) if units else 0.0)


def units_between(course: Iterable[Stretch], since: float, until: float) -> float:
    """How many journeys are due on average between two times of a course, whose stretches are in order."""
    return sum(stretch.units(since, until) for stretch in course)


def reached(course: Iterable[Stretch], since: float, units: float) -> tuple[float, Stretch] | None:
    """When so many more are due after `since`, and in which stretch; None when there are fewer."""
    for stretch in course:
        if stretch.end <= since:
            continue
        there = stretch.units(since, stretch.end) if not math.isinf(stretch.end) else math.inf
        if units < there:
            return min(stretch.reached(since, units), math.nextafter(stretch.end, -math.inf)), stretch
        units -= there
    return None
