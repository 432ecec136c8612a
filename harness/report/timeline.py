"""What happened in each second, and in each window, to the journeys and on the edges."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.model.figures import GOOD, counts, latencies, merged, percentile_s, seconds_in
from harness.model.observation import CrossingSecond, JourneySecond, Outcome, Window, WindowKind

MAX_BINS = 240
"""Longer stretches are told in bins of several seconds: more points than this no reader can see."""

MAX_LINES = 4_096
"""Names of lines whose edge is kept: the same few come again with every second."""

_INDEX = re.compile(r"-\d+(?=->|$)")

WINDOW_WORDS = {
    WindowKind.WARM_UP: "warm-up",
    WindowKind.BASELINE: "before",
    WindowKind.FAULT: "during",
    WindowKind.RECOVERY: "after (recovery)",
    WindowKind.WELL: "after (well again)",
    WindowKind.HALF_LOAD: "after (half the load)",
    WindowKind.REST: "after (rest)",
}
"""What a window is called in the table before / during / after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Journeys that were due in one bin of `step_s` seconds from `start`; latencies are those of the good ones."""

    start: int
    step_s: int
    ok: int
    degraded: int
    failed: int
    unknown: int
    p50_s: float | None
    p99_s: float | None

    @property
    def total(self) -> int:
        """All journeys due in it."""
        return self.ok + self.degraded + self.failed + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFigures:
    """One journey in one window: how its runs ended, and how long the good ones took."""

    kind: WindowKind
    journey: str
    ok: int
    degraded: int
    failed: int
    unknown: int
    p50_s: float | None
    p99_s: float | None

    @property
    def total(self) -> int:
        """All journeys due in it."""
        return self.ok + self.degraded + self.failed + self.unknown

    @property
    def bad(self) -> int:
        """Journeys that did not serve their customer, or may not have."""
        return self.failed + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingFigures:
    """What crossed one edge in one window; `first_byte_s` is the mean time to an answer's first byte."""

    kind: WindowKind
    edge: str
    length_s: float
    connections: int
    requests: int
    answers: int
    aborted: int
    first_byte_s: float | None


@lru_cache(maxsize=MAX_LINES)
def edge_of_line(line: str) -> str:
    """`gateway-1->catalog-2` belongs to the edge `gateway->catalog`."""
    return _INDEX.sub("", line)


def binned(seconds: Iterable[JourneySecond], journey: str | None, start: float, end: float) -> tuple[Bin, ...]:
    """One journey, or all, in whole seconds, without gaps: a bin in which nothing was due counts none."""
    first, last = math.ceil(start), math.floor(end)
    step = max(1, math.ceil((last - first) / MAX_BINS))
    by_bin: dict[int, list[JourneySecond]] = defaultdict(list)
    for each in seconds:
        if journey in {None, each.journey} and first <= each.second < last:
            by_bin[(each.second - first) // step].append(each)
    return tuple(_bin(by_bin[index], first + index * step, step) for index in range(math.ceil((last - first) / step)))


def _bin(seconds: Sequence[JourneySecond], start: int, step_s: int) -> Bin:
    found = dict.fromkeys(Outcome, 0)
    for each in seconds:
        found[each.outcome] += each.count
    good = [each.latencies for each in seconds if each.outcome in GOOD and each.count]
    histogram = merged(good) if good else None
    return Bin(
        start=start,
        step_s=step_s,
        ok=found[Outcome.OK],
        degraded=found[Outcome.DEGRADED],
        failed=found[Outcome.FAILED],
        unknown=found[Outcome.UNKNOWN],
        p50_s=percentile_s(histogram, 50) if histogram else None,
        p99_s=percentile_s(histogram, 99) if histogram else None,
    )


def window_figures(seconds: Sequence[JourneySecond], window: Window, journey: str) -> WindowFigures:
    """One journey in one window, by the same rule as the checkers: whole seconds of intended starts only."""
    found = counts(seconds, window, journey)
    histogram = latencies(seconds, window, journey)
    return WindowFigures(
        kind=window.kind,
        journey=journey,
        ok=found[Outcome.OK],
        degraded=found[Outcome.DEGRADED],
        failed=found[Outcome.FAILED],
        unknown=found[Outcome.UNKNOWN],
        p50_s=percentile_s(histogram, 50),
        p99_s=percentile_s(histogram, 99),
    )


def crossing_figures(crossings: Iterable[CrossingSecond], window: Window, edge: str) -> CrossingFigures:
    """What crossed one edge, all its lines together, in the whole seconds of one window."""
    inside = [
        each
        for each in crossings
        if window.start <= each.second and each.second + 1 <= window.end and edge_of_line(each.line) == edge
    ]
    answers = sum(each.answers for each in inside)
    return CrossingFigures(
        kind=window.kind,
        edge=edge,
        length_s=max(0.0, math.floor(window.end) - math.ceil(window.start)),
        connections=sum(each.connections for each in inside),
        requests=sum(each.requests for each in inside),
        answers=answers,
        aborted=sum(each.aborted for each in inside),
        first_byte_s=sum(each.answer_ms_sum for each in inside) / answers / 1000 if answers else None,
    )


def journeys_seen(seconds: Iterable[JourneySecond], windows: Sequence[Window]) -> tuple[str, ...]:
    """Names of the journeys that were due in any of these windows, in order of their first appearance."""
    rows = list(seconds)
    names: dict[str, None] = {}
    for window in windows:
        names.update(dict.fromkeys(each.journey for each in seconds_in(rows, window)))
    return tuple(names)
