"""What was measured in a load run, by journey, step and phase, and second by second."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.checkers.limits import SERVED
from harness.checkers.load_health import sickness
from harness.checkers.thresholds import phase_windows
from harness.model.attempts import that_count
from harness.model.events import Event, LoadPhaseEnded, RunEnded, WindowEnded
from harness.model.figures import GOOD
from harness.model.load_compared import Place
from harness.model.load_events import Observed
from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome, Window, WindowKind
from harness.model.sparse_histogram import Buckets, buckets

WHOLE = "the whole run"
"""In place of a phase, of a journal that tells of none."""


@dataclass(slots=True)
class Second:
    """What ended well or ill of what was due in one second, or was answered in it."""

    all: int = 0
    good: int = 0
    degraded: int = 0
    failed: int = 0
    unknown: int = 0
    latencies: Buckets = field(default_factory=dict)
    """Of the good ones."""

    def add(self, row: JourneySecond | AnswerSecond) -> None:
        """Count an increment."""
        kind = row.outcome if isinstance(row, JourneySecond) else row.answer
        good = kind in GOOD or kind in SERVED
        self.all += row.count
        self.good += row.count if good else 0
        self.degraded += row.count if kind in {Outcome.DEGRADED, AnswerClass.DEGRADED} else 0
        self.unknown += row.count if kind is Outcome.UNKNOWN else 0
        self.failed += row.count if not good and kind is not Outcome.UNKNOWN else 0
        for value, count in buckets(row.latencies).items() if good else ():
            self.latencies[value] = self.latencies.get(value, 0) + count


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSeen:
    """One run."""

    phases: Mapping[str, Sequence[Window]]
    asked: Mapping[str, tuple[tuple[float, float, int], ...]]
    """What load was asked for in each phase; empty where the journal doesn't say."""
    seconds: Mapping[Place, Mapping[str, Sequence[Second]]]
    """By journey (and step), and by phase: all its whole seconds, also those in which nothing happened."""
    trouble: tuple[str, ...]
    """Why its figures can't be trusted."""


def load_seen(events: Iterable[Event]) -> LoadSeen:
    """What a journal tells of a run's load; raises ValueError when a histogram in it is none."""
    events = list(events)
    ended = [each for each in events if isinstance(each, LoadPhaseEnded)]
    observed = [each for each in events if isinstance(each, Observed)]
    rows: list[JourneySecond | AnswerSecond] = []
    for each in observed:
        rows += [*each.journeys, *each.answers]
    phases = dict(phase_windows(ended)) or _experiments(events) or _whole(rows)
    asked: dict[str, tuple[tuple[float, float, int], ...]] = {}
    for phase in ended:
        asked[phase.name] = (*asked.get(phase.name, ()), (phase.asked_start, phase.asked_end, phase.users))
    trouble = list(_sick(ended, observed))
    if not any(isinstance(each, RunEnded) for each in events):
        trouble.append("it was cut short")
    return LoadSeen(phases=phases, asked=asked, seconds=_by_place(rows, phases), trouble=tuple(trouble))


def _experiments(events: Iterable[Event]) -> dict[str, tuple[Window, ...]]:
    """The windows of a run of experiments, in place of a load run's phases."""
    found: dict[str, tuple[Window, ...]] = {}
    for each in that_count(events):
        if isinstance(each, WindowEnded):
            name = f"{each.experiment} {each.window.kind.value}".strip()
            found[name] = (*found.get(name, ()), each.window)
    return found


def _whole(rows: Sequence[JourneySecond | AnswerSecond]) -> dict[str, tuple[Window, ...]]:
    """From the first to the last second of any journey; none of no rows."""
    seconds = [each.second for each in rows if isinstance(each, JourneySecond)]
    if not seconds:
        return {}
    return {WHOLE: (Window(kind=WindowKind.REST, start=min(seconds), end=max(seconds) + 1),)}


def _by_place(
    rows: Iterable[JourneySecond | AnswerSecond], phases: Mapping[str, Sequence[Window]]
) -> dict[Place, dict[str, list[Second]]]:
    counted: dict[Place, dict[int, Second]] = {}
    wanted = {second for windows in phases.values() for window in windows for second in window.seconds}
    for row in rows:
        if row.second in wanted:
            step = row.request if isinstance(row, AnswerSecond) else ""
            seconds = counted.setdefault(Place(journey=row.journey, step=step), {})
            seconds.setdefault(row.second, Second()).add(row)
    return {
        place: {name: _in_windows(seconds, windows) for name, windows in phases.items()}
        for place, seconds in sorted(counted.items(), key=lambda each: (each[0].journey, each[0].step))
    }


def _in_windows(seconds: Mapping[int, Second], windows: Collection[Window]) -> list[Second]:
    return [seconds.get(at, Second()) for window in windows for at in window.seconds]


def _sick(ended: Iterable[LoadPhaseEnded], observed: Sequence[Observed]) -> Iterable[str]:
    generator = [row for each in observed for row in each.generator]
    workers = sorted({each.worker for each in generator}) or [""]
    for phase in ended:
        for window in phase_windows([phase])[phase.name]:
            rate = None if phase.users else (phase.asked_start + phase.asked_end) / 2
            for trouble in sickness(generator, window, rate=rate, workers=workers) if window.seconds else ():
                yield f"{phase.name}: {trouble}"
