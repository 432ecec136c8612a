"""In which columns the boxes of a drawing stand and in which order, and the lanes by which long edges pass columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

_SWEEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An edge that is to be drawn."""

    name: str
    consumer: str
    provider: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a long edge passes a column."""

    edge: str
    rank: int


Cell = str | Lane


class Side(StrEnum):
    """Of a box."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way of an edge through the columns."""

    link: Link
    cells: tuple[Cell, ...]
    """From left to right; a loop has one."""
    back: bool
    """Whether it leads from right to left."""

    def ends(self) -> tuple[tuple[str, Side, Cell], tuple[str, Side, Cell]]:
        """Where it leaves and where it arrives: the box, its side, and the cell next to it."""
        if len(self.cells) == 1:
            here = (self.link.consumer, Side.RIGHT, self.cells[0])
            return here, here
        left, right = sorted((self.link.consumer, self.link.provider), key=self.cells.index)
        first, last = (left, Side.RIGHT, self.cells[1]), (right, Side.LEFT, self.cells[-2])
        return (last, first) if self.back else (first, last)


def columns_of(links: Sequence[Link], sinks: Collection[str]) -> tuple[list[list[Cell]], list[Route]]:
    """Boxes and lanes by rank, ordered so that few edges cross, and the way of each edge through them."""
    ranks = _ranks(links, sinks)
    columns: list[list[Cell]] = [[] for _ in range(max(ranks.values()) + 1)]
    for name, rank in ranks.items():
        columns[rank].append(name)
    routes = []
    for each in links:
        left, right = sorted((each.consumer, each.provider), key=ranks.__getitem__)
        between = [Lane(each.name, rank) for rank in range(ranks[left] + 1, ranks[right])]
        for lane in between:
            columns[lane.rank].append(lane)
        cells: tuple[Cell, ...] = (left,) if left == right else (left, *between, right)
        routes.append(Route(link=each, cells=cells, back=ranks[each.consumer] > ranks[each.provider]))
    for sweep in range(_SWEEPS):
        _sweep(columns, routes, leftward=bool(sweep % 2))
    return columns, routes


def _sweep(columns: list[list[Cell]], routes: Iterable[Route], *, leftward: bool) -> None:
    """Order each column by the mean position of its neighbours in the column before (barycentre method)."""
    neighbours: dict[Cell, list[Cell]] = {}
    for route in routes:
        for left, right in pairwise(route.cells):
            here, there = (left, right) if leftward else (right, left)
            neighbours.setdefault(here, []).append(there)
    order = range(len(columns) - 2, -1, -1) if leftward else range(1, len(columns))
    for index in order:
        other = columns[index + 1] if leftward else columns[index - 1]
        position = {cell: (place + 0.5) / len(other) for place, cell in enumerate(other)}
        own = {cell: (place + 0.5) / len(columns[index]) for place, cell in enumerate(columns[index])}
        means = {
            cell: mean([position[each] for each in neighbours.get(cell, []) if each in position], own[cell])
            for cell in columns[index]
        }
        columns[index].sort(key=means.__getitem__)


def _ranks(links: Sequence[Link], sinks: Collection[str]) -> dict[str, int]:
    """Longest path from a consumer that nobody calls; cycles are cut at the edge that closes them."""
    names = dict.fromkeys(name for each in links for name in (each.consumer, each.provider))
    ranks = dict.fromkeys(names, 0)
    forward = _forward(links)
    for _ in names:
        for each in forward:
            ranks[each.provider] = max(ranks[each.provider], ranks[each.consumer] + 1)
    deepest = max(ranks.values())
    ends = {*sinks} - {each.consumer for each in links}
    last = deepest if {name for name in names if ranks[name] == deepest} <= ends else deepest + 1
    return {name: last if name in ends else rank for name, rank in ranks.items()}


def _forward(links: Iterable[Link]) -> list[Link]:
    """Those that close no cycle with others before them."""
    kept: list[Link] = []
    providers: dict[str, set[str]] = {}
    for link in links:
        reached, todo = {link.provider}, [link.provider]
        while todo:
            found = providers.get(todo.pop(), set()) - reached
            reached |= found
            todo.extend(found)
        if link.consumer not in reached:
            kept.append(link)
            providers.setdefault(link.consumer, set()).add(link.provider)
    return kept


def mean(values: Sequence[float], otherwise: float) -> float:
    """Their mean, or what stands for it where there are none."""
    return sum(values) / len(values) if values else otherwise
