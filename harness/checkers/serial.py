"""How many independent samples the samples of seconds are worth, when a bad second is followed by another.

Sources:
    E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 24 (1998): exact bounds of a share, with the number of samples
    divided by how much more it varies than independent ones would, and for how well that is known.
    B. Schmeiser, "Batch size effects in the analysis of simulation output", Operations Research 30 (1982): blocks
    of seconds as the units that are (nearly) independent, and that there should be ten or more of them.
    G. S. Fishman, "Grouping observations in digital simulation", Management Science 24 (1978): blocks are doubled,
    and what correlation remains between neighbouring ones is looked at; here it is reckoned in, as of an
    autoregressive process of first order, and the largest figure of all sizes counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from statistics import NormalDist

from harness.checkers.statistics import beta_cdf

SECONDS_LEAST = 8
"""In fewer seconds, how much they vary is not told."""

BLOCKS_LEAST = 8
"""Blocks are doubled as long as there are so many."""

NEIGHBOURS_LEAST = 10
"""Of fewer blocks, it is not known how alike neighbouring ones are: their variance alone is taken."""

INDEPENDENT_LEAST = 8.0
"""With fewer seconds, or seconds that are like fewer independent ones, nothing is told at all."""

_CORRELATION_MOST = 0.95
_DEGREES_LEAST = 2.0
_BISECTIONS = 60
_T_MOST = 1e4


def worth(residuals: Sequence[float], variance: float, n: float, alpha: float) -> float:
    """How many independent samples `n` of them are worth: at most as many as there are, none where it can't be told.

    Args:
        residuals: by second, how far a sum was from what is expected of so many samples; they add up to nothing.
        variance: what one sample's part of such a sum varies by, were they independent.
        n: how many samples there are.
        alpha: the error rate at which a bound is wanted: how much the seconds vary is itself an estimate.
    """
    if variance <= 0:
        return n
    if independent(residuals) < INDEPENDENT_LEAST:
        return 0.0
    inflation = max(1.0, variation(residuals) * len(residuals) / (variance * n))
    return n / (inflation * _doubt(degrees(residuals), alpha))


def variation(residuals: Sequence[float]) -> float:
    """The variance of the sum of seconds, divided by how many they are; the largest that blocks of any size tell."""
    found = [_of_blocks(blocks, size) for size, blocks in _grouped(residuals)]
    return max(found, default=math.inf)


def independent(residuals: Sequence[float]) -> float:
    """How many independent seconds they are like: fewer by as much as correlation makes their sum vary."""
    if len(residuals) < SECONDS_LEAST:
        return 0.0
    most = variation(residuals)
    return len(residuals) * _variance(residuals) / most if most else float(len(residuals))


def degrees(residuals: Sequence[float]) -> float:
    """The degrees of freedom of how much they vary, whole ones."""
    return max(float(int(independent(residuals) - 1)), _DEGREES_LEAST)


@cache
def t_quantile(alpha: float, df: float) -> float:
    """Student's t that is exceeded with the probability `alpha`, by bisection."""
    low, high = 0.0, _T_MOST
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        beyond = beta_cdf(df / (df + middle * middle), df / 2, 0.5) / 2
        low, high = (middle, high) if beyond > alpha else (low, middle)
    return high


def _doubt(df: float, alpha: float) -> float:
    z = NormalDist().inv_cdf(1 - alpha)
    return float((t_quantile(alpha, df) / z) ** 2)


def _grouped(residuals: Sequence[float]) -> Iterator[tuple[int, list[float]]]:
    """The sums of blocks of 1, 2, 4, … seconds, while there are enough of them; odd seconds at the start are left."""
    size = 1
    while size == 1 or len(residuals) // size >= BLOCKS_LEAST:
        first = len(residuals) % size
        yield size, [sum(residuals[at : at + size]) for at in range(first, len(residuals), size)]
        size *= 2


def _of_blocks(blocks: Sequence[float], size: int) -> float:
    correlation = _neighbours(blocks) if size == 1 or len(blocks) >= NEIGHBOURS_LEAST else 0.0
    return _variance(blocks) / size * (1 + correlation) / (1 - correlation)


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((each - mean) ** 2 for each in values) / (len(values) - 1)


def _neighbours(values: Sequence[float]) -> float:
    """The correlation of neighbours, none below 0, less biased downwards than the plain one (by 1 in n)."""
    mean = sum(values) / len(values)
    away = [each - mean for each in values]
    square = sum(each * each for each in away)
    if not square:
        return 0.0
    plain = sum(one * other for one, other in pairwise(away)) / square
    biased = plain + (1 + 3 * max(plain, 0.0)) / len(values)
    return min(max(biased, 0.0), _CORRELATION_MOST)
