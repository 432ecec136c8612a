"""How far another machine's clock is from this one's, told by round trips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ROUND_TRIPS = 12

DOUBT_LIMIT_S = 0.1
"""A worker whose clock is less certain than this is told of: its latencies are right, its seconds may not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """One question what time it is: when it was asked, what was answered, and when the answer came."""

    asked: float
    theirs: float
    answered: float

    @property
    def took_s(self) -> float:
        """How long it was under way."""
        return self.answered - self.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """What to add to the own clock to have the other's, and by how much that may be wrong at most."""

    offset_s: float
    doubt_s: float


def offset(trips: Iterable[RoundTrip], *, same_machine: bool) -> ClockOffset:
    """The offset by the fastest round trip: the answer was made at some moment of it.

    Processes of one machine share a clock; there it is 0, unless they are in namespaces with a time of their own.
    """
    fastest = min(trips, key=lambda trip: trip.took_s)
    found = ClockOffset(offset_s=fastest.theirs - (fastest.asked + fastest.answered) / 2, doubt_s=fastest.took_s / 2)
    if same_machine and abs(found.offset_s) <= found.doubt_s:
        return ClockOffset(offset_s=0.0, doubt_s=0.0)
    return found
