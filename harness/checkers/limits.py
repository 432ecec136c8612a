"""Does a figure certainly keep its limit, certainly miss it, or can't it be told?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.checkers.statistics import Bounds, quantile_ranks, samples_needed, share
from harness.checkers.tally import MIN_SAMPLES
from harness.model.bound import EVERY, QUANTILES, RATES, SHARES, Bound, Measure
from harness.model.figures import GOOD, Histogram, merged, percentile_s, seconds_in, share_over_s
from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome, Window
from harness.model.verdict import Verdict

SERVED = (AnswerClass.FULL, AnswerClass.DEGRADED)
"""The classes of answers that served whoever asked."""

_LARGER = (1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Times the samples at hand that are tried out to tell how many more would decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What came of a figure; without samples nothing was measured."""

    verdict: Verdict
    reason: str
    n: int = 0
    found: Bounds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One kind of end in one second, of a journey or of a step."""

    count: int
    good: bool
    degraded: bool
    failed: bool
    unknown: bool
    latencies: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What was measured: journeys by the second they were due, answers by the second they ended."""

    journeys: Sequence[JourneySecond]
    answers: Sequence[AnswerSecond] = ()


def kept(bound: Bound, rows: Rows, windows: Sequence[Window], alpha: float) -> Kept:
    """PASS when the figure certainly keeps its limit in these windows together, FAIL when it certainly does not."""
    seen = list(_seen(bound, rows, windows))
    if bound.measure in RATES:
        return _rate(bound, seen, windows)
    if bound.measure is Measure.MAX:
        return _longest(bound, merged(each.latencies for each in seen if each.good))
    if bound.measure in SHARES:
        hit, n = _counted(seen, bound.measure)
        return _of_share(bound, hit, n, alpha)
    return _of_quantile(bound, merged(each.latencies for each in seen if each.good), alpha)


def samples_for(bound: Bound, alpha: float) -> int | None:
    """How many samples prove that a figure keeps its limit, when all are good; None when any number does."""
    allowed = _allowed(bound)
    return samples_needed(allowed, alpha) if 0 < allowed < 1 else None


def _allowed(bound: Bound) -> float:
    """The share of exceptions that the limit leaves room for; none of what is told exactly."""
    if bound.measure in SHARES:
        return bound.limit if bound.below else 1 - bound.limit
    quantile = QUANTILES.get(bound.measure, 1.0)
    return 1 - quantile if bound.below else quantile


def fewest(bound: Bound) -> int:
    """With fewer samples a figure is not told: a percentile has to have one sample beyond it."""
    if bound.measure not in QUANTILES:
        return MIN_SAMPLES
    return max(MIN_SAMPLES, math.ceil(round(1 / (1 - QUANTILES[bound.measure]), 6)))


def _seen(bound: Bound, rows: Rows, windows: Sequence[Window]) -> Iterator[_Seen]:
    name, _, step = bound.journey.partition("/")
    journey = None if name == EVERY else name
    for window in windows:
        if step:
            answers = seconds_in(rows.answers, window, journey)
            yield from (_of_answer(each) for each in answers if each.request == step)
        else:
            yield from (_of_journey(each) for each in seconds_in(rows.journeys, window, journey))


def _of_journey(each: JourneySecond) -> _Seen:
    return _Seen(
        count=each.count,
        good=each.outcome in GOOD,
        degraded=each.outcome is Outcome.DEGRADED,
        failed=each.outcome is Outcome.FAILED,
        unknown=each.outcome is Outcome.UNKNOWN,
        latencies=each.latencies,
    )


def _of_answer(each: AnswerSecond) -> _Seen:
    served = each.answer in SERVED
    return _Seen(
        count=each.count,
        good=served,
        degraded=each.answer is AnswerClass.DEGRADED,
        failed=not served,
        unknown=False,
        latencies=each.latencies,
    )


def _counted(seen: Iterable[_Seen], measure: Measure) -> tuple[int, int]:
    """How many were what the measure counts, and of how many."""
    rows = [each for each in seen if each.good] if measure is Measure.DEGRADED else list(seen)
    if measure is Measure.BAD:
        hits = [each for each in rows if not each.good]
    else:
        hits = [each for each in rows if getattr(each, measure.value)]
    return sum(each.count for each in hits), sum(each.count for each in rows)


