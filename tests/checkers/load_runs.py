"""Load runs by chance: latencies of a long-tailed distribution, whose bad seconds follow one another if asked."""

from __future__ import annotations

import math
from random import Random

from harness.checkers.load_seen import LoadSeen, Second
from harness.model.load_compared import Place

CHECKOUT = Place(journey="checkout")
_TYPICAL_US = 50_000


def simulated(  # noqa: PLR0913 -- all by keyword: what a run is like
    chance: Random,
    *,
    seconds: int = 60,
    rate: int = 20,
    correlation: float = 0.0,
    swing: float = 0.0,
    slower: float = 1.0,
    spread: float = 0.5,
    failed: float = 0.01,
) -> LoadSeen:
    """One phase of one journey.

    The logarithm of what a second's latencies have in common is an autoregressive process of first order with the
    deviation `swing`; that of each latency beside it is normal with the deviation `spread`.
    """
    common, rows = chance.gauss(0, swing), []
    for _ in range(seconds):
        common = correlation * common + chance.gauss(0, swing * math.sqrt(1 - correlation**2))
        row = Second()
        for _ in range(_poisson(chance, rate)):
            row.all += 1
            if chance.random() < failed:
                row.failed += 1
                continue
            row.good += 1
            value = _bucket(slower * _TYPICAL_US * math.exp(common + chance.gauss(0, spread)))
            row.latencies[value] = row.latencies.get(value, 0) + 1
        rows.append(row)
    return LoadSeen(phases={"steady": ()}, asked={}, seconds={CHECKOUT: {"steady": rows}}, trouble=())


def _poisson(chance: Random, mean: float) -> int:
    count, product, least = 0, chance.random(), math.exp(-mean)
    while product > least:
        count += 1
        product *= chance.random()
    return count


def _bucket(latency_us: float) -> int:
    """The greatest latency of the bucket of a histogram with three significant digits."""
    value = int(latency_us)
    shift = max(value.bit_length() - 11, 0)
    return ((value >> shift) + 1 << shift) - 1
