"""A trace as a waterfall: one bar a span, each below the call that caused it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from harness.model.events import SpansSeen
from harness.model.span import Span, SpanStatus
from harness.report.markup import Ids, Markup, el, joined
from harness.report.svg import linear_ticks, number
from harness.report.words import count, first_line, seconds

MOST_SPANS = 40
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 1080.0, 350.0, 76.0, 19.0, 20.0
_LETTERS, _INDENT, _DEEPEST = 52, 12.0, 8
_LEAST_BAR = 1.5
_ROOM_FOR_WORDS = 60.0
_ARROW = "→"


def waterfall(ids: Ids, seen: SpansSeen) -> Markup:
    """The trace, its slowest and failed calls to be seen at a glance; the attributes are told as text."""
    ordered = list(_in_order(seen.spans))
    if not ordered:
        return Markup()
    shown = ordered[:MOST_SPANS]
    zero = min(span.start for span, _ in ordered)
    length = max(max(span.end for span, _ in ordered) - zero, 1e-6)
    height = _TOP + len(shown) * _ROW + 6
    title, desc = ids.take("trace", "title"), ids.take("trace", "desc")
    drawing = el(
        "svg",
        {
            "class": "trace",
            "viewBox": f"0 0 {number(_WIDTH)} {number(height)}",
            "role": "img",
            "aria-labelledby": f"{title} {desc}",
        },
        el("title", {"id": title}, f"Trace of a journey {seen.journey}"),
        el("desc", {"id": desc}, "; ".join(_told(span, zero) for span, _ in shown)),
        *_scale(length, height),
        *(line for row, (span, depth) in enumerate(shown) for line in _bar(span, depth, row, (zero, length))),
    )
    left_out = len(ordered) - len(shown)
    words = f"The worst trace of {seen.journey}, in {seconds(length)}; what failed is marked ✕."
    more = f" {count(left_out, 'later span')} in the journal." if left_out else ""
    scroll = {"class": "scroll", "role": "group", "tabindex": "0", "aria-label": "Trace"}
    return joined([el("p", {"class": "soft small"}, words + more), el("div", scroll, drawing)])


def _in_order(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    """Each span after its parent, and how deep it lies; one whose parent is not told is a root."""
    known = {each.span for each in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for each in sorted(spans, key=lambda span: span.start):
        children[each.parent if each.parent in known and each.parent != each.span else ""].append(each)
    todo = [(each, 0) for each in reversed(children[""])]
    while todo:
        span, depth = todo.pop()
        yield span, depth
        todo += [(each, depth + 1) for each in reversed(children.pop(span.span, []))]


def _told(span: Span, zero: float) -> str:
    failed = f", failed {span.error or ''}".rstrip() if span.status is SpanStatus.ERROR else ""
    return (
        f"{span.service} {span.kind} {span.name}: {seconds(span.duration_s)} from {seconds(span.start - zero)}{failed}"
    )


def _scale(length: float, height: float) -> Iterator[Markup]:
    for tick in linear_ticks(length):
        x = number(_LEFT + tick / length * (_WIDTH - _LEFT - _RIGHT))
        yield el("path", {"class": "grid", "d": f"M{x} {number(_TOP - 4)}V{number(height)}"})
        yield el("text", {"class": "tick", "x": x, "y": "10", "text-anchor": "middle"}, seconds(tick))


def _bar(span: Span, depth: int, row: int, within: tuple[float, float]) -> Iterator[Markup]:
    zero, length = within
    failed = span.status is SpanStatus.ERROR
    y, wide = _TOP + row * _ROW, _WIDTH - _LEFT - _RIGHT
    left = _LEFT + (span.start - zero) / length * wide
    bar = max(span.duration_s / length * wide, _LEAST_BAR)
    inset = min(depth, _DEEPEST) * _INDENT
    status = span.attributes.get("http.response.status_code", "")
    name = f"{'✕ ' if failed else ''}{span.service}: {span.name}{f' {_ARROW} {status}' if status else ''}"
    text = {"class": "span-name", "x": number(4 + inset), "y": number(y + _ROW / 2), "dy": ".35em"}
    yield el("text", text, first_line(name, _LETTERS - 2 * min(depth, _DEEPEST)))
    place = {"x": number(left), "y": number(y + 3), "width": number(bar), "height": number(_ROW - 6), "rx": "2"}
    side = "failed" if failed else span.kind.value
    yield el("rect", {"class": f"span {side}", **place}, el("title", {}, _told(span, zero)))
    words = seconds(span.duration_s) + (f" {first_line(span.error, 24)}" if span.error else "")
    beside = left + bar + 4 < _WIDTH - _ROOM_FOR_WORDS - (70 if span.error else 0)
    at = (left + bar + 4, "start") if beside else (left - 4, "end")
    yield el("text", {"class": "tick", "x": number(at[0]), "y": text["y"], "dy": ".35em", "text-anchor": at[1]}, words)
