"""When each journey is due: an open model, whose due times don't wait for answers."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from harness.load.stretch import Choice, Stretch, reached, units_between
from harness.load.tape import Tape
from harness.model.load_profile import LoadProfile

FIRST_EVEN_UNITS = 0.5
"""Evenly spaced journeys begin half a gap after their phase, so that none falls on the edge of two."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""Steps of so much around a circle leave no large gap on it, however many they are (the three-gap theorem; V. T. Sós,
1958)."""


class Spacing(Enum):
    """What a gap between two arrivals is."""

    POISSON = auto()
    """Customers who don't know of each other."""
    CONSTANT = auto()
    SPREAD = auto()
    """Each at some moment of a mean gap of its own, and no journey oftener in a second than its share: as many come in
    each second as in any other, and what a burst does is not taken for what a fault does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One journey that is due `at` a time of the generator's clock (seconds)."""

    number: int
    """Counts from 0; chance within the journey is seeded by it."""
    at: float
    journey: str
    series: str = ""
    """What else seeds it: numbers count within a series."""
    wanted: Mapping[str, float] = field(default_factory=dict)
    """Product → how many times as often as usual it is looked at."""

    @property
    def chance(self) -> str:
        """What seeds the journey beside the run's seed; no two journeys of a run have the same."""
        return f"{self.series}{self.number}"


@dataclass(slots=True, kw_only=True)
class _Draw:
    """What chance says of an arrival, whenever it is due."""

    number: int
    gap: float
    """Since the arrival before, in units of the mean gap, when they come by chance."""
    spread: float
    """The same when they are spread."""
    pick: float
    turn: float
    """The pick when they are spread."""


