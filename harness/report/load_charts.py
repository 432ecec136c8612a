"""The charts of a load run: all journeys, the generator itself, and each journey."""

from __future__ import annotations

from harness.report import charts
from harness.report.charts import HEIGHT, Axis, Frame, Key, Lane, chart, curve
from harness.report.load_story import ALL, LoadStory
from harness.report.markup import Ids, Markup, el
from harness.report.svg import Scale, linear_ticks
from harness.report.timeline import binned
from harness.report.words import seconds

_TOP, _BOTTOM = 28.0, 34.0
_LEAST_LAG_S = 0.02
"""A lag chart goes at least so far: less is nothing to be looked at."""


def frame_of(story: LoadStory) -> Frame:
    """What all charts of the run share."""
    zero = story.start
    phases = tuple(
        Lane(start=each.ended.start - zero, end=each.ended.end - zero, what=each.ended.name) for each in story.phases
    )
    end = max(story.end - zero, 1.0)
    broken = (
        Lane(
            start=max(each.start - zero, 0.0),
            end=end if each.end is None else min(each.end - zero, end),
            what=each.what,
        )
        for each in story.broken
    )
    lanes = tuple(each for each in broken if each.start < each.end)
    return Frame(start=0.0, end=end, zero=zero, lanes=lanes, recovered=None, phases=phases)


def rows_of_charts(ids: Ids, story: LoadStory, objectives: dict[str, float | None]) -> list[Markup]:
    """A row of all journeys together, one of the generator, and one of each journey when there are several."""
    frame = frame_of(story)
    everything = binned(story.journeys, None, story.start, story.end)
    rows = [
        _row(
            charts.latency_chart(ids, frame, ALL, everything, []),
            charts.share_chart(ids, frame, ALL, everything),
            asked_chart(ids, frame, story),
        ),
        _row(lag_chart(ids, frame, story), dropped_chart(ids, frame, story), cpu_chart(ids, frame, story)),
    ]
    for name in story.names if len(story.names) > 1 else ():
        bins = binned(story.journeys, name, story.start, story.end)
        objective = objectives.get(name)
        limits = [(f"p99 objective {seconds(objective)}", objective)] if objective else []
        rows.append(
            _row(
                charts.latency_chart(ids, frame, name, bins, limits),
                charts.share_chart(ids, frame, name, bins),
                charts.rate_chart(ids, frame, name, bins),
            )
        )
    return rows


def asked_chart(ids: Ids, frame: Frame, story: LoadStory) -> Markup:
    """What was asked and what was driven."""
    asked, driven = [each.asked for each in story.pace], [each.driven for each in story.pace]
    scale, ticks = _upright(max([*driven, *(each for each in asked if each is not None), 1.0]))
    axis = Axis(scale=scale, ticks=ticks, label=lambda value: f"{value:g}", unit="per second")
    shapes = [curve("all", frame, scale, story.pace, asked), curve("good", frame, scale, story.pace, driven)]
    keys = [Key(shape="all", words="asked"), Key(shape="good", words="begun")]
    mean = sum(driven) / len(driven) if driven else 0.0
    told = f"Journeys a second that were asked for, and that were begun: on average {mean:.3g}."
    return chart(ids, frame, axis, "rate, asked and begun", keys, shapes, told)


def lag_chart(ids: Ids, frame: Frame, story: LoadStory) -> Markup:
    """How late journeys began."""
    lags = [each.lag_s for each in story.pace]
    most = max([each for each in lags if each is not None], default=0.0)
    scale, ticks = _upright(max(most, _LEAST_LAG_S))
    axis = Axis(scale=scale, ticks=ticks, label=_ticked, unit="p99 of each second")
    told = f"How late journeys began, beside their intended start: p99 of a second at most {seconds(most)}."
    shapes = [curve("p99", frame, scale, story.pace, lags)]
    return chart(ids, frame, axis, "generator: schedule lag", [Key(shape="p99", words="lag")], shapes, told)


def dropped_chart(ids: Ids, frame: Frame, story: LoadStory) -> Markup:
    """Journeys that were due and never began."""
    dropped = [each.dropped for each in story.pace]
    scale, ticks = _upright(max([*dropped, 1.0]))
    axis = Axis(scale=scale, ticks=ticks, label=lambda value: f"{value:g}", unit="per second")
    total = sum(each.dropped * each.step_s for each in story.pace)
    told = f"Journeys that were due and never began, for want of a free user or of their worker: {total:.0f}."
    shapes = [curve("p50", frame, scale, story.pace, dropped)]
    return chart(ids, frame, axis, "generator: dropped journeys", [Key(shape="p50", words="dropped")], shapes, told)


def cpu_chart(ids: Ids, frame: Frame, story: LoadStory) -> Markup:
    """How much of its core the generator used."""
    used = [each.cpu_share for each in story.pace]
    most = max([each for each in used if each is not None], default=0.0)
    scale = Scale(low=0.0, high=max(1.0, most), at_low=HEIGHT - _BOTTOM, at_high=_TOP)
    axis = Axis(scale=scale, ticks=[0, 0.25, 0.5, 0.75, 1], label=lambda value: f"{value * 100:g}%", unit="of one core")
    told = f"What the busiest generator process used of one core: at most {most * 100:.0f}%."
    shapes = [curve("p50", frame, scale, story.pace, used)]
    return chart(ids, frame, axis, "generator: CPU", [Key(shape="p50", words="CPU")], shapes, told)


def _upright(most: float) -> tuple[Scale, list[float]]:
    """A scale from nothing to a bit above the most, with its ticks."""
    ticks = list(linear_ticks(most * 1.1))
    return Scale(low=0.0, high=max(ticks[-1], most), at_low=HEIGHT - _BOTTOM, at_high=_TOP), ticks


def _ticked(value: float) -> str:
    return charts.short_seconds(round(value, 6))


def _row(*drawn: Markup) -> Markup:
    return el("div", {"class": "charts"}, *drawn)
