"""What a figure of a journey is held to: `checkout.p99: "< 800ms"`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from harness.model.quantity import Duration, Share

EVERY = "all"
"""In place of a journey: all of the experiment's together."""

_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*(\S.*?)\s*")
_NAME = re.compile(r"(?P<subject>.*?)\.(?P<figure>p\d+\.\d+|[^.]*)", re.DOTALL)
_PER_SECOND = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*s")


class Measure(StrEnum):
    """The figures that can be held to something."""

    GOOD = "good"
    """Share of the journeys that served their customer, in full or degraded."""
    BAD = "bad"
    """Share of those that did not, or may not have."""
    DEGRADED = "degraded"
    """Share of the good ones that say that they are degraded."""
    FAILED = "failed"
    """Share of those that certainly did not happen."""
    UNKNOWN = "unknown"
    """Share of those of which nobody knows whether they happened."""
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    P99_9 = "p99.9"
    MAX = "max"
    """The longest of the good ones."""
    GOODPUT = "goodput"
    """Good journeys a second."""
    RATE = "rate"
    """Journeys a second, however they ended."""


SHARES = (Measure.GOOD, Measure.BAD, Measure.DEGRADED, Measure.FAILED, Measure.UNKNOWN)
QUANTILES = {Measure.P50: 0.5, Measure.P90: 0.9, Measure.P95: 0.95, Measure.P99: 0.99, Measure.P99_9: 0.999}
RATES = (Measure.GOODPUT, Measure.RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A figure of a journey, or of all, and the limit that it must keep."""

    journey: str
    measure: Measure
    sign: str
    """`<`, `<=`, `>` or `>=`."""
    limit: float
    """A share from 0 to 1, seconds, or journeys a second."""

    @property
    def below(self) -> bool:
        """Whether the figure must stay below its limit."""
        return self.sign.startswith("<")

    @classmethod
    def parse(cls, name: str, text: object) -> Self:
        """Read `checkout.p99` and `< 800ms`.

        Raises:
            ValueError: if it is no figure of a journey, or no limit of that figure's kind.
        """
        journey, figure = named(name)
        if figure not in set(Measure) or not journey:
            known = ", ".join(each.value for each in Measure)
            message = f"expected a journey (or '{EVERY}') and one of {known}, as in 'checkout.p99', found '{name}'"
            raise ValueError(message)
        measure = Measure(figure)
        match = _BOUND.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            message = f"expected a limit such as '{_example(measure)}', found {text!r}"
            raise ValueError(message)
        return cls(journey=journey, measure=measure, sign=match[1], limit=read_limit(measure, match[2]))

    def shown(self, value: float) -> str:
        """A figure of this kind, as it is written."""
        if self.measure in SHARES:
            return str(Share(value))
        return f"{value:.3g}/s" if self.measure in RATES else str(Duration(float(f"{value:.3g}")))

    def __str__(self) -> str:
        """`checkout.p99 < 800 ms`."""
        return f"{self.journey}.{self.measure.value} {self.sign} {self.shown(self.limit)}"


def named(name: str) -> tuple[str, str]:
    """The subject and the figure of `checkout.p99` or `checkout/GET /v1.1/orders.p99.9`; no subject without a dot."""
    match = _NAME.fullmatch(name)
    return (match["subject"], match["figure"]) if match else ("", name)


def read_limit(measure: Measure, text: str) -> float:
    """A limit of that figure's kind, with its unit.

    Raises:
        ValueError: if it is none.
    """
    if measure in SHARES:
        return Share.parse(text)
    if measure not in RATES:
        return Duration.parse(text)
    match = _PER_SECOND.fullmatch(text)
    if match is None:
        message = f"expected journeys a second such as '15/s', found {text!r}"
        raise ValueError(message)
    return float(match[1])


def _example(measure: Measure) -> str:
    if measure in SHARES:
        return ">= 99%"
    return "> 15/s" if measure in RATES else "< 800ms"
