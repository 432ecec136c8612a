"""The drawing of a system's edges: nothing in it covers anything else, however many edges there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.declare import load_system
from harness.model.events import EdgeFact
from harness.model.verdict import Verdict
from harness.report.graph import edge_graph
from harness.report.graph_layout import MAX_LETTERS, settled
from harness.report.markup import Ids
from harness.report.story import EdgeStory
from tests.report import journals

SHOP = Path(__file__).parents[2] / "targets" / "shop" / "system.yaml"
LETTER, LETTER_H = 8.0, 12.0
"""Of the widest type that a label may be set in, on average, and how high letters are."""
STEPS = 16
_NUMBER = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True, kw_only=True)
class Area:
    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Area) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def has(self, point: tuple[float, float]) -> bool:
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom


@dataclass(frozen=True, kw_only=True)
class Drawing:
    whole: Area
    boxes: tuple[Area, ...]
    labels: tuple[Area, ...]
    badges: tuple[Area, ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    """Points on each, from its consumer to its provider."""

    def troubles(self) -> list[str]:
        """What covers what, in words."""
        solid = (*self.boxes, *self.badges)
        found = [f"{one.what} and {other.what}" for one, other in combinations(solid, 2) if one.meets(other)]
        for box, label in zip(self.boxes, self.labels, strict=True):
            found += [] if box.holds(label) else [f"{label.what} leaves its box"]
        found += [f"{each.what} leaves the drawing" for each in solid if not self.whole.holds(each)]
        return found + list(self._under())

    def _under(self) -> Iterator[str]:
        """Lines that run under a box, or under a badge of another line: one has no more than its own."""
        for number, line in enumerate(self.lines):
            for box in self.boxes:
                if any(box.has(point) for point in line):
                    yield f"line {number} and {box.what}"
            badges = [each.what for each in self.badges if any(each.has(point) for point in line)]
            if len(badges) > 1:
                yield f"line {number} and {' and '.join(badges)}"


def points(path: str) -> Iterator[tuple[float, float]]:
    """Of a path of `M`, `H` and `C`; the arrow's head is left out."""
    x = y = 0.0
    for letter, numbers in re.findall(rf"([MHC])((?:\s*{_NUMBER})+)", path):
        read = [float(each) for each in re.findall(_NUMBER, numbers)]
        if letter == "C":
            one, two, three, four, to_x, to_y = read
            for step in range(1, STEPS + 1):
                t = step / STEPS
                weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
                yield (
                    sum(weight * each for weight, each in zip(weights, (x, one, three, to_x), strict=True)),
                    sum(weight * each for weight, each in zip(weights, (y, two, four, to_y), strict=True)),
                )
            x, y = to_x, to_y
        elif letter == "H":
            yield from ((x + (read[0] - x) * step / STEPS, y) for step in range(STEPS + 1))
            x = read[0]
        else:
            x, y = read
            yield x, y


def read(svg: str) -> Drawing:
    root = ET.fromstring(svg)  # noqa: S314 -- our own drawing
    width, height = (float(each) for each in root.attrib["viewBox"].split()[2:])
    boxes, labels = [], []
    for group in root.iter("g"):
        rect, text = group.find("rect"), group.find("text")
        assert rect is not None
        assert text is not None
        x, y, wide, high = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        name = text.text or ""
        boxes.append(Area(what=name, left=x, top=y, right=x + wide, bottom=y + high))
        labels.append(around(f"label {name}", text, len(name) * LETTER / 2, LETTER_H / 2))
    badges = [
        around(f"badge {number}", each, float(each.attrib["r"]), float(each.attrib["r"]), "cx", "cy")
        for number, each in enumerate(root.iter("circle"))
    ]
    return Drawing(
        whole=Area(what="drawing", left=0, top=0, right=width, bottom=height),
        boxes=tuple(boxes),
        labels=tuple(labels),
        badges=tuple(badges),
        lines=tuple(tuple(points(each.attrib["d"])) for each in root.iter("path")),
    )


