"""The charts of one journey in one experiment, or in a load run: latency, bad and degraded share, rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.report.markup import Ids, Markup, el, escaped, joined
from harness.report.svg import Scale, box_path, decade_ticks, line_path, linear_ticks, number, second_ticks
from harness.report.timeline import Bin
from harness.report.words import seconds, share

WIDTH, HEIGHT = 360.0, 184.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 8.0, 28.0, 34.0
_LANE = 4.0
_LANES = 15.0
"""The height that all lanes have together."""
_MOST_LANES = 3
"""More are drawn thinner."""
_LOWEST_S = 0.001
_WIDE_ENOUGH = 30.0
"""What the word for the fault needs."""
_LETTER, _FEWEST_LETTERS = 5.6, 3
"""The width of a letter, and how many of a phase's name must fit to be worth it."""
_WORDS_WIDTH = 56.0
"""What "well again" needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One injection as a bar above the plot, or one phase of a load, in seconds of the chart."""

    start: float
    end: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the charts of one experiment share. All times in seconds from the start of the fault."""

    start: float
    end: float
    zero: float
    """The run's time at second 0."""
    lanes: tuple[Lane, ...]
    recovered: float | None
    phases: tuple[Lane, ...] = ()
    """Of a load run, whose seconds count from the start of the load."""

    @property
    def x(self) -> Scale:
        """The time axis."""
        return Scale(low=self.start, high=self.end, at_low=_LEFT, at_high=WIDTH - _RIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One entry of a legend: the class of its shape, and whether that is a line or a patterned box."""

    shape: str
    words: str
    line: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The axis of the figures."""

    scale: Scale
    ticks: Sequence[float]
    label: Callable[[float], str]
    unit: str


def latency_chart(
    ids: Ids, frame: Frame, journey: str, bins: Sequence[Bin], limits: Sequence[tuple[str, float]]
) -> Markup:
    """p50 and p99 of good journeys over time, logarithmic; `limits` are named levels in seconds (an objective)."""
    p50 = [each.p50_s for each in bins]
    p99 = [each.p99_s for each in bins]
    known = [value for value in (*p50, *p99) if value is not None]
    top = max([*known, *(value for _, value in limits), _LOWEST_S * 10])
    ticks = decade_ticks(max(min(known, default=_LOWEST_S), _LOWEST_S / 10), top)
    ticks = ticks if len(ticks) > 1 else [*ticks, ticks[0] * 10]
    scale = Scale(low=ticks[0], high=ticks[-1], at_low=HEIGHT - _BOTTOM, at_high=_TOP, logarithmic=True)
    axis = Axis(scale=scale, ticks=ticks, label=short_seconds, unit="logarithmic")
    shapes = [
        *(_limit(scale, words, value) for words, value in limits),
        curve("p99", frame, scale, bins, p99),
        curve("p50", frame, scale, bins, p50),
    ]
    keys = [Key(shape="p50", words="p50"), Key(shape="p99", words="p99")]
    told = f"Latency of good journeys of {journey}, logarithmic. " + _told_range("p50", p50) + _told_range("p99", p99)
    return chart(ids, frame, axis, f"{journey}: latency", keys, shapes, told)


def share_chart(ids: Ids, frame: Frame, journey: str, bins: Sequence[Bin]) -> Markup:
    """Share of failed, unknown and degraded journeys over time, one on top of the other."""
    scale = Scale(low=0.0, high=1.0, at_low=HEIGHT - _BOTTOM, at_high=_TOP)
    axis = Axis(scale=scale, ticks=[0, 0.25, 0.5, 0.75, 1], label=lambda value: f"{value * 100:g}%", unit="")
    parts: tuple[tuple[str, Callable[[Bin], int]], ...] = (
        ("failed", lambda each: each.failed),
        ("lost", lambda each: each.unknown),
        ("degraded", lambda each: each.degraded),
    )
    shapes = []
    floors = [0.0] * len(bins)
    for shape, of in parts:
        tops = [floor + (of(each) / each.total if each.total else 0) for floor, each in zip(floors, bins, strict=True)]
        boxes = (
            (*_sides(frame, each), scale(floor), scale(high))
            for each, floor, high in zip(bins, floors, tops, strict=True)
        )
        path = box_path((left, high, right - left, low - high) for left, right, low, high in boxes)
        if path:
            shapes.append(el("path", {"class": f"box {shape}", "d": path}))
        floors = tops
    if not shapes:
        place = {"x": number((_LEFT + WIDTH - _RIGHT) / 2), "y": number((_TOP + HEIGHT - _BOTTOM) / 2)}
        shapes.append(el("text", {"class": "none", "text-anchor": "middle", **place}, "none"))
    keys = [
        Key(shape="failed", words="failed", line=False),
        Key(shape="lost", words="unknown", line=False),
        Key(shape="degraded", words="degraded", line=False),
    ]
    total = sum(each.total for each in bins)
    told = f"Of {total} journeys of {journey} in the time shown: " + ", ".join(
        f"{words} {share(sum(of(each) for each in bins), total)}"
        for words, (_, of) in zip(("failed", "unknown", "degraded"), parts, strict=True)
    )
    return chart(ids, frame, axis, f"{journey}: bad and degraded", keys, shapes, told + ".")


def rate_chart(ids: Ids, frame: Frame, journey: str, bins: Sequence[Bin]) -> Markup:
    """Journeys a second that were due, and those of them that ended well."""
    due = [each.total / each.step_s for each in bins]
    good = [(each.ok + each.degraded) / each.step_s for each in bins]
    most = max([*due, 1.0])
    ticks = linear_ticks(most * 1.1)
    high = max(ticks[-1], most)
    scale = Scale(low=0.0, high=high, at_low=HEIGHT - _BOTTOM, at_high=_TOP)
    axis = Axis(scale=scale, ticks=ticks, label=lambda value: f"{value:g}", unit="per second")
    shapes = [curve("all", frame, scale, bins, due), curve("good", frame, scale, bins, good)]
    keys = [Key(shape="all", words="due"), Key(shape="good", words="ended well")]
    mean = sum(due) / len(due) if due else 0.0
    told = f"Rate of {journey}: on average {mean:.3g} journeys a second were due, "
    told += f"{sum(good) / len(good) if good else 0.0:.3g} a second ended well."
    return chart(ids, frame, axis, f"{journey}: rate", keys, shapes, told)


def patterns() -> Markup:
    """The definitions that all charts of a page refer to; hatches tell classes apart without colour."""
    hatch = el("path", {"class": "hatch-degraded", "d": "M-1 6L6 -1M-1 12L12 -1M5 12L12 5"})
    cross = el("path", {"class": "hatch-lost", "d": "M0 0L6 6M6 0L0 6"})
    tile = {"patternUnits": "userSpaceOnUse"}
    return el(
        "svg",
        {"class": "defs", "width": "0", "height": "0", "aria-hidden": "true", "focusable": "false"},
        el(
            "defs",
            {},
            el("pattern", {"id": "tile-degraded", "width": "11", "height": "11", **tile}, hatch),
            el("pattern", {"id": "tile-lost", "width": "6", "height": "6", **tile}, cross),
        ),
    )


def swatch(key: Key) -> Markup:
    """A legend's sample of a shape."""
    if key.line:
        shape = el("path", {"class": f"line {key.shape}", "d": "M1 5H21"})
    else:
        shape = el("rect", {"class": f"box {key.shape}", "x": "4", "y": "0", "width": "14", "height": "10"})
    box = {"class": "swatch", "viewBox": "0 0 22 10", "width": "22", "height": "10", "aria-hidden": "true"}
    return el("svg", box, shape)


def chart(  # noqa: PLR0913, PLR0917 -- what one chart consists of, in the order it is drawn
    ids: Ids, frame: Frame, axis: Axis, title: str, keys: Sequence[Key], shapes: Iterable[Markup], told: str
) -> Markup:
    """A chart over time with its title and legend; `told` says in words what it shows."""
    title_id, desc_id = ids.take("chart", title), ids.take("chart", title, "desc")
    svg = el(
        "svg",
        {
            "class": "chart",
            "viewBox": f"0 0 {number(WIDTH)} {number(HEIGHT)}",
            "role": "img",
            "aria-labelledby": f"{title_id} {desc_id}",
        },
        el("title", {"id": title_id}, title),
        el("desc", {"id": desc_id}, f"{told} {_told_frame(frame)}"),
        _ground(frame),
        _grid(axis),
        *shapes,
        _marks(frame),
        _time_axis(frame),
    )
    unit = el("span", {"class": "unit"}, f" {axis.unit}") if axis.unit else ""
    legend = el("ul", {"class": "legend"}, *(el("li", {}, swatch(key), key.words) for key in keys))
    caption = el("figcaption", {}, el("div", {}, el("strong", {}, title), unit), legend)
    return el("figure", {}, caption, svg)


def _ground(frame: Frame) -> Markup:
    """The fault's window shaded, and one lane above it for each injection."""
    bottom = HEIGHT - _BOTTOM
    tall = min(_LANE + 1, _LANES / max(len(frame.lanes), 1))
    shades = [
        el(
            "rect",
            {
                "class": "fault",
                "x": number(frame.x(lane.start)),
                "y": number(_TOP),
                "width": number(frame.x(lane.end) - frame.x(lane.start)),
                "height": number(bottom - _TOP),
            },
        )
        for lane in _merged(frame.lanes)
    ]
    lanes = [
        el(
            "rect",
            {
                "class": "lane",
                "x": number(frame.x(lane.start)),
                "y": number(_TOP - tall * (1 + index)),
                "width": number(frame.x(lane.end) - frame.x(lane.start)),
                "height": number(tall * _LANE / (_LANE + 1)),
            },
            el("title", {}, lane.what),
        )
        for index, lane in enumerate(frame.lanes)
    ]
    return joined([*shades, *lanes, *_phases(frame)])


def _phases(frame: Frame) -> Iterable[Markup]:
    """Every second phase shaded, and the name of each that is wide enough for it, above the lanes."""
    above = _TOP - 4 - (_LANE + 1) * min(len(frame.lanes), _MOST_LANES)
    for index, phase in enumerate(frame.phases):
        left, right = frame.x(phase.start), frame.x(phase.end)
        if index % 2:
            place = {"x": number(left), "y": number(_TOP), "width": number(right - left)}
            yield el("rect", {"class": "phase", "height": number(HEIGHT - _BOTTOM - _TOP), **place})
        if index:
            yield el(
                "path", {"class": "phase-edge", "d": f"M{number(left)} {number(_TOP - 8)}V{number(HEIGHT - _BOTTOM)}"}
            )
        room = int((right - left) / _LETTER)
        if room >= _FEWEST_LETTERS:
            words = phase.what if len(phase.what) <= room else f"{phase.what[: room - 1]}…"
            place = {"x": number(left + 3), "y": number(above)}
            yield el("text", {"class": "tick", **place}, words)


def _merged(lanes: Iterable[Lane]) -> list[Lane]:
    found: list[Lane] = []
    for lane in sorted(lanes, key=lambda each: each.start):
        if found and lane.start <= found[-1].end:
            found[-1] = Lane(start=found[-1].start, end=max(found[-1].end, lane.end), what=found[-1].what)
        else:
            found.append(lane)
    return found


def _grid(axis: Axis) -> Markup:
    parts = []
    for tick in axis.ticks:
        y = number(axis.scale(tick))
        parts.append(el("path", {"class": "grid", "d": f"M{number(_LEFT)} {y}H{number(WIDTH - _RIGHT)}"}))
        text = {"class": "tick", "x": number(_LEFT - 6), "y": y, "dy": ".35em", "text-anchor": "end"}
        parts.append(el("text", text, axis.label(tick)))
    return joined(parts)


def _time_axis(frame: Frame) -> Markup:
    bottom = HEIGHT - _BOTTOM
    parts = [el("path", {"class": "axis", "d": f"M{number(_LEFT)} {number(bottom)}H{number(WIDTH - _RIGHT)}"})]
    for tick in second_ticks(frame.start, frame.end):
        x = number(frame.x(tick))
        parts.append(el("path", {"class": "axis", "d": f"M{x} {number(bottom)}v4"}))
        text = {"class": "tick", "x": x, "y": number(bottom + 14), "text-anchor": "middle"}
        parts.append(el("text", text, f"{tick}"))
    text = {
        "class": "tick",
        "x": number((_LEFT + WIDTH - _RIGHT) / 2),
        "y": number(HEIGHT - 5),
        "text-anchor": "middle",
    }
    words = "seconds from the start of the fault" if frame.lanes else "seconds from the start of the experiment"
    words = "seconds from the start of the load" if frame.phases else words
    return joined([*parts, el("text", text, words)])


def _marks(frame: Frame) -> Markup:
    """The word for the fault above its window, and the line at which the system was well again."""
    parts = []
    above = number(_TOP - (_LANE + 1) * min(len(frame.lanes), _MOST_LANES) - 3)
    beside = number(_TOP + 10) if frame.phases else above
    for lane in _merged(frame.lanes)[:1]:
        left, right = frame.x(lane.start), frame.x(lane.end)
        if right - left >= _WIDE_ENOUGH:
            parts.append(
                el("text", {"class": "at-fault", "x": number(left + 3 if frame.phases else left), "y": beside}, "fault")
            )
    if frame.recovered is not None:
        x = frame.x(frame.recovered)
        near_end = x > WIDTH - _RIGHT - _WORDS_WIDTH
        place = {"x": number(x + 3 if near_end else x - 1), "text-anchor": "end" if near_end else "start"}
        parts.append(el("path", {"class": "well", "d": f"M{number(x)} {number(_TOP - 6)}V{number(HEIGHT - _BOTTOM)}"}))
        parts.append(el("text", {"class": "at-well", "y": above, **place}, "well again"))
    return joined(parts)


def _limit(scale: Scale, words: str, value: float) -> Markup:
    y = scale(value)
    line = el("path", {"class": "limit", "d": f"M{number(_LEFT)} {number(y)}H{number(WIDTH - _RIGHT)}"})
    place = {"class": "tick", "x": number(WIDTH - _RIGHT - 2), "y": number(y - 3), "text-anchor": "end"}
    return joined([line, el("text", place, words)])


class Timed(Protocol):
    """One bin of some seconds; the run's time at which it begins, and how long it is."""

    @property
    def start(self) -> int:
        """Its first second."""
        ...

    @property
    def step_s(self) -> int:
        """How many it has."""
        ...


def curve(shape: str, frame: Frame, scale: Scale, bins: Sequence[Timed], values: Sequence[float | None]) -> Markup:
    """A line through the middles of the bins; None is a gap."""
    points = (
        None if value is None else (frame.x(each.start + each.step_s / 2 - frame.zero), scale(value))
        for each, value in zip(bins, values, strict=True)
    )
    path = line_path(points)
    return el("path", {"class": f"line {shape}", "d": path}) if path else escaped("")


def _sides(frame: Frame, each: Bin) -> tuple[float, float]:
    left, right = frame.x(each.start - frame.zero), frame.x(each.start + each.step_s - frame.zero)
    return left, right - min(0.6, (right - left) / 4)


def short_seconds(value: float) -> str:
    """A tick of latency: `20 ms`."""
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"


def _told_range(words: str, values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"No {words} is known. "
    return f"{words} between {seconds(min(known))} and {seconds(max(known))}. "


def _told_frame(frame: Frame) -> str:
    faults = "; ".join(f"{lane.what} from {lane.start:.0f} s to {lane.end:.0f} s" for lane in frame.lanes)
    if frame.phases:
        phases = ", ".join(f"{each.what} from {each.start:.0f} s to {each.end:.0f} s" for each in frame.phases)
        return f"Phases: {phases}." + (f" Faults by hand: {faults}." if faults else "")
    well = "" if frame.recovered is None else f" Well again at {frame.recovered:.1f} s."
    return (f"Fault: {faults}." if faults else "No fault was injected.") + well
