"""The parts of a chart: scales, ticks, paths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TICK_STEPS = (1.0, 2.0, 5.0, 10.0)
_DOT = "M{0:.1f} {1:.1f}m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0 -3 0"
_SECOND_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From values to positions; `logarithmic` for latencies, which span orders of magnitude."""

    low: float
    high: float
    at_low: float
    at_high: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The position of a value; one outside stands at the nearer end."""
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            part = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            part = (inside - self.low) / (self.high - self.low)
        return self.at_low + part * (self.at_high - self.at_low)


def number(value: float) -> str:
    """A coordinate, no longer than it must be."""
    return f"{value:.1f}".removesuffix(".0")


def _pair(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"


def line_path(points: Iterable[tuple[float, float] | None]) -> str:
    """A path through the points; None is a gap, and a point alone between gaps is a dot."""
    parts: list[str] = []
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
            continue
        if run:
            parts.append(_DOT.format(*run[0]) if len(run) == 1 else "M" + "L".join(map(_pair, run)))
        run = []
    return "".join(parts)


def box_path(boxes: Iterable[tuple[float, float, float, float]]) -> str:
    """One path of many boxes (x, y, width, height); those without height are left out."""
    return "".join(
        f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h-{number(width)}z"
        for x, y, width, height in boxes
        if height > 0
    )


def linear_ticks(high: float, about: int = 4) -> Sequence[float]:
    """Round values from 0 to `high`, some `about` of them."""
    rough = high / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in _TICK_STEPS if step * power >= rough * 0.999)
    return [index * step for index in range(math.floor(high / step * 1.001) + 1)]


def decade_ticks(low: float, high: float) -> Sequence[float]:
    """Powers of ten between two values, both included."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    return [10.0**power for power in range(first, last + 1)]


def second_ticks(start: float, end: float, about: int = 6) -> Sequence[int]:
    """Round seconds between `start` and `end`, 0 among them when it lies between."""
    rough = (end - start) / about
    step = next((step for step in _SECOND_STEPS if step >= rough), _SECOND_STEPS[-1])
    return [index * step for index in range(math.ceil(start / step), math.floor(end / step) + 1)]
