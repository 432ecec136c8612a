"""What a load run did, phase by phase, as every report tells it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.events import Event, InjectionArmed, InjectionHealed, LoadPhaseEnded
from harness.model.figures import GOOD, Histogram, answer_counts, counts, merged, percentile_s, seconds_in
from harness.model.load_events import Observed
from harness.model.observation import (
    AnswerClass,
    AnswerSecond,
    GeneratorSecond,
    JourneySecond,
    Outcome,
    Window,
    WindowKind,
)
from harness.report.timeline import MAX_BINS

ALL = "all journeys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Three of them in seconds; None where nothing was measured."""

    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None

    @classmethod
    def of(cls, histogram: Histogram) -> Percentiles:
        """Those of a histogram."""
        found = (percentile_s(histogram, percent) for percent in (50, 95, 99))
        return cls(**dict(zip(("p50_s", "p95_s", "p99_s"), found, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyFigures:
    """One journey, or all, in one phase: how its runs ended, and how long the good ones took."""

    phase: str
    journey: str
    ok: int
    degraded: int
    failed: int
    unknown: int
    latency: Percentiles
    """From the intended start."""
    service: Percentiles
    """From the actual start."""

    @property
    def total(self) -> int:
        """All that ended."""
        return self.ok + self.degraded + self.failed + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFigures:
    """A phase: what was asked, what was driven, how the generator fared, and what came of it."""

    ended: LoadPhaseEnded
    seconds: int
    """Whole ones, of which figures are asked."""
    due: int
    started: int
    dropped: int
    lost: int
    """Due at a worker that was gone."""
    lag_s: float
    """The worst p99 of a second."""
    cpu_share: float
    """The most that one generator used in a second, of one core."""
    all: JourneyFigures
    journeys: tuple[JourneyFigures, ...]

    @property
    def driven(self) -> float:
        """Journeys a second that were begun."""
        return self.started / self.seconds if self.seconds else 0.0

    @property
    def asked(self) -> str:
        """What was to be driven, in words."""
        ended = self.ended
        if ended.users:
            return f"{ended.users} users"
        first, last = f"{ended.asked_start:.4g}", f"{ended.asked_end:.4g}"
        return f"{first}/s" if first == last else f"{first} to {last}/s"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """One request of a journey in one phase; times are those of all its answers."""

    phase: str
    journey: str
    request: str
    answers: dict[AnswerClass, int]
    times: Percentiles

    @property
    def total(self) -> int:
        """All answers."""
        return sum(self.answers.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceBin:
    """How the generator fared in one bin of `step_s` seconds; rates are per second."""

    start: int
    step_s: int
    asked: float | None
    """None in a phase of closed users, and between phases."""
    driven: float
    dropped: float
    lag_s: float | None
    cpu_share: float | None
    """The most that one of several used, of one core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A fault that somebody put in force while there was load, and what it was."""

    start: float
    end: float | None
    """None of one that nobody healed."""
    what: str


@dataclass(frozen=True, kw_only=True)
class LoadStory:
    """The phases of a load run, and its time second by second."""

    phases: tuple[PhaseFigures, ...]
    steps: tuple[StepFigures, ...]
    pace: tuple[PaceBin, ...]
    journeys: tuple[JourneySecond, ...]
    broken: tuple[Broken, ...] = ()

    @property
    def start(self) -> float:
        """When the first phase began."""
        return self.phases[0].ended.start

    @property
    def end(self) -> float:
        """When the last one was over."""
        return self.phases[-1].ended.end

    @property
    def names(self) -> tuple[str, ...]:
        """The journeys, in order of their first appearance."""
        return tuple(dict.fromkeys(each.journey for phase in self.phases for each in phase.journeys))


def load_of(events: Sequence[Event]) -> LoadStory | None:
    """The story of a load run; None of any other."""
    ended = [each for each in events if isinstance(each, LoadPhaseEnded)]
    if not ended:
        return None
    observed = [each for each in events if isinstance(each, Observed)]
    journeys = tuple(row for each in observed for row in each.journeys)
    answers = [row for each in observed for row in each.answers]
    generator = [row for each in observed for row in each.generator]
    return LoadStory(
        phases=tuple(_phase(each, journeys, generator) for each in ended),
        steps=tuple(step for each in ended for step in _steps(each, answers)),
        pace=_pace(ended, generator),
        journeys=journeys,
        broken=_broken(events),
    )


def _broken(events: Sequence[Event]) -> tuple[Broken, ...]:
    """Those that were in force at all; how late the proof came that one was, does not count."""
    healed = {each.injection: each.t for each in reversed(events) if isinstance(each, InjectionHealed)}
    return tuple(
        Broken(
            start=each.t if each.armed.on_s is None else each.t - each.armed.took_s + each.armed.on_s,
            end=healed.get(each.injection),
            what=each.what,
        )
        for each in events
        if isinstance(each, InjectionArmed) and each.armed.in_force
    )


def _window(ended: LoadPhaseEnded) -> Window:
    return Window(kind=WindowKind.FAULT, start=ended.start, end=ended.end)


def _phase(
    ended: LoadPhaseEnded, journeys: Sequence[JourneySecond], generator: Sequence[GeneratorSecond]
) -> PhaseFigures:
    window = _window(ended)
    own = seconds_in(journeys, window)
    rows = [each for each in generator if window.start <= each.second and each.second + 1 <= window.end]
    names = sorted({each.journey for each in own})
    return PhaseFigures(
        ended=ended,
        seconds=len(window.seconds),
        due=sum(each.due for each in rows),
        started=sum(each.started for each in rows),
        dropped=sum(each.dropped for each in rows),
        lost=sum(each.lost for each in rows),
        lag_s=max((each.lag_p99_s for each in rows), default=0.0),
        cpu_share=max((each.cpu_share for each in rows), default=0.0),
        all=_journey(ended, ALL, own),
        journeys=tuple(_journey(ended, name, [each for each in own if each.journey == name]) for name in names),
    )


def _journey(ended: LoadPhaseEnded, name: str, rows: Sequence[JourneySecond]) -> JourneyFigures:
    window = _window(ended)
    found = counts(rows, window)
    good = [each for each in rows if each.outcome in GOOD]
    return JourneyFigures(
        phase=ended.name,
        journey=name,
        ok=found[Outcome.OK],
        degraded=found[Outcome.DEGRADED],
        failed=found[Outcome.FAILED],
        unknown=found[Outcome.UNKNOWN],
        latency=Percentiles.of(merged(each.latencies for each in good)),
        service=Percentiles.of(merged(each.service for each in good)),
    )


def _steps(ended: LoadPhaseEnded, answers: Iterable[AnswerSecond]) -> Iterable[StepFigures]:
    window = _window(ended)
    by_step: dict[tuple[str, str], list[AnswerSecond]] = {}
    for each in seconds_in(answers, window):
        by_step.setdefault((each.journey, each.request), []).append(each)
    for (journey, request), rows in sorted(by_step.items()):
        yield StepFigures(
            phase=ended.name,
            journey=journey,
            request=request,
            answers=answer_counts(rows, window),
            times=Percentiles.of(merged(each.latencies for each in rows)),
        )


def _pace(ended: Sequence[LoadPhaseEnded], generator: Iterable[GeneratorSecond]) -> tuple[PaceBin, ...]:
    first, last = math.ceil(ended[0].start), math.floor(ended[-1].end)
    step = max(1, math.ceil((last - first) / MAX_BINS))
    started: Counter[int] = Counter()
    dropped: Counter[int] = Counter()
    lags: dict[int, float] = {}
    shares: dict[int, float] = {}
    for each in generator:
        index = (each.second - first) // step
        started[index] += each.started
        dropped[index] += each.dropped + each.lost
        lags[index] = max(lags.get(index, 0.0), each.lag_p99_s)
        shares[index] = max(shares.get(index, 0.0), each.cpu_share)
    return tuple(
        PaceBin(
            start=first + index * step,
            step_s=step,
            asked=_asked(ended, first + (index + 0.5) * step),
            driven=started[index] / step,
            dropped=dropped[index] / step,
            lag_s=lags.get(index),
            cpu_share=shares.get(index),
        )
        for index in range(math.ceil((last - first) / step))
    )


def _asked(ended: Iterable[LoadPhaseEnded], at: float) -> float | None:
    for each in ended:
        if each.start <= at < each.end and not each.users:
            part = (at - each.start) / (each.end - each.start)
            return each.asked_start + (each.asked_end - each.asked_start) * part
    return None
