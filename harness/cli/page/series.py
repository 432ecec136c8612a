"""The figures of each second as the page draws them; a second that changes later is told again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from harness.model.figures import GOOD
from harness.model.observation import GeneratorSecond, JourneySecond, Outcome
from harness.model.sparse_histogram import buckets

KEPT_S = 900
"""Seconds that are remembered, and told to a page that has just been opened."""
LATELY_S = 10
"""What is said of the present is said of so many seconds."""
SILENT_S = 3
"""A generator that is so far behind the others is waited for no more."""

Row = dict[str, float | None]


@dataclass(slots=True)
class _Second:
    revision: int = 0
    asked: float = 0.0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)
    """Of those that served their customer, by microseconds."""


class Series:
    """Hears of journeys, and tells what is new since a revision."""

    def __init__(self) -> None:
        self.revision = 0
        self._told: dict[str, int] = {}
        self._seconds: dict[int, _Second] = {}

    def hear(self, rows: tuple[JourneySecond, ...]) -> None:
        """Journeys ended; what is told of a second adds to what was told before."""
        for row in rows:
            second = self._touched(row.second)
            second.outcomes[row.outcome] += row.count
            if row.outcome in GOOD:
                second.latencies.update(buckets(row.latencies))

    def told(self, rows: tuple[GeneratorSecond, ...]) -> None:
        """Generators have told all that ended before the end of these seconds."""
        for row in rows:
            self._told[row.worker] = max(row.second, self._told.get(row.worker, row.second))

    @property
    def whole(self) -> int:
        """What lies before this second has been told, and what began in the last of it had a second to end."""
        last = max(self._told.values(), default=0)
        return min((each for each in self._told.values() if each >= last - SILENT_S), default=0)

    def ask(self, second: int, rate: float) -> None:
        """What was asked of a second."""
        self._touched(second).asked = rate

    def since(self, revision: int) -> list[Row]:
        """The seconds that changed after it, in their order."""
        return [_row(at, each) for at, each in sorted(self._seconds.items()) if each.revision > revision]

    def lately(self, now: float) -> Row:
        """All of the last seconds together, but for the one that is not over."""
        total = _Second()
        for at in range(int(now) - LATELY_S, int(now)):
            if (second := self._seconds.get(at)) is not None:
                total.outcomes += second.outcomes
                total.latencies += second.latencies
        return _row(int(now), total)

    def _touched(self, at: int) -> _Second:
        self.revision += 1
        second = self._seconds.setdefault(at, _Second())
        second.revision = self.revision
        for old in [each for each in self._seconds if each <= at - KEPT_S]:
            del self._seconds[old]
        return second


def _row(at: int, second: _Second) -> Row:
    outcomes = {each.value.lower(): float(second.outcomes[each]) for each in Outcome}
    return {
        "t": float(at),
        "asked": second.asked,
        "p50": _percentile_ms(second.latencies, 0.50),
        "p99": _percentile_ms(second.latencies, 0.99),
        **outcomes,
    }


def _percentile_ms(latencies: Counter[int], part: float) -> float | None:
    wanted, seen = ceil(latencies.total() * part), 0
    for latency_us, count in sorted(latencies.items()):
        seen += count
        if seen >= wanted:
            return latency_us / 1000
    return None
