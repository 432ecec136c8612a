"""Reading a journal's events into a `RunStory`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from harness.errors import JournalError
from harness.model.attempts import that_count
from harness.model.events import (
    CapacityMeasured,
    EdgeFact,
    Event,
    ExperimentEnded,
    ExperimentStarted,
    FindingMade,
    InjectionArmed,
    InjectionHealed,
    PactsVerified,
    PhaseEnded,
    RunEnded,
    RunStarted,
    SpansSeen,
    WindowEnded,
)
from harness.model.experiment import Role
from harness.model.finding import Finding, Part
from harness.model.load_events import Noted, Observed
from harness.model.observation import CrossingSecond, JourneySecond, Window, WindowKind
from harness.model.verdict import Verdict
from harness.report.load_story import load_of
from harness.report.matrix_story import matrix_of
from harness.report.story import LEAD_S, ExperimentStory, InjectionStory, RunStory, Told
from harness.report.words import BADNESS, edge_label

_Row = TypeVar("_Row", JourneySecond, CrossingSecond)
_PART_ORDER = (Part.SAFETY, Part.RESILIENCE, Part.LOAD, Part.MATRIX, Part.PACTS, Part.FUZZ, Part.VALIDITY)


def tell(events: Sequence[Event]) -> RunStory:
    """The story of a journal, whole or cut short.

    Raises:
        JournalError: if the journal does not begin with `run-started`, so that nobody knows what ran.
    """
    header = events[0] if events else None
    if not isinstance(header, RunStarted):
        found = f"'{header.type}'" if header else "an empty journal"
        message = f"expected 'run-started' as a journal's first event, found {found}; there is no run to report"
        raise JournalError(message)
    observed = [each for each in events if isinstance(each, Observed)]
    # The seconds are nearly all of a journal, and what follows goes through the rest again and again.
    rest = that_count(each for each in events if not isinstance(each, Observed))
    journeys = tuple(row for each in observed for row in each.journeys)
    crossings = tuple(row for each in observed for row in each.crossings)
    told = _told(rest, header)
    last_t = max((_time(each) for each in events), default=0.0)
    return RunStory(
        header=header,
        ended=next((each for each in reversed(rest) if isinstance(each, RunEnded)), None),
        phases=tuple(each for each in rest if isinstance(each, PhaseEnded)),
        notes=tuple(each for each in rest if isinstance(each, Noted)),
        experiments=_experiments(rest, header, told, journeys, crossings, last_t),
        told=told,
        journeys=journeys,
        generator=tuple(row for each in observed for row in each.generator),
        answers=tuple(row for each in observed for row in each.answers),
        spans=tuple(each for each in rest if isinstance(each, SpansSeen)),
        versions={
            (pair.consumer, pair.provider): pair
            for each in rest
            if isinstance(each, PactsVerified)
            for pair in each.pairs
        },
        last_t=last_t,
        apart=_apart(rest, header, journeys, last_t),
        matrix=matrix_of(rest),
        load=load_of(events),
        capacity=next((each.capacity for each in rest if isinstance(each, CapacityMeasured)), None),
    )


def _time(event: Event) -> float:
    match event:
        case RunStarted():
            return 0.0
        case WindowEnded(window=window):
            return window.end
        case Observed(journeys=journeys, crossings=crossings):
            seconds = [*(row.second for row in journeys), *(row.second for row in crossings)]
            return float(max(seconds, default=-1) + 1)
        case _:
            return event.t


def _told(events: Sequence[Event], header: RunStarted) -> tuple[Told, ...]:
    roles = {each.name: each.role for each in events if isinstance(each, ExperimentStarted)}
    critical = {journey.name for journey in header.journeys if journey.critical}
    findings = [each.finding for each in events if isinstance(each, FindingMade)]
    invalid = {
        each.experiment
        for each in findings
        if each.experiment and each.part is Part.VALIDITY and each.verdict is not Verdict.PASS
    }
    told = [
        Told(
            t=each.t,
            finding=each.finding,
            blames=not each.finding.excused
            and _blames(each.finding, roles.get(each.finding.experiment, Role.EXPERIMENT)),
            critical=each.finding.part is Part.SAFETY or each.finding.subject in critical,
            derived=_is_derived(each.finding, invalid),
        )
        for each in events
        if isinstance(each, FindingMade)
    ]
    return tuple(sorted(told, key=_badness))


def _blames(finding: Finding, role: str) -> bool:
    """Trouble under a placebo is the harness's own, and under the positive control it is wanted."""
    return role not in {Role.PLACEBO, Role.CONTROL} or finding.part is not Part.RESILIENCE


def _is_derived(finding: Finding, invalid: Collection[str]) -> bool:
    return finding.experiment in invalid and finding.part is not Part.VALIDITY and finding.verdict is Verdict.UNKNOWN


