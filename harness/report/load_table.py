"""The phases and journeys of a load run as lines of text, and as tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.report.load_story import ALL, JourneyFigures, LoadStory, PhaseFigures
from harness.report.words import printable, seconds, share

MOST_ROWS = 30
"""Journeys of phases that a screen shows; the report has all."""

PHASE_HEADS = ("asked", "begun", "n", "failed", "unknown", "p50", "p95", "p99", "lag p99", "dropped")
JOURNEY_HEADS = ("n", "degraded", "failed", "unknown", "p50", "p95", "p99", "service p99")
_NAME_WIDTH = 24


def lines(story: LoadStory) -> Iterator[str]:
    """What a terminal shows, in at most 100 columns."""
    yield from _aligned("Load", PHASE_HEADS, [(each.ended.name, phase_cells(each)) for each in story.phases])
    rows = [(_of_phase(story, each), journey_cells(each)) for each in journeys_of(story)]
    if rows:
        yield ""
        yield from _aligned("Journeys", JOURNEY_HEADS, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        yield f"  and {len(rows) - MOST_ROWS} more in the report"


def journeys_of(story: LoadStory) -> Sequence[JourneyFigures]:
    """Those of all phases, and all together where there are several; journey by journey."""
    names = (*story.names, *([ALL] if len(story.names) > 1 else []))
    return [
        each
        for name in names
        for phase in story.phases
        for each in (*phase.journeys, phase.all)
        if each.journey == name
    ]


def phase_cells(phase: PhaseFigures) -> tuple[str, ...]:
    """The figures of a phase, as `PHASE_HEADS` says."""
    found = phase.all
    return (
        phase.asked,
        f"{phase.driven:.4g}/s",
        f"{found.total:,}",
        share(found.failed, found.total),
        share(found.unknown, found.total),
        seconds(found.latency.p50_s),
        seconds(found.latency.p95_s),
        seconds(found.latency.p99_s),
        seconds(phase.lag_s),
        f"{phase.dropped + phase.lost:,}",
    )


def journey_cells(found: JourneyFigures) -> tuple[str, ...]:
    """The figures of a journey in a phase, as `JOURNEY_HEADS` says."""
    return (
        f"{found.total:,}",
        share(found.degraded, found.total),
        share(found.failed, found.total),
        share(found.unknown, found.total),
        seconds(found.latency.p50_s),
        seconds(found.latency.p95_s),
        seconds(found.latency.p99_s),
        seconds(found.service.p99_s),
    )


def _of_phase(story: LoadStory, found: JourneyFigures) -> str:
    return found.journey if len(story.phases) == 1 else f"{found.journey}, {found.phase}"


def _aligned(title: str, heads: Sequence[str], rows: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    names = [_short(name) for name, _ in rows]
    first = max(map(len, [title, *(f"  {name}" for name in names)]))
    widths = [max(map(len, [each, *(cells[index] for _, cells in rows)])) for index, each in enumerate(heads)]
    yield "  ".join([f"{title:<{first}}", *(f"{each:>{width}}" for each, width in zip(heads, widths, strict=True))])
    for name, (_, cells) in zip(names, rows, strict=True):
        told = (f"{each:>{width}}" for each, width in zip(cells, widths, strict=True))
        yield "  ".join([f"{f'  {name}':<{first}}", *told])


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