def around(  # noqa: PLR0913, PLR0917 -- a figure's measures
    what: str, figure: ET.Element, half_w: float, half_h: float, across: str = "x", down: str = "y"
) -> Area:
    x, y = float(figure.attrib[across]), float(figure.attrib[down])
    return Area(what=what, left=x - half_w, top=y - half_h, right=x + half_w, bottom=y + half_h)


def story(consumer: str, provider: str, protocol: str = "http", need: str = "soft") -> EdgeStory:
    fact = EdgeFact(consumer=consumer, provider=provider, need=need, protocol=protocol)
    name = f"{consumer}->{provider}"
    return EdgeStory(fact=fact, name=name, verdict=Verdict.PASS, experiments=(), findings=())


def shop() -> list[EdgeStory]:
    topology = load_system(SHOP)
    return [story(each.consumer, each.provider, topology.protocol(each)) for each in topology.edges.values()]


def drawn(edges: Sequence[EdgeStory]) -> Drawing:
    return read(edge_graph(Ids(), edges, {}))


def test_nothing_in_the_drawing_of_the_shop_covers_anything_else() -> None:
    edges = shop()
    drawing = drawn(edges)
    assert drawing.troubles() == []
    assert len(drawing.badges) == len(drawing.lines) == len(edges)
    assert drawing.whole.right < 1500
    assert drawing.whole.bottom < 1300


def everybody(count: int) -> list[EdgeStory]:
    names = [f"service-{number}" for number in range(count)]
    return [story(one, other) for one in names for other in names]


@pytest.mark.parametrize(
    "edges",
    [
        [story(fact.consumer, fact.provider, fact.protocol) for fact in journals.EDGES],
        [story("a", "a")],
        [story("a", "b"), story("b", "c"), story("c", "a"), story("b", "b"), story("a", "c")],
        [story("a", "b"), story("b", "a"), story("a", "c"), story("c", "b")],
        [story("a", "store", "redis"), story("a", "b"), story("b", "c"), story("store", "a")],
        [story("a" * 200, "b"), story("W" * (MAX_LETTERS + 1), "b")],
        everybody(6),
    ],
    ids=["journal", "loop", "cycles", "cycle through an edge back", "store that calls", "long names", "everybody"],
)
def test_nothing_covers_anything_else_in_other_drawings(edges: Sequence[EdgeStory]) -> None:
    assert drawn(edges).troubles() == []


def test_each_badge_lies_on_its_own_line_before_its_provider() -> None:
    drawing = drawn(shop())
    for line, badge in zip(drawing.lines, drawing.badges, strict=True):
        assert any(badge.has(point) for point in line[-STEPS:])


def test_what_covers_something_is_seen() -> None:
    svg = edge_graph(Ids(), [story("a", "b"), story("a", "c")], {})
    first, second = read(svg).badges
    moved = svg.replace(f'cy="{number(second)}"', f'cy="{number(first)}"')
    assert any("badge 0 and badge 1" in each for each in read(moved).troubles())
    box = read(svg).boxes[1]
    covered = re.sub(r'cx="[^"]*"', f'cx="{box.left + 4}"', svg)
    assert read(covered).troubles() != []
    assert any("leaves its box" in each for each in read(svg.replace(">a</text>", ">a long name</text>")).troubles())
    across = svg.replace('d="M', f'd="M0 {(box.top + box.bottom) / 2}H400M')
    assert any(each.startswith("line 0 and ") for each in read(across).troubles())


def number(area: Area) -> str:
    return f"{(area.top + area.bottom) / 2:.1f}".removesuffix(".0")


def test_places_are_the_nearest_that_keep_order_and_distance() -> None:
    assert settled([0, 100], [10]) == [0, 100]
    assert settled([5, 5, 5], [10, 10]) == [-5, 5, 15]
    assert settled([0, 50, 20], [10, 10]) == [0, 30, 40]
    places = settled([3, 1, 4, 1, 5, 9, 2, 6], [2] * 7)
    assert all(after - before >= 2 - 1e-9 for before, after in pairwise(places))
