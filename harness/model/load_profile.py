"""A profile: how the load of a run goes over time, as one value."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import floor
from typing import Literal, TypeAlias

from harness.model.threshold import Threshold

ArrivalKind: TypeAlias = Literal["poisson", "constant", "replay"]
"""How the due times lie: by chance, evenly, or as they were recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPhase:
    """A stretch of a profile, whose rate goes evenly from one to the other; steps are several phases."""

    name: str
    length_s: float
    start_rate: float = 0.0
    """Journeys a second."""
    end_rate: float = 0.0
    users: int = 0
    """So many closed users in place of arrivals: each starts again when it was answered, and has waited."""
    weights: dict[str, float] = field(default_factory=dict)
    """In place of the profile's."""
    wanted: dict[str, float] = field(default_factory=dict)
    """Product → how many times as often as usual it is looked at (`harness.load.journey.wanted`)."""

    def rate_at(self, elapsed_s: float) -> float:
        """Journeys a second, so long after the phase began."""
        return self.start_rate + (self.end_rate - self.start_rate) * elapsed_s / self.length_s

    @property
    def due(self) -> float:
        """How many journeys are due in it; of a Poisson process, on average."""
        return self.length_s * (self.start_rate + self.end_rate) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProfile:
    """Phases one after the other, and what the journeys in them are."""

    name: str
    weights: dict[str, float]
    """Journey → its part of the load; of a replay, how often it was recorded."""
    phases: tuple[LoadPhase, ...]
    arrivals: ArrivalKind = "poisson"
    replay: tuple[tuple[float, str], ...] = ()
    """Seconds since the beginning and the journey, in the order of time; the rates of the phases tell only of them."""
    expect: tuple[Threshold, ...] = ()
    source: str = ""
    """The file and the line where it is declared."""

    @property
    def length_s(self) -> float:
        """How long it is."""
        return sum(phase.length_s for phase in self.phases)

    @property
    def most_users(self) -> int:
        """The closed users of the phase that has the most of them."""
        return max((phase.users for phase in self.phases), default=0)

    def stretches(self) -> Iterator[tuple[float, float, LoadPhase]]:
        """Each phase with its begin and its end, in seconds since the profile's."""
        ends = accumulate(phase.length_s for phase in self.phases)
        start = 0.0
        for phase, end in zip(self.phases, ends, strict=True):
            yield start, end, phase
            start = end

    def phase_at(self, elapsed_s: float) -> LoadPhase | None:
        """The phase that far from the beginning; None before it and from the end on."""
        return next((phase for start, end, phase in self.stretches() if start <= elapsed_s < end), None)

    def rate_at(self, elapsed_s: float) -> float:
        """Journeys a second that far from the beginning; 0 outside and where there are closed users."""
        for start, end, phase in self.stretches():
            if start <= elapsed_s < end:
                return phase.rate_at(elapsed_s - start)
        return 0.0

    @property
    def peak_rate(self) -> float:
        """The most journeys that are due in a second, on average; of a recording, in its fullest second."""
        if self.arrivals != "replay":
            open_phases = [phase for phase in self.phases if not phase.users]
            return max((max(phase.start_rate, phase.end_rate) for phase in open_phases), default=0.0)
        return float(max(Counter(floor(offset_s) for offset_s, _ in self.replay).values(), default=0))


def recorded_phase(name: str, replay: Sequence[tuple[float, str]], start_s: float, end_s: float) -> LoadPhase:
    """A stretch of a recording, with the rate that it has on average."""
    first, last = (bisect_left(replay, (bound,)) for bound in (start_s, end_s))
    rate = (last - first) / (end_s - start_s)
    return LoadPhase(name=name, length_s=end_s - start_s, start_rate=rate, end_rate=rate)
