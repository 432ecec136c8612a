"""The system's edges as a drawing: consumers left, providers right, each edge marked with its worst verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from harness.model.verdict import Verdict
from harness.report.graph_columns import Link
from harness.report.graph_layout import LOOP, Box, Line, label, lay_out
from harness.report.markup import Ids, Markup, el
from harness.report.story import EdgeStory
from harness.report.svg import number
from harness.report.words import MARKS, edge_label

BADGE = 7.0


def edge_graph(ids: Ids, edges: Sequence[EdgeStory], owners: Mapping[str, str]) -> Markup:
    """The drawing; an empty text when there is no edge."""
    if not edges:
        return Markup()
    layout = lay_out(
        [Link(name=each.name, consumer=each.fact.consumer, provider=each.fact.provider) for each in edges],
        sinks={each.fact.provider for each in edges if each.fact.protocol not in ("http", "https")},
    )
    title, desc = ids.take("graph", "title"), ids.take("graph", "desc")
    width, height = number(layout.width), number(layout.height)
    attributes = {"class": "graph", "viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    return el(
        "svg",
        {**attributes, "role": "img", "aria-labelledby": f"{title} {desc}"},
        el("title", {"id": title}, "The system's edges with their worst verdicts"),
        el("desc", {"id": desc}, "; ".join(_told(each) for each in edges)),
        *(_edge(each, layout.lines[each.name]) for each in edges),
        *(_box(name, box, owners.get(name, "")) for name, box in layout.boxes.items()),
        *(part for each in edges for part in _badge(each.verdict, layout.lines[each.name].badge)),
    )


def _told(edge: EdgeStory) -> str:
    return f"{edge_label(edge.name)}, {edge.fact.need}: {edge.verdict or 'not judged'}"


def _edge(edge: EdgeStory, line: Line) -> Markup:
    kind = edge.verdict.lower() if edge.verdict else "untold"
    return el("path", {"class": f"edge {kind} {edge.fact.need}", "d": _path(line)}, el("title", {}, _told(edge)))


def _path(line: Line) -> str:
    """Level runs, bends between them, and an arrow's head at the end."""
    first = line.runs[0]
    path = f"M{number(first.start)} {number(first.y)}H{number(first.end)}"
    for before, after in pairwise(line.runs):
        bend = (after.start - before.end) / 2
        towards = before.end + (bend or LOOP)
        away = after.start - bend if bend else towards
        path += (
            f"C{number(towards)} {number(before.y)} {number(away)} {number(after.y)} "
            f"{number(after.start)} {number(after.y)}H{number(after.end)}"
        )
    return path + ("m-5-3l5 3l-5 3" if line.rightward else "m5-3l-5 3l5 3")


def _badge(verdict: Verdict | None, middle: tuple[float, float]) -> list[Markup]:
    if verdict is None:
        return []
    x, y = middle
    circle = {"class": f"badge {verdict.lower()}", "cx": number(x), "cy": number(y), "r": number(BADGE)}
    text = {"class": f"badge-mark {verdict.lower()}", "x": number(x), "y": number(y), "dy": ".36em"}
    return [el("circle", circle), el("text", {**text, "text-anchor": "middle"}, MARKS[verdict])]


def _box(name: str, box: Box, owner: str) -> Markup:
    around = {
        "class": "node",
        "x": number(box.x),
        "y": number(box.y - box.height / 2),
        "width": number(box.width),
        "height": number(box.height),
        "rx": "5",
    }
    middle = {"x": number(box.x + box.width / 2), "y": number(box.y)}
    text = {"class": "node-name", **middle, "dy": ".35em", "text-anchor": "middle"}
    title = el("title", {}, f"{name}, owner {owner}" if owner else name)
    return el("g", {}, el("rect", around), el("text", text, label(name)), title)
