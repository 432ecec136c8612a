"""The system's edges as a drawing: consumers left, providers right, each edge marked with its worst verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.model.verdict import Verdict
from harness.report.markup import Ids, Markup, el
from harness.report.story import EdgeStory
from harness.report.svg import number
from harness.report.words import MARKS, edge_label

_BOX_W, _BOX_H = 118.0, 30.0
_GAP_X, _GAP_Y = 66.0, 14.0
_WAYPOINT_H = 12.0
_MARGIN = 10.0
_SWEEPS = 8
_BADGE = 7.0
_PORT = 17.0
"""Between two edges that arrive at the same box."""
_STRAIGHT = 20.0
"""How far an edge runs level before it arrives; its badge sits there."""


@dataclass(frozen=True, slots=True)
class _Waypoint:
    """Where a long edge passes a column."""

    edge: str
    rank: int


_Cell = str | _Waypoint


def edge_graph(ids: Ids, edges: Sequence[EdgeStory], owners: Mapping[str, str]) -> Markup:
    """The drawing; an empty text when there is no edge."""
    if not edges:
        return Markup()
    columns, links = _columns(edges)
    tall = _heights(columns, links.values())
    places = _places(columns, tall)
    width = len(columns) * (_BOX_W + _GAP_X) - _GAP_X + 2 * _MARGIN
    height = max(y + tall[cell] / 2 for cell, (_, y) in places.items()) + _MARGIN
    title, desc = ids.take("graph", "title"), ids.take("graph", "desc")
    curves, badges = _draw(edges, links, places)
    boxes = [
        _box(cell, places[cell], tall[cell], owners.get(cell, ""))
        for column in columns
        for cell in column
        if isinstance(cell, str)
    ]
    return el(
        "svg",
        {
            "class": "graph",
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "role": "img",
            "aria-labelledby": f"{title} {desc}",
        },
        el("title", {"id": title}, "The system's edges with their worst verdicts"),
        el("desc", {"id": desc}, "; ".join(_told(each) for each in edges)),
        *curves,
        *boxes,
        *badges,
    )


def _is_box(cell: _Cell) -> bool:
    return isinstance(cell, str)


def _told(edge: EdgeStory) -> str:
    return f"{edge_label(edge.name)}, {edge.fact.need}: {edge.verdict or 'not judged'}"


def _ranks(edges: Sequence[EdgeStory]) -> dict[str, int]:
    """Longest path from a consumer that nobody calls; a cycle of soft edges is cut at its first edge back."""
    names = dict.fromkeys(name for each in edges for name in (each.fact.consumer, each.fact.provider))
    ranks = dict.fromkeys(names, 0)
    forward = [each for each in edges if not _closes_cycle(each, edges)]
    for _ in names:
        for each in forward:
            ranks[each.fact.provider] = max(ranks[each.fact.provider], ranks[each.fact.consumer] + 1)
    deepest = max(ranks.values())
    consumers = {each.fact.consumer for each in edges}
    stores = {each.fact.provider for each in edges if each.fact.protocol not in ("http", "https")}
    last = deepest if {name for name in names if ranks[name] == deepest} <= stores else deepest + 1
    return {name: last if name in stores and name not in consumers else rank for name, rank in ranks.items()}


def _closes_cycle(edge: EdgeStory, edges: Sequence[EdgeStory]) -> bool:
    """Whether the consumer can be reached from the provider by edges that stand before this one."""
    before = edges[: edges.index(edge)]
    reached, todo = {edge.fact.provider}, [edge.fact.provider]
    while todo:
        name = todo.pop()
        found = {each.fact.provider for each in before if each.fact.consumer == name} - reached
        reached |= found
        todo.extend(sorted(found))
    return edge.fact.consumer in reached


def _columns(edges: Sequence[EdgeStory]) -> tuple[list[list[_Cell]], dict[str, list[_Cell]]]:
    """Boxes and waypoints by rank, ordered so that few curves cross, and the cells of each edge from left to right."""
    ranks = _ranks(edges)
    columns: list[list[_Cell]] = [[] for _ in range(max(ranks.values()) + 1)]
    for name, rank in ranks.items():
        columns[rank].append(name)
    links: dict[str, list[_Cell]] = {}
    for each in edges:
        first, last = ranks[each.fact.consumer], ranks[each.fact.provider]
        between: list[_Cell] = [_Waypoint(each.name, rank) for rank in range(first + 1, last)]
        links[each.name] = [each.fact.consumer, *between, each.fact.provider]
        for cell in between:
            columns[cell.rank if isinstance(cell, _Waypoint) else 0].append(cell)
    for sweep in range(_SWEEPS):
        _sweep(columns, links.values(), leftward=bool(sweep % 2))
    return columns, links


def _sweep(columns: list[list[_Cell]], links: Iterable[Sequence[_Cell]], *, leftward: bool) -> None:
    """Order each column by the mean position of its neighbours in the column before (barycentre method)."""
    neighbours: dict[_Cell, list[_Cell]] = {}
    for cells in links:
        for left, right in pairwise(cells):
            here, there = (left, right) if leftward else (right, left)
            neighbours.setdefault(here, []).append(there)
    order = range(len(columns) - 2, -1, -1) if leftward else range(1, len(columns))
    for index in order:
        other = columns[index + 1] if leftward else columns[index - 1]
        position = {cell: (place + 0.5) / len(other) for place, cell in enumerate(other)}
        own = {cell: (place + 0.5) / len(columns[index]) for place, cell in enumerate(columns[index])}
        means = {
            cell: _mean([position[each] for each in neighbours.get(cell, []) if each in position], own[cell])
            for cell in columns[index]
        }
        columns[index].sort(key=means.__getitem__)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(columns: Sequence[Sequence[_Cell]], tall: Mapping[_Cell, float]) -> dict[_Cell, tuple[float, float]]:
    """Left side and middle height of each cell; each column is centred."""
    heights = [sum(tall[cell] + _GAP_Y for cell in column) - _GAP_Y for column in columns]
    places: dict[_Cell, tuple[float, float]] = {}
    for index, column in enumerate(columns):
        y = _MARGIN + (max(heights) - heights[index]) / 2
        for cell in column:
            places[cell] = (_MARGIN + index * (_BOX_W + _GAP_X), y + tall[cell] / 2)
            y += tall[cell] + _GAP_Y
    return places


def _heights(columns: Iterable[Iterable[_Cell]], links: Iterable[Sequence[_Cell]]) -> dict[_Cell, float]:
    """A box is so tall that each edge that arrives has a place of its own."""
    arriving = Counter(cells[-1] for cells in links)
    return {
        cell: max(_BOX_H, arriving[cell] * _PORT) if _is_box(cell) else _WAYPOINT_H
        for column in columns
        for cell in column
    }


def _arrivals(links: Mapping[str, Sequence[_Cell]], places: Mapping[_Cell, tuple[float, float]]) -> dict[str, float]:
    """At which height each edge arrives: ordered by where it comes from."""
    coming: dict[_Cell, list[str]] = {}
    for edge, cells in links.items():
        coming.setdefault(cells[-1], []).append(edge)
    heights: dict[str, float] = {}
    for cell, names in coming.items():
        names.sort(key=lambda name: places[links[name][-2]][1])
        top = places[cell][1] - (len(names) - 1) * _PORT / 2
        heights.update({name: top + index * _PORT for index, name in enumerate(names)})
    return heights


def _draw(
    edges: Sequence[EdgeStory], links: Mapping[str, Sequence[_Cell]], places: Mapping[_Cell, tuple[float, float]]
) -> tuple[list[Markup], list[Markup]]:
    arrivals = _arrivals(links, places)
    curves, badges = [], []
    for each in edges:
        cells = links[each.name]
        backward = len(cells) == 2 and places[cells[0]][0] >= places[cells[1]][0]  # noqa: PLR2004 -- both ends
        path, middle = _backward(cells, places) if backward else _curve(cells, places, arrivals[each.name])
        kind = each.verdict.lower() if each.verdict else "untold"
        curves.append(el("path", {"class": f"edge {kind} {each.fact.need}", "d": path}))
        badges.extend(_badge(each.verdict, middle))
    return curves, badges


def _curve(
    cells: Sequence[_Cell], places: Mapping[_Cell, tuple[float, float]], arrives: float
) -> tuple[str, tuple[float, float]]:
    left, y = places[cells[0]][0] + _BOX_W, places[cells[0]][1]
    path = f"M{number(left)} {number(y)}"
    for cell in cells[1:]:
        final = not isinstance(cell, _Waypoint)
        to_x, to_y = places[cell][0] - (_STRAIGHT if final else 0), arrives if final else places[cell][1]
        bend = (to_x - left) / 2
        path += f"C{number(left + bend)} {number(y)} {number(to_x - bend)} {number(to_y)} {number(to_x)} {number(to_y)}"
        left, y = (to_x if final else to_x + _BOX_W), to_y
        path += f"H{number(left + (_STRAIGHT if final else 0))}"
    return path, (left + _STRAIGHT / 2, arrives)


def _backward(cells: Sequence[_Cell], places: Mapping[_Cell, tuple[float, float]]) -> tuple[str, tuple[float, float]]:
    (from_x, from_y), (to_x, to_y) = places[cells[0]], places[cells[1]]
    top = min(from_y, to_y) - _BOX_H
    start, end = from_x + _BOX_W / 2, to_x + _BOX_W / 2
    path = f"M{number(start)} {number(from_y)}C{number(start)} {number(top)} {number(end)} {number(top)} "
    return path + f"{number(end)} {number(to_y)}", ((start + end) / 2, top + _BOX_H / 3)


def _badge(verdict: Verdict | None, middle: tuple[float, float]) -> list[Markup]:
    if verdict is None:
        return []
    x, y = middle
    circle = {"class": f"badge {verdict.lower()}", "cx": number(x), "cy": number(y), "r": number(_BADGE)}
    text = {"class": f"badge-mark {verdict.lower()}", "x": number(x), "y": number(y), "dy": ".36em"}
    return [el("circle", circle), el("text", {**text, "text-anchor": "middle"}, MARKS[verdict])]


def _box(name: str, place: tuple[float, float], tall: float, owner: str) -> Markup:
    x, y = place
    box = {
        "class": "node",
        "x": number(x),
        "y": number(y - tall / 2),
        "width": number(_BOX_W),
        "height": number(tall),
        "rx": "5",
    }
    text = {"class": "node-name", "x": number(x + _BOX_W / 2), "y": number(y), "dy": ".35em", "text-anchor": "middle"}
    title = el("title", {}, f"{name}, owner {owner}") if owner else ""
    return el("g", {}, el("rect", box), el("text", text, name), title)
