"""Where boxes and edges of a drawing lie: boxes in columns, consumers left, and a lane for each edge that passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil

from harness.report.graph_columns import Cell, Lane, Link, Route, Side, columns_of, mean

MARGIN = 10.0
BOX_H = 30.0
PORT = 17.0
"""Between two edges at the same side of a box."""
LEVEL = 24.0
"""How far edges run level beside a box at which one arrives: nothing else lies there, so that a badge can."""
BADGE_AT = 14.0
"""How far before its box the badge of an edge is."""
_LEAD = 8.0
_BEND = 50.0
_LETTER, _PADDING, _LEAST_W = 8.0, 7.0, 58.0
MAX_LETTERS = 22
_BOXES, _BESIDE, _LANES = 14.0, 12.0, 8.0
"""The least room between two boxes, a box and a lane, two lanes."""
LOOP = 14.0
"""How far the bend of a loop reaches out."""
_SWEEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a box lies: its left side, and the middle of its height."""

    x: float
    y: float
    width: float
    height: float
    level: float
    """How far edges run level right of it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A level stretch of an edge, in its direction."""

    start: float
    end: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An edge from its consumer to its provider: level runs with bends between them."""

    runs: tuple[Run, ...]

    @property
    def rightward(self) -> bool:
        """Whether it arrives from the left."""
        return self.runs[-1].end > self.runs[-1].start

    @property
    def badge(self) -> tuple[float, float]:
        """The middle of its badge."""
        last = self.runs[-1]
        return last.end - BADGE_AT if self.rightward else last.end + BADGE_AT, last.y


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A whole drawing."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    lines: Mapping[str, Line]
    """By the names of edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    x: float
    width: float
    level: float


_Slots = dict[tuple[str, Side], dict[str, list[Cell]]]
"""What is at a side of a box: each edge that arrives, and all that leave together, under an empty name."""


def lay_out(links: Sequence[Link], sinks: Collection[str] = frozenset()) -> Layout:
    """Place all; `sinks`, such as stores, come last."""
    columns, routes = columns_of(links, sinks)
    slots = _slots(routes)
    tall = {
        cell: max(BOX_H, *(len(slots.get((cell, side), ())) * PORT for side in Side)) if isinstance(cell, str) else 0.0
        for column in columns
        for cell in column
    }
    down = _down(columns, routes, tall)
    at = _across(columns, slots)
    ports = _ports(slots, down)
    boxes = {
        cell: Box(x=at[rank].x, y=down[cell], width=at[rank].width, height=tall[cell], level=at[rank].level)
        for rank, column in enumerate(columns)
        for cell in column
        if isinstance(cell, str)
    }
    lines = {each.link.name: Line(runs=_runs(each, boxes, ports, down, at)) for each in routes}
    overhang = LEVEL + LOOP if at[-1].level == LEVEL else 0.0
    return Layout(
        width=at[-1].x + at[-1].width + overhang + MARGIN,
        height=max(down[cell] + tall[cell] / 2 for cell in down) + MARGIN,
        boxes=boxes,
        lines=lines,
    )


def _slots(routes: Iterable[Route]) -> _Slots:
    slots: _Slots = {}
    for route in routes:
        (box, side, beside), (to_box, to_side, before) = route.ends()
        slots.setdefault((box, side), {}).setdefault("", []).append(beside)
        slots.setdefault((to_box, to_side), {})[route.link.name] = [before]
    return slots


def _down(columns: Sequence[Sequence[Cell]], routes: Iterable[Route], tall: Mapping[Cell, float]) -> dict[Cell, float]:
    """The middle height of each cell: as near to that of its neighbours as order and room let it be."""
    neighbours: dict[Cell, list[Cell]] = {}
    for route in routes:
        for left, right in pairwise(route.cells):
            neighbours.setdefault(left, []).append(right)
            neighbours.setdefault(right, []).append(left)
    apart = [[_apart(above, below, tall) for above, below in pairwise(column)] for column in columns]
    down = {
        cell: place - sum(gaps) / 2
        for column, gaps in zip(columns, apart, strict=True)
        for cell, place in zip(column, accumulate(gaps, initial=0.0), strict=True)
    }
    for sweep in range(_SWEEPS):
        order = range(len(columns))
        for index in reversed(order) if sweep % 2 else order:
            wanted = [mean([down[each] for each in neighbours.get(cell, [])], down[cell]) for cell in columns[index]]
            down.update(zip(columns[index], settled(wanted, apart[index]), strict=True))
    top = min(down[cell] - tall[cell] / 2 for cell in down)
    return {cell: MARGIN + place - top for cell, place in down.items()}


def _apart(above: Cell, below: Cell, tall: Mapping[Cell, float]) -> float:
    boxes = isinstance(above, str) + isinstance(below, str)
    return (tall[above] + tall[below]) / 2 + (_LANES, _BESIDE, _BOXES)[boxes]


def settled(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, in this order and at least so far apart (pool adjacent violators)."""
    offsets = list(accumulate(apart, initial=0.0))
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            before, several = pools.pop()
            total, count = total + before, count + several
        pools.append((total, count))
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _across(columns: Sequence[Sequence[Cell]], slots: _Slots) -> list[_Column]:
    found: list[_Column] = []
    x = MARGIN
    for column in columns:
        names = [cell for cell in column if isinstance(cell, str)]
        # What leaves has an empty name.
        arriving = any(edge for name in names for edge in slots.get((name, Side.RIGHT), ()))
        width = float(ceil(max([_LEAST_W, *(len(label(name)) * _LETTER + 2 * _PADDING for name in names)])))
        found.append(_Column(x=x, width=width, level=LEVEL if arriving else _LEAD))
        x += width + found[-1].level + _BEND + LEVEL
    return found


def label(name: str) -> str:
    """A name as it fits into its box."""
    return name if len(name) <= MAX_LETTERS else name[: MAX_LETTERS - 1] + "…"


def _ports(slots: _Slots, down: Mapping[Cell, float]) -> dict[tuple[str, Side, str], float]:
    """At which height each edge meets its box: ordered by where it comes from."""
    heights: dict[tuple[str, Side, str], float] = {}
    for (box, side), found in slots.items():
        means = {edge: mean([down[cell] for cell in beside], down[box]) for edge, beside in found.items()}
        top = down[box] - (len(found) - 1) * PORT / 2
        for index, edge in enumerate(sorted(found, key=means.__getitem__)):
            heights[box, side, edge] = top + index * PORT
    return heights


def _runs(
    route: Route,
    boxes: Mapping[str, Box],
    ports: Mapping[tuple[str, Side, str], float],
    down: Mapping[Cell, float],
    columns: Sequence[_Column],
) -> tuple[Run, ...]:
    (box, side, _), (to_box, to_side, _) = route.ends()
    leaves, arrives = ports[box, side, ""], ports[to_box, to_side, route.link.name]
    left, right = boxes[to_box if route.back else box], boxes[box if route.back else to_box]
    here = left.x + left.width
    if len(route.cells) == 1:
        return Run(here, here + left.level, leaves), Run(here + left.level, here, arrives)
    from_y, to_y = (arrives, leaves) if route.back else (leaves, arrives)
    lanes = [(columns[cell.rank], down[cell]) for cell in route.cells if isinstance(cell, Lane)]
    runs = (
        Run(here, here + left.level, from_y),
        *(Run(column.x - LEVEL, column.x + column.width + column.level, y) for column, y in lanes),
        Run(right.x - LEVEL, right.x, to_y),
    )
    return tuple(Run(each.end, each.start, each.y) for each in reversed(runs)) if route.back else runs
