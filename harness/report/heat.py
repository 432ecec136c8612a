"""The latency of every request of a run as a heat map: what percentiles hide, such as a second hump, is seen in it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model.observation import AnswerSecond
from harness.model.sparse_histogram import buckets
from harness.report.markup import Ids, Markup, el, joined
from harness.report.story import InjectionStory, RunStory
from harness.report.svg import number, second_ticks
from harness.report.words import count, seconds

MAX_COLUMNS = 240
_ROWS_A_DECADE = 6
_SHADES = 5
_US = 1_000_000
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1080.0, 56.0, 8.0, 16.0, 34.0
_ROW = 8.0
_LEAST_LANE = 1.5
"""A fault of an instant is still to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How many requests took how long: rows of latency (`low` is the exponent of the lowest), columns of time."""

    start: int
    step_s: int
    columns: int
    low: int
    """In rows from 1 µs."""
    rows: int
    cells: Mapping[tuple[int, int], int]
    """Row and column → how many."""

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.cells.values())

    @property
    def most(self) -> int:
        """Those of the fullest cell."""
        return max(self.cells.values(), default=0)


def grid_of(answers: Iterable[AnswerSecond]) -> Grid | None:
    """The requests by the second they ended in and by how long they took; None of none."""
    by_second: dict[int, Counter[int]] = defaultdict(Counter)
    for each in answers:
        for highest_us, found in buckets(each.latencies).items():
            by_second[each.second][math.floor(math.log10(max(highest_us, 1)) * _ROWS_A_DECADE)] += found
    rows = [row for found in by_second.values() for row in found]
    if not rows:
        return None
    start, end = min(by_second), max(by_second) + 1
    step = max(1, math.ceil((end - start) / MAX_COLUMNS))
    low = min(rows) // _ROWS_A_DECADE * _ROWS_A_DECADE
    cells: Counter[tuple[int, int]] = Counter()
    for second, counted in by_second.items():
        for row, found in counted.items():
            cells[row - low, (second - start) // step] += found
    high = math.ceil((max(rows) + 1) / _ROWS_A_DECADE) * _ROWS_A_DECADE
    return Grid(
        start=start,
        step_s=step,
        columns=math.ceil((end - start) / step),
        low=low,
        rows=high - low,
        cells=cells,
    )


def heat_map(ids: Ids, story: RunStory) -> Markup:
    """The drawing with its legend; nothing of a run without requests."""
    grid = grid_of(story.answers)
    if grid is None:
        return Markup()
    injections = [each for experiment in story.experiments for each in experiment.injections]
    height = _TOP + grid.rows * _ROW + _BOTTOM
    title, desc = ids.take("heat", "title"), ids.take("heat", "desc")
    drawing = el(
        "svg",
        {
            "class": "heat",
            "viewBox": f"0 0 {number(_WIDTH)} {number(height)}",
            "role": "img",
            "aria-labelledby": f"{title} {desc}",
        },
        el("title", {"id": title}, "Latency of all requests over time"),
        el("desc", {"id": desc}, _told(grid)),
        *_lanes(grid, injections),
        *_latencies(grid),
        _squares(grid),
        *_times(grid),
    )
    words = f"{_told(grid)} The bars on top are the faults."
    scroll = {"class": "scroll", "role": "group", "tabindex": "0", "aria-label": "Heat map"}
    return joined([el("p", {"class": "soft small"}, words), _legend(grid), el("div", scroll, drawing)])


def _told(grid: Grid) -> str:
    long = f"{seconds(grid.step_s)} and a latency range"
    return f"{count(grid.total, 'request')} by when each ended and how long it took; a square is {long}, logarithmic."


def _shade(found: int, most: int) -> int:
    """From 0 to `_SHADES` - 1, by the logarithm: one slow request among thousands is what one looks for."""
    if most <= 1:
        return _SHADES - 1
    return min(int(math.log(found) / math.log(most) * _SHADES), _SHADES - 1)


def _legend(grid: Grid) -> Markup:
    bounds: dict[int, list[int]] = defaultdict(list)
    for found in range(1, min(grid.most, 10_000) + 1):
        bounds[_shade(found, grid.most)].append(found)
    items = []
    for shade, held in sorted(bounds.items()):
        words = f"{held[0]:,}" if held[0] == held[-1] else f"{held[0]:,} to {held[-1]:,}"
        box = {"class": "swatch", "viewBox": "0 0 22 10", "width": "22", "height": "10", "aria-hidden": "true"}
        sample = el("svg", box, el("path", {"class": f"h{shade}", "d": "M4 5H18", "stroke-width": "10"}))
        items.append(el("li", {}, sample, words))
    return el("ul", {"class": "legend small heat"}, el("li", {}, "Requests in a square:"), *items)


def _x(grid: Grid, t: float) -> float:
    inside = min(max((t - grid.start) / grid.step_s, 0), grid.columns)
    return _LEFT + inside * (_WIDTH - _LEFT - _RIGHT) / grid.columns


def _lanes(grid: Grid, injections: Sequence[InjectionStory]) -> Iterable[Markup]:
    end = grid.start + grid.columns * grid.step_s
    for each in injections:
        left, right = _x(grid, each.armed_at), _x(grid, end if each.healed_at is None else each.healed_at)
        place = {"x": number(left), "y": "6", "width": number(max(right - left, _LEAST_LANE)), "height": "6"}
        yield el("rect", {"class": "lane", **place}, el("title", {}, each.what))


def _latencies(grid: Grid) -> Iterable[Markup]:
    for row in range(0, grid.rows + 1, _ROWS_A_DECADE):
        y = number(_TOP + (grid.rows - row) * _ROW)
        yield el("path", {"class": "grid", "d": f"M{number(_LEFT)} {y}H{number(_WIDTH - _RIGHT)}"})
        words = _decade((grid.low + row) // _ROWS_A_DECADE)
        text = {"class": "tick", "x": number(_LEFT - 6), "y": y, "dy": ".35em", "text-anchor": "end"}
        yield el("text", text, words)


def _decade(power: int) -> str:
    us = 10**power
    if us >= _US:
        return f"{us // _US:g} s"
    return f"{us // 1000:g} ms" if us >= 1000 else f"{us:g} µs"  # noqa: PLR2004 -- µs in a ms


def _squares(grid: Grid) -> Markup:
    """One path for each shade, in units of squares: neighbours of one shade are one stroke."""
    runs: dict[int, list[str]] = {shade: [] for shade in range(_SHADES)}
    for row in range(grid.rows):
        column = 0
        while column < grid.columns:
            found = grid.cells.get((row, column), 0)
            if not found:
                column += 1
                continue
            shade, first = _shade(found, grid.most), column
            while (more := grid.cells.get((row, column), 0)) and _shade(more, grid.most) == shade:
                column += 1
            runs[shade].append(f"M{first} {grid.rows - 1 - row}h{column - first}")
    wide = (_WIDTH - _LEFT - _RIGHT) / grid.columns
    move = f"translate({number(_LEFT)} {number(_TOP + _ROW / 2)}) scale({wide:.4f} {number(_ROW)})"
    paths = (el("path", {"class": f"h{shade}", "d": "".join(made)}) for shade, made in runs.items() if made)
    return el("g", {"transform": move}, *paths)


def _times(grid: Grid) -> Iterable[Markup]:
    bottom = _TOP + grid.rows * _ROW
    for tick in second_ticks(grid.start, grid.start + grid.columns * grid.step_s, about=12):
        x = number(_x(grid, tick))
        yield el("path", {"class": "axis", "d": f"M{x} {number(bottom)}v4"})
        text = {"class": "tick", "x": x, "y": number(bottom + 15), "text-anchor": "middle"}
        yield el("text", text, f"{tick}")
    place = {"class": "tick", "x": number(_WIDTH / 2), "y": number(bottom + 30), "text-anchor": "middle"}
    yield el("text", place, "seconds of the run")
