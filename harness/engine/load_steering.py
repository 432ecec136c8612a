"""A load that somebody steers by hand while it runs: another rate takes the place of what was planned."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.engine.permission import permit_rate
from harness.errors import HarnessError
from harness.model.load_profile import ArrivalKind, LoadPhase, LoadProfile
from harness.model.topology import Topology

MOST_RATE = 100_000.0
STEEPEST = 1e6
"""Journeys a second, each second: as good as at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A phase with its begin and its end, in seconds of the run."""

    start: float
    end: float
    phase: LoadPhase


class Plan:
    """The phases that are still to come, the first of which is under way."""

    def __init__(self, profile: LoadProfile, *, began: float) -> None:
        self._weights = profile.weights
        self._arrivals: ArrivalKind = "poisson" if profile.arrivals == "replay" else profile.arrivals
        self._hands = itertools.count(1)
        self._phases = [Planned(start=began + a, end=began + b, phase=each) for a, b, each in profile.stretches()]
        self.end = self._phases[-1].end

    def __iter__(self) -> Iterator[Planned]:
        """Each in its turn; what was changed meanwhile is heeded."""
        while self._phases:
            yield self._phases[0]
            del self._phases[0]

    @property
    def under_way(self) -> Planned:
        """The phase that is, as it is now planned."""
        return self._phases[0]

    def cut(self, at: float) -> None:
        """Nothing comes after that time."""
        kept = [each for each in self._phases if each.start < at] or self._phases[:1]
        kept[-1] = replace(kept[-1], end=min(kept[-1].end, at))
        self._phases[:] = kept

    def turn(self, at: float, *, rate: float, slope: float) -> LoadProfile:
        """From that time on go evenly to another rate, by so many a second each second, and stay there to the end."""
        before = next((each for each in self._phases if each.start <= at < each.end), self._phases[-1])
        first = before.phase.rate_at(at - before.start)
        self.cut(at)
        left_s = self.end - at
        ramp_s = min(float(math.ceil(abs(rate - first) / slope - 1e-6)), left_s)
        name = f"by-hand-{next(self._hands)}"
        phases = []
        if ramp_s > 1:  # figures are asked of whole seconds, so what takes one is at once
            phases.append(LoadPhase(name=f"{name}-slope", length_s=ramp_s, start_rate=first, end_rate=rate))
            left_s -= ramp_s
        if left_s > 0:
            phases.append(LoadPhase(name=name, length_s=left_s, start_rate=rate, end_rate=rate))
        course = LoadProfile(name=name, weights=self._weights, phases=tuple(phases), arrivals=self._arrivals)
        self._phases += [Planned(start=at + a, end=at + b, phase=each) for a, b, each in course.stretches()]
        return course


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants the load to be from now on; `over` ends it."""

    rate: float = 0.0
    slope: float = STEEPEST
    over: bool = False


class Steering:
    """Where wishes are left; the last one counts."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._wish: Wish | None = None
        self.plan: Plan | None = None
        """While there is load."""

    def rate_at(self, now: float) -> float:
        """Journeys a second that are planned at a time of the run."""
        if self.plan is None:
            return 0.0
        part = self.plan.under_way
        return max(part.phase.rate_at(min(max(now, part.start), part.end) - part.start), 0.0)

    @property
    def users(self) -> int:
        """Closed users of the phase under way."""
        return self.plan.under_way.phase.users if self.plan else 0

    def want(self, rate: float, slope: float = STEEPEST) -> None:
        """Ask for another rate; raises HarnessError when that can't be, or may not be."""
        if not (math.isfinite(rate) and 0 <= rate <= MOST_RATE):
            raise HarnessError(f"expected 0 to {MOST_RATE:g} journeys a second, found {rate:g}")
        if not (math.isfinite(slope) and slope > 0):
            raise HarnessError(f"expected a rise of more than 0 journeys a second each second, found {slope:g}")
        permit_rate(self._topology, rate)
        self._leave(Wish(rate=rate, slope=min(slope, STEEPEST)))

    def finish(self) -> None:
        """Ask for the end of the load; raises HarnessError when there is none."""
        self._leave(Wish(over=True))

    def take(self) -> Wish | None:
        """The last wish, once."""
        wish, self._wish = self._wish, None
        return wish

    def _leave(self, wish: Wish) -> None:
        if self.plan is None:
            raise HarnessError("there is no load to be steered: it has not begun yet, or is over")
        self._wish = wish