class Arrivals:
    """Arrivals whose rate and weights can be altered at any time, or go as a profile says.

    Arrival n draws its gap (in units of the mean gap) and its journey from the seed alone,
    so that the same seed gives the same journeys in the same order, whatever the rates were.
    Each of several workers draws all of them and gives those whose number is its own.
    """

    def __init__(self, seed: int, *, worker: int = 0, workers: int = 1) -> None:
        self._chance = random.Random(f"{seed}:arrivals")  # noqa: S311 -- load, not secrets
        self._moments = random.Random(f"{seed}:moments")  # noqa: S311 -- load, not secrets
        self._moment = 0.0
        """Of the last arrival that was drawn, in the gap of its own."""
        self._turn = self._moments.random()
        self._worker = worker
        self._workers = workers
        self._course: tuple[Stretch, ...] = ()
        self._tape: Tape | None = None
        self._tapes: list[float] = []
        """When each that was begun began: who comes back to one goes on with its series."""
        self._spacing = Spacing.SPREAD
        self._since = 0.0
        self._units = 0.0
        """From `_since` until the first that is drawn and not yet due, in mean gaps."""
        self._drawn: deque[_Draw] = deque()
        """Those not yet due, up to the next of this worker's own, which is the last."""
        self._number = 0
        self._draw_own()
        self._units = self._gap(self._drawn[0])
        self._next: tuple[float, Stretch] | None = None

    @property
    def next_at(self) -> float:
        """When the next journey is due; infinite while the rate is 0."""
        if self._tape is not None:
            return self._tape.next_at
        return self._next[0] if self._next else math.inf

    def alter(self, *, rate: float, weights: Mapping[str, float], now: float) -> None:
        """From `now` on let `rate` journeys a second be due, chosen by `weights`, and spread evenly (`Spacing.SPREAD`).

        Raises:
            ValueError: if the rate is negative or not finite, or nothing has a positive weight.
        """
        if not (math.isfinite(rate) and rate >= 0):
            message = f"expected a rate of 0 or more journeys a second, found {rate}"
            raise ValueError(message)
        course: tuple[Stretch, ...] = ()
        if rate:
            course = (Stretch(start=now, end=math.inf, rate=rate, end_rate=rate, choice=Choice(weights)),)
        self._pass_over(now)
        self._go(course, since=now, spacing=Spacing.SPREAD if rate else self._spacing)

    def follow(self, profile: LoadProfile, *, began: float, since: float, now: float) -> None:
        """Let be due what the profile that `began` at a time says, from `since` on.

        What lies before `since` is left out; what lies between it and `now` is late, and due at once.

        Raises:
            ValueError: if nothing has a positive weight where there is a rate.
        """
        course = tuple(
            Stretch(
                start=began + start,
                end=began + end,
                rate=phase.start_rate,
                end_rate=phase.end_rate,
                choice=Choice(phase.weights or profile.weights),
                wanted=phase.wanted,
            )
            for start, end, phase in profile.stretches()
            if not phase.users and phase.due
        )
        self._pass_over(now)
        if profile.arrivals != "replay":
            constant = profile.arrivals == "constant"
            self._go(course, since=since, spacing=Spacing.CONSTANT if constant else Spacing.POISSON)
            return
        self._go((), since=since, spacing=Spacing.POISSON)
        if began not in self._tapes:
            self._tapes.append(began)
        self._tape = Tape(
            profile,
            began=began,
            since=since,
            series=f"replay-{self._tapes.index(began) + 1}:",
            worker=self._worker,
            workers=self._workers,
        )

    def stop(self, now: float) -> None:
        """Let nothing be due from `now` on; what is left of the current gap is kept."""
        self.alter(rate=0.0, weights={}, now=now)

    def due(self, now: float) -> Iterator[Arrival]:
        """Every journey that is due at `now` and was not given before, in order."""
        if self._tape is not None:
            for number, at, journey, wanted in self._tape.due(now):
                yield Arrival(number=number, at=at, journey=journey, series=self._tape.series, wanted=wanted)
            return
        while self._next is not None and self._next[0] <= now:
            at, stretch = self._next
            own = self._drawn[-1]
            self._drawn.clear()
            self._draw_own()
            self._since, self._units = at, self._gap(self._drawn[0])
            self._aim()
            yield Arrival(number=own.number, at=at, journey=stretch.choice.of(self._pick(own)), wanted=stretch.wanted)

    def _go(self, course: tuple[Stretch, ...], *, since: float, spacing: Spacing) -> None:
        """Take another course; what is left of the gap is kept, unless gaps are another thing from now on."""
        self._tape = None
        self._course, self._since = course, since
        if spacing is not self._spacing:
            self._spacing = spacing
            self._units = FIRST_EVEN_UNITS if spacing is Spacing.CONSTANT else self._gap(self._drawn[0])
        self._aim()

    def _pass_over(self, now: float) -> None:
        """Forget what was due until `now`: of this worker's own it was given already."""
        passed = units_between(self._course, self._since, now)
        while passed >= self._units and len(self._drawn) > 1:
            passed -= self._units
            self._drawn.popleft()
            self._units = self._gap(self._drawn[0])
        self._units = max(self._units - passed, 0.0)
        self._since = max(now, self._since)

    def _aim(self) -> None:
        further = (self._gap(each) for index, each in enumerate(self._drawn) if index)
        self._next = reached(self._course, self._since, self._units + sum(further))

    def _gap(self, draw: _Draw) -> float:
        match self._spacing:
            case Spacing.POISSON:
                return draw.gap
            case Spacing.CONSTANT:
                return 1.0
            case Spacing.SPREAD:
                return draw.spread

    def _pick(self, draw: _Draw) -> float:
        return draw.turn if self._spacing is Spacing.SPREAD else draw.pick

    def _draw_own(self) -> None:
        own = False
        while not own:
            own = self._number % self._workers == self._worker
            before, self._moment = self._moment, self._moments.random()
            draw = _Draw(
                number=self._number,
                gap=self._chance.expovariate(1.0),
                spread=(1 if self._number else 0) + self._moment - before,
                pick=self._chance.random(),
                turn=(self._turn + self._number * GOLDEN) % 1,
            )
            self._drawn.append(draw)
            self._number += 1