def _badness(told: Told) -> tuple[int, bool, bool, bool, bool, int, float]:
    """Worst first; a cause before what follows from it, critical before not, and each part in its order."""
    finding = told.finding
    cause = finding.part is Part.VALIDITY and finding.verdict is Verdict.UNKNOWN
    return (
        BADNESS[finding.verdict],
        not told.blames,
        told.derived,
        not cause,
        not told.critical,
        _PART_ORDER.index(finding.part),
        told.t,
    )


def _experiments(  # noqa: PLR0913, PLR0917 -- private, called once: what was gathered before
    events: Sequence[Event],
    header: RunStarted,
    told: Sequence[Told],
    journeys: tuple[JourneySecond, ...],
    crossings: tuple[CrossingSecond, ...],
    last_t: float,
) -> tuple[ExperimentStory, ...]:
    starts = [each for each in events if isinstance(each, ExperimentStarted)]
    journeys_at, crossings_at = _by_second(journeys), _by_second(crossings)
    bounds = [*(each.t for each in starts[1:]), last_t][: len(starts)]
    stories = []
    for started, bound in zip(starts, bounds, strict=True):
        ended = _first(each for each in events if isinstance(each, ExperimentEnded) and each.name == started.name)
        windows = _windows(events, started)
        until = max([started.t, *(window.end for window in windows if window.kind is not WindowKind.BASELINE)])
        unfinished = ended is None or until == started.t
        until = bound if unfinished else until
        ranges = [(window.start, window.end) for window in windows] + [(started.t - LEAD_S, until)]
        stories.append(
            ExperimentStory(
                started=started,
                ended=ended,
                windows=windows,
                injections=_injections(events, started.name, header.edges),
                told=tuple(each for each in told if each.finding.experiment == started.name),
                journeys=_within(journeys_at, ranges),
                crossings=_within(crossings_at, ranges),
                until=until,
            )
        )
    return tuple(stories)


def _apart(
    events: Sequence[Event], header: RunStarted, journeys: tuple[JourneySecond, ...], last_t: float
) -> ExperimentStory | None:
    """The faults of no experiment, with what was seen from shortly before the first to shortly after the last."""
    injections = _injections(events, "", header.edges)
    if not injections:
        return None
    start = min(each.armed_at for each in injections)
    ends = [last_t if each.healed_at is None else each.healed_at for each in injections]
    until = min(max(ends) + LEAD_S, last_t)
    what = tuple(each.what for each in injections)
    return ExperimentStory(
        started=ExperimentStarted(
            t=start, name="", hypothesis="", role=Role.EXPERIMENT, source="", injections=what, expectations={}
        ),
        ended=None,
        windows=(),
        injections=injections,
        told=(),
        journeys=_within(_by_second(journeys), [(start - LEAD_S, until)]),
        crossings=(),
        until=until,
    )


def _first(endings: Iterable[ExperimentEnded]) -> ExperimentEnded | None:
    return next(iter(endings), None)


def _by_second(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.second].append(row)
    return found


def _within(rows: Mapping[int, Sequence[_Row]], ranges: Collection[tuple[float, float]]) -> tuple[_Row, ...]:
    return tuple(
        row for second, found in rows.items() if any(start - 1 < second < end for start, end in ranges) for row in found
    )


def _windows(events: Sequence[Event], started: ExperimentStarted) -> tuple[Window, ...]:
    """Its own windows, and the shared baseline (the last one before it) unless it has its own."""
    all_windows = [each for each in events if isinstance(each, WindowEnded)]
    own = [each.window for each in all_windows if each.experiment == started.name]
    shared = [
        each.window
        for each in all_windows
        if not each.experiment and each.window.kind is WindowKind.BASELINE and each.window.start <= started.t
    ]
    if shared and not any(window.kind is WindowKind.BASELINE for window in own):
        own.insert(0, shared[-1])
    order = list(WindowKind)
    return tuple(sorted(own, key=lambda window: order.index(window.kind)))


def _injections(events: Sequence[Event], experiment: str, edges: Iterable[EdgeFact]) -> tuple[InjectionStory, ...]:
    healings = {
        each.injection: each for each in events if isinstance(each, InjectionHealed) and each.experiment == experiment
    }
    labels = {edge_label(f"{edge.consumer}->{edge.provider}"): f"{edge.consumer}->{edge.provider}" for edge in edges}
    stories = []
    for each in events:
        if not isinstance(each, InjectionArmed) or each.experiment != experiment:
            continue
        target, _, fault = each.what.partition(" under ")
        healing = healings.get(each.injection)
        stories.append(
            InjectionStory(
                id=each.injection,
                what=each.what,
                target=target,
                fault=fault,
                edge=labels.get(target, ""),
                armed_at=each.t,
                armed=each.armed,
                healed_at=healing.t if healing else None,
                healed=healing.healed if healing else None,
            )
        )
    return tuple(stories)
