"""Figures asked of seconds: histograms merged, percentiles, counts in a window.

Several `JourneySecond` (or `AnswerSecond`) may tell of the same second, journey and outcome: each is an
increment, sent when more of that second became known, and all of them are summed. The functions here do so.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, TypeVar

from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome, Window

LOWEST_US = 1
HIGHEST_US = 120_000_000
SIGNIFICANT_DIGITS = 3

GOOD = (Outcome.OK, Outcome.DEGRADED)
"""The outcomes that served the customer."""

_US = 1_000_000


class _OfSecond(Protocol):
    @property
    def second(self) -> int: ...

    @property
    def journey(self) -> str: ...


_Second = TypeVar("_Second", bound=_OfSecond)


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many latencies fell into each non-empty bucket of an HDR histogram, ascending; all in microseconds."""

    lowest_us: tuple[int, ...]
    """The smallest latency of each bucket."""
    highest_us: tuple[int, ...]
    """The greatest latency of each bucket, at most 0.1 % above the smallest."""
    cumulative: tuple[int, ...]
    """How many latencies lie in this bucket or below it."""

    @property
    def count(self) -> int:
        """How many latencies there are in all."""
        return self.cumulative[-1] if self.cumulative else 0


def encoded(latencies_s: Iterable[float]) -> str:
    """The latencies (seconds) as a histogram in the base64 form of HdrHistogram V2.

    Those below 1 µs count as 1 µs, those above 120 s as 120 s.
    """
    from hdrh.histogram import HdrHistogram

    histogram = HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)
    for latency_s in latencies_s:
        histogram.record_value(min(max(round(latency_s * _US), LOWEST_US), HIGHEST_US))
    text: bytes = histogram.encode()
    return text.decode("ascii")


def merged(histograms: Iterable[str]) -> Histogram:
    """All latencies of some encoded histograms together; an empty text counts as an empty histogram.

    Raises:
        ValueError: if a text is no HdrHistogram V2 of the range and precision that `encoded` uses.
    """
    from harness.model.sparse_histogram import buckets, lowest_us

    # Of some 24,000 buckets few are filled: no step is taken for the others.
    total: Counter[int] = Counter()
    for text in histograms:
        total.update(buckets(text))
    highest = tuple(sorted(total))
    return Histogram(
        lowest_us=tuple(lowest_us(each) for each in highest),
        highest_us=highest,
        cumulative=tuple(accumulate(total[each] for each in highest)),
    )


def percentile_s(histogram: Histogram, percentile: float) -> float | None:
    """The latency in seconds that so many per cent do not exceed (at most 0.1 % too high); None of an empty one.

    Raises:
        ValueError: if `percentile` is not between 0 and 100.
    """
    if not 0 <= percentile <= 100:  # noqa: PLR2004 -- per cent
        message = f"expected a percentile between 0 and 100, found {percentile}"
        raise ValueError(message)
    if not histogram.count:
        return None
    wanted = max(percentile * histogram.count / 100, 1)
    # Half a thousandth of one sample absorbs the rounding of e.g. 99.9 * 1000 / 100.
    index = bisect_left(histogram.cumulative, wanted - 0.0005)
    return histogram.highest_us[min(index, len(histogram.highest_us) - 1)] / _US


def share_over_s(histogram: Histogram, limit_s: float) -> float | None:
    """The share (0 to 1) of latencies above `limit_s`, None of none; one up to 0.1 % above may count as within."""
    if not histogram.count:
        return None
    within = bisect_right(histogram.lowest_us, round(limit_s * _US))
    return 1 - (histogram.cumulative[within - 1] if within else 0) / histogram.count


def seconds_in(seconds: Iterable[_Second], window: Window, journey: str | None = None) -> list[_Second]:
    """Those whose whole second lies in the window, of one journey or of all."""
    return [
        each
        for each in seconds
        if window.start <= each.second and each.second + 1 <= window.end and journey in {None, each.journey}
    ]


def counts(seconds: Iterable[JourneySecond], window: Window, journey: str | None = None) -> dict[Outcome, int]:
    """How many journeys that were due in the window ended in each outcome; every outcome is a key."""
    found = dict.fromkeys(Outcome, 0)
    for each in seconds_in(seconds, window, journey):
        found[each.outcome] += each.count
    return found


def answer_counts(
    seconds: Iterable[AnswerSecond], window: Window, journey: str | None = None
) -> dict[AnswerClass, int]:
    """How many answers that ended in the window were of each class; every class is a key."""
    found = dict.fromkeys(AnswerClass, 0)
    for each in seconds_in(seconds, window, journey):
        found[each.answer] += each.count
    return found


def latencies(
    seconds: Iterable[JourneySecond],
    window: Window,
    journey: str | None = None,
    outcomes: Collection[Outcome] = GOOD,
) -> Histogram:
    """From intended start to end, of journeys with these outcomes: by default the good, since fast failures flatter."""
    return merged(each.latencies for each in seconds_in(seconds, window, journey) if each.outcome in outcomes)


def answer_latencies(seconds: Iterable[AnswerSecond], window: Window, journey: str | None = None) -> Histogram:
    """The times of all answers that ended in the window, whatever their class."""
    return merged(each.latencies for each in seconds_in(seconds, window, journey))
