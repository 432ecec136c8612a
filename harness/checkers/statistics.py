"""Exact bounds of shares, of differences between shares, and of quantiles; no assumption but independent samples.

Sources:
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26 (1934): the bounds of one share, here one-sided.
    NIST Digital Library of Mathematical Functions, 8.17.22: the continued fraction of the incomplete beta function,
    evaluated by Lentz's method (I. J. Thompson, A. R. Barnett, J. Comput. Phys. 64, 1986).
    H. A. David, H. N. Nagaraja, "Order Statistics" (3rd edition, 2003), 7.1: distribution-free bounds of a quantile.
    O. J. Dunn, "Multiple comparisons among means", JASA 56 (1961): spending one error rate on several statements.

All bounds are one-sided at error rate `alpha`: a PASS rests on the upper one and a FAIL on the lower one, and only
one of the two can be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_BISECTIONS = 60
"""Halvings of [0, 1]: 1e-18, beyond what a float between 0 and 1 can tell."""

_FRACTION_TERMS = 10_000
_TINY = 1e-300
_PRECISION = 1e-14

BASELINE_PART = 0.25
"""Part of the error rate that a difference spends on the baseline's share; the rest goes to the other one."""

_LARGER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Times the samples at hand that are tried out to tell how many more would decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A figure between its one-sided bounds, each at the same error rate."""

    lower: float
    estimate: float
    upper: float


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x > (a + 1) / (a + b + 2):
        return 1 - math.exp(log_front) * _fraction(1 - x, b, a) / b
    return math.exp(log_front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of DLMF 8.17.22, by the modified method of Lentz."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _FRACTION_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _away(x: float) -> float:
    return _TINY if abs(x) < _TINY else x


def binomial_at_most(k: int, n: int, p: float) -> float:
    """P(X ≤ k) for X binomial over n trials with share p."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else 1 - beta_cdf(p, k + 1, n - k)


def binomial_at_least(k: int, n: int, p: float) -> float:
    """P(X ≥ k) for X binomial over n trials with share p."""
    if k <= 0:
        return 1.0
    return 0.0 if k > n else beta_cdf(p, k, n - k + 1)


def upper_bound(bad: int, n: int, alpha: float) -> float:
    """The share that is exceeded with an error rate of at most `alpha`: Clopper and Pearson's upper bound."""
    _checked(bad, n, alpha)
    return 1.0 if bad == n else _bisect(lambda p: binomial_at_most(bad, n, p) > alpha)[1]


def lower_bound(bad: int, n: int, alpha: float) -> float:
    """The share that is undercut with an error rate of at most `alpha`: Clopper and Pearson's lower bound."""
    _checked(bad, n, alpha)
    return 0.0 if bad == 0 else _bisect(lambda p: binomial_at_least(bad, n, p) < alpha)[0]


def share(bad: int, n: int, alpha: float) -> Bounds:
    """A share between its one-sided bounds; nothing is known of no samples."""
    if n == 0:
        return Bounds(lower=0.0, estimate=0.0, upper=1.0)
    return Bounds(lower=lower_bound(bad, n, alpha), estimate=bad / n, upper=upper_bound(bad, n, alpha))


def rise(bad: int, n: int, bad0: int, n0: int, alpha: float) -> Bounds:
    """By how much the share of bad ones is higher than in the baseline (`bad0` of `n0`), -1 to 1.

    The error rate is spent on the two shares (Bonferroni), so the bounds are exact for any sizes;
    Newcombe's "square and add" of the same bounds is narrower but misses up to 30 times as often as it
    says when the baseline is much smaller than the other sample.
    """
    now = share(bad, n, alpha * (1 - BASELINE_PART))
    before = share(bad0, n0, alpha * BASELINE_PART)
    return Bounds(
        lower=now.lower - before.upper,
        estimate=now.estimate - before.estimate,
        upper=now.upper - before.lower,
    )


def samples_needed(delta: float, alpha: float, *, bad: int = 0) -> int:
    """How many samples exclude a rise of `delta` or more at the error rate `alpha`, though `bad` of them are bad.

    Arrivals are random, so whoever plans a window should aim some three square roots higher.
    """
    _checked(0, 1, alpha)
    error = alpha * (1 - BASELINE_PART)
    n = max(bad + 1, math.ceil(math.log(error) / math.log1p(-delta)))
    while binomial_at_most(bad, n, delta) >= error:
        n += 1
    return n


def settled_by(bad: int, n: int, bad0: int, n0: int, delta: float, alpha: float) -> int | None:  # noqa: PLR0913, PLR0917 -- two samples, a limit and an error rate
    """How many samples would settle whether the rise is above or below `delta`, if the shares stay as they are.

    The baseline is thought to grow with it. None when not even 64 times as many would: the rise is too near to `delta`.
    """
    for times in _LARGER:
        bounds = rise(bad * times, n * times, bad0 * times, n0 * times, alpha)
        if n and (bounds.upper < delta or bounds.lower > delta):
            return n * times
    return samples_needed(delta, alpha) if bad == 0 and bad0 == 0 else None


def quantile_ranks(n: int, quantile: float, alpha: float) -> tuple[int | None, int | None]:
    """Ranks (from 1) of the samples that bound a quantile from below and from above, each at error rate `alpha`.

    None where there are too few samples for a bound. For any continuous distribution: the r-th smallest of n
    lies above the quantile only if fewer than r of them lie below, and those are binomial.
    """
    lower = _largest(n, lambda rank: binomial_at_most(rank - 1, n, quantile) <= alpha)
    upper = n + 1 - _largest(n, lambda rank: binomial_at_least(n + 1 - rank, n, quantile) <= alpha)
    return lower or None, upper if upper <= n else None


def allowance(n: int, p: float, error: float) -> int:
    """How many bad ones among n still agree with a share of p: more come by chance at most at the rate `error`."""
    return next(k for k in range(n + 1) if 1 - binomial_at_most(k, n, p) <= error)


def _largest(n: int, holds: Callable[[int], bool]) -> int:
    """The largest of 1 … n up to which `holds` is true, which is false ever after; 0 if of none."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _bisect(is_below: Callable[[float], bool]) -> tuple[float, float]:
    """An interval of [0, 1], as narrow as floats allow, at whose start `is_below` is true and at whose end false."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low, high


def _checked(bad: int, n: int, alpha: float) -> None:
    if not (0 <= bad <= n and n > 0 and 0 < alpha < 1):
        message = f"expected 0 <= bad <= n, n > 0 and 0 < alpha < 1, found {bad=}, {n=}, {alpha=}"
        raise ValueError(message)
