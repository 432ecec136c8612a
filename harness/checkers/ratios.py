"""By how much two runs' figures differ: percentiles, shares and rates, each between bounds, from their seconds.

Sources:
    R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47 (1952): bounds of a
    percentile from those of the share below it, whatever the latencies' distribution; `statistics.quantile_ranks`
    gives the ranks, for as many samples as the seconds are worth (`serial.worth`).
    G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a general approach", Statistics
    in Medicine 27 (2008): the bounds of a difference (here of logarithms, so of a ratio) from those of its two sides.
    The difference of two shares is that of `statistics.rise`, which stays exact where shares are next to nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

from harness.checkers.serial import INDEPENDENT_LEAST, degrees, independent, t_quantile, variation, worth
from harness.checkers.statistics import Bounds, quantile_ranks, rise
from harness.model.sparse_histogram import Buckets

POWER = 0.95
"""How likely a difference is shown that is told as one that would have been seen."""

_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two figures, and what the second certainly is compared with the first."""

    before: Bounds
    after: Bounds
    change: Bounds
    """0.1 is 10 % more; of shares, 10 points more."""
    visible: float
    """A rise of so much would have been shown, with a probability of `POWER`."""


def of_percentiles(
    before: Sequence[Buckets], after: Sequence[Buckets], quantile: float, alpha: float
) -> Difference | None:
    """How much longer the percentile of the second is; None when one of the two has no bounds at this error rate."""
    one, other = _percentile(before, quantile, alpha), _percentile(after, quantile, alpha)
    return _of_logarithms(one, other, alpha) if one and other else None


def of_rates(before: Sequence[int], after: Sequence[int], alpha: float) -> Difference | None:
    """How much higher the second rate is; None of too few seconds, or where nothing happened at all."""
    one, other = _rate(before, alpha), _rate(after, alpha)
    return _of_logarithms(one, other, alpha) if one and other else None


def of_shares(
    before: tuple[Sequence[int], Sequence[int]], after: tuple[Sequence[int], Sequence[int]], alpha: float
) -> Difference | None:
    """How many points more the second share is, of (hits, all) by second; None where there are no samples."""
    (bad0, n0), (bad, n) = _independent(*before, alpha), _independent(*after, alpha)
    if not n0 or not n:
        return None
    change = rise(bad, n, bad0, n0, alpha)
    estimate = sum(after[0]) / sum(after[1]) - sum(before[0]) / sum(before[1])
    z = NormalDist().inv_cdf(1 - alpha)
    return Difference(
        before=_told(before),
        after=_told(after),
        change=Bounds(lower=change.lower, estimate=estimate, upper=change.upper),
        visible=(change.upper - change.lower) / 2 * (z + NormalDist().inv_cdf(POWER)) / z,
    )


def _told(share: tuple[Sequence[int], Sequence[int]]) -> Bounds:
    value = sum(share[0]) / sum(share[1])
    return Bounds(lower=value, estimate=value, upper=value)


def _percentile(seconds: Sequence[Buckets], quantile: float, alpha: float) -> Bounds | None:
    total: dict[int, int] = {}
    for each in seconds:
        for value, count in each.items():
            total[value] = total.get(value, 0) + count
    values = sorted(total)
    cumulative = list(accumulate(total[value] for value in values))
    n = cumulative[-1] if cumulative else 0
    if not n:
        return None
    at = values[bisect_left(cumulative, quantile * n - 0.0005)]
    over = [sum(count for value, count in each.items() if value > at) for each in seconds]
    alike = worth(*_residuals(over, [sum(each.values()) for each in seconds]), n, alpha)
    whole = int(alike)
    low, high = quantile_ranks(whole, quantile, alpha) if whole else (None, None)
    if low is None or high is None:
        return None

    def ranked(rank: int) -> float:
        return values[bisect_left(cumulative, rank / whole * n - 0.0005)] / _US

    return Bounds(lower=ranked(low), estimate=at / _US, upper=ranked(high))


def _residuals(hits: Sequence[int], totals: Sequence[int]) -> tuple[list[float], float]:
    """By how much each second has more hits than the share of all seconds makes expect; and one sample's variance."""
    n = sum(totals)
    share = sum(hits) / n if n else 0.0
    return [hit - share * total for hit, total in zip(hits, totals, strict=True)], share * (1 - share)


def _independent(hits: Sequence[int], totals: Sequence[int], alpha: float) -> tuple[int, int]:
    """The hits and samples that the seconds are worth."""
    n = sum(totals)
    whole = int(worth(*_residuals(hits, totals), n, alpha))
    return min(round(sum(hits) * whole / n) if n else 0, whole), whole


def _rate(counts: Sequence[int], alpha: float) -> Bounds | None:
    n = len(counts)
    mean = sum(counts) / max(n, 1)
    away = [each - mean for each in counts]
    if not mean or independent(away) < INDEPENDENT_LEAST:
        return None
    half = t_quantile(alpha, degrees(away)) * math.sqrt(variation(away) / n)
    return Bounds(lower=mean - half, estimate=mean, upper=mean + half) if half < mean else None


def _of_logarithms(before: Bounds, after: Bounds, alpha: float) -> Difference:
    """The bounds of a ratio, less one."""
    centre = math.log(after.estimate / before.estimate)
    down = math.hypot(math.log(after.estimate / after.lower), math.log(before.upper / before.estimate))
    up = math.hypot(math.log(after.upper / after.estimate), math.log(before.estimate / before.lower))
    z = NormalDist().inv_cdf(1 - alpha)
    return Difference(
        before=before,
        after=after,
        change=Bounds(lower=math.expm1(centre - down), estimate=math.expm1(centre), upper=math.expm1(centre + up)),
        visible=math.expm1(max(down, up) * (z + NormalDist().inv_cdf(POWER)) / z),
    )