def _rate(bound: Bound, seen: Sequence[_Seen], windows: Sequence[Window]) -> Kept:
    """A rate is told exactly: it is what customers got in that time, and no sample of anything."""
    whole = sum(len(window.seconds) for window in windows)
    if not whole or not seen:
        return Kept(verdict=Verdict.UNKNOWN, reason=f"nothing was measured in {whole} s")
    good = bound.measure is Measure.GOODPUT
    n = sum(each.count for each in seen if each.good or not good)
    return _exact(bound, n / whole, n, f"{n} {'good ones ' if good else ''}in {whole} s")


def _longest(bound: Bound, histogram: Histogram) -> Kept:
    """The longest is told exactly too: no other was longer."""
    found = percentile_s(histogram, 100)
    if found is None:
        return Kept(verdict=Verdict.UNKNOWN, reason="nothing was measured: there is no good one")
    return _exact(bound, found, histogram.count, f"the longest of {histogram.count}")


def _exact(bound: Bound, value: float, n: int, told: str) -> Kept:
    found = Bounds(lower=value, estimate=value, upper=value)
    verdict = _verdict(found, bound, exact=True)
    return Kept(verdict=verdict, reason=f"{bound.shown(value)}, {told}", n=n, found=found)


def _of_share(bound: Bound, hit: int, n: int, alpha: float) -> Kept:
    exceptions = hit if bound.below else n - hit
    return _too_few(bound, n, alpha) or _told(bound, share(hit, n, alpha), exceptions, n, alpha)


def _of_quantile(bound: Bound, histogram: Histogram, alpha: float) -> Kept:
    n = histogram.count
    if too_few := _too_few(bound, n, alpha):
        return too_few
    low, high = quantile_ranks(n, QUANTILES[bound.measure], alpha)
    found = Bounds(
        lower=_ranked(histogram, low) if low else 0.0,
        estimate=percentile_s(histogram, QUANTILES[bound.measure] * 100) or 0.0,
        upper=_ranked(histogram, high) if high else math.inf,
    )
    over = round((share_over_s(histogram, bound.limit) or 0.0) * n)
    return _told(bound, found, over if bound.below else n - over, n, alpha)


def _ranked(histogram: Histogram, rank: int) -> float:
    return percentile_s(histogram, 100 * rank / histogram.count) or 0.0


def _too_few(bound: Bound, n: int, alpha: float) -> Kept | None:
    needed = fewest(bound)
    if n >= needed:
        return None
    proof = samples_for(bound, alpha)
    more = f", {proof} without an exception would prove it" if proof and proof > needed else ""
    told = "nothing was measured" if n == 0 else f"only {n} samples"
    return Kept(verdict=Verdict.UNKNOWN, reason=f"{told}, {needed} are needed{more}", n=n)


def _told(bound: Bound, found: Bounds, exceptions: int, n: int, alpha: float) -> Kept:
    verdict = _verdict(found, bound)
    told = f"{bound.shown(found.estimate)}, n = {n}"
    if verdict is Verdict.UNKNOWN:
        reason = f"{told}: too near to the limit, or too few samples, to be certain"
        reason += _settling(bound, exceptions, n, alpha)
    else:
        reason = f"{told}: certainly {'kept' if verdict is Verdict.PASS else 'missed'}"
    return Kept(verdict=verdict, reason=reason, n=n, found=found)


def _settling(bound: Bound, exceptions: int, n: int, alpha: float) -> str:
    """How many samples would decide: without an exception, or if as many are exceptions as are now."""
    if not exceptions:
        enough = samples_for(bound, alpha)
        return f"; {enough} samples without an exception would prove it" if enough and enough > n else ""
    allowed = _allowed(bound)
    for times in _LARGER:
        larger = math.ceil(n * times)
        bounds = share(min(round(exceptions * times), larger), larger, alpha)
        if bounds.upper < allowed or bounds.lower > allowed:
            return f"; {larger} samples would settle it, should it stay as it is"
    return ""


def _verdict(found: Bounds, bound: Bound, *, exact: bool = False) -> Verdict:
    strict = len(bound.sign) == 1
    if bound.below:
        kept_ = found.upper < bound.limit if strict else found.upper <= bound.limit
        missed = found.lower > bound.limit
    else:
        kept_ = found.lower > bound.limit if strict else found.lower >= bound.limit
        missed = found.upper < bound.limit
    if kept_:
        return Verdict.PASS
    return Verdict.FAIL if missed or exact else Verdict.UNKNOWN
