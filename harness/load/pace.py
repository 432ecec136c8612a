"""How the load generator itself fares, by the second."""

from __future__ import annotations

import time
from collections import Counter
from math import ceil

from harness.model.observation import GeneratorSecond


class Pace:
    """What was due, started and dropped; seconds are those of the intended starts."""

    def __init__(self) -> None:
        self.due: Counter[int] = Counter()
        self.started: Counter[int] = Counter()
        self.dropped: Counter[int] = Counter()
        self.lags: list[float] = []
        self._moves = 0
        self._wall = time.monotonic()
        self._cpu = time.process_time()

    def take(self, seconds: range, *, in_flight: int, moves: int) -> tuple[GeneratorSecond, ...]:
        """One row for each of the seconds; lag and CPU are those since the last call, moves count in the last row."""
        wall, cpu = time.monotonic(), time.process_time()
        share = (cpu - self._cpu) / max(wall - self._wall, 1e-6)
        self._wall, self._cpu = wall, cpu
        lags = sorted(self.lags)
        lag = lags[ceil(len(lags) * 0.99) - 1] if lags else 0.0
        self.lags.clear()
        moved, self._moves = moves - self._moves, moves
        return tuple(
            GeneratorSecond(
                second=second,
                due=self.due.pop(second, 0),
                started=self.started.pop(second, 0),
                dropped=self.dropped.pop(second, 0),
                lag_p99_s=lag,
                in_flight=in_flight,
                cpu_share=share,
                moved=moved if second == seconds[-1] else 0,
            )
            for second in seconds
        )
