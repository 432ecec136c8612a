"""The section of the HTML report that tells how the runs of the system went before, this one last."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harness.model.run_history import RunHistory, RunLine, ThingHistory, Trend
from harness.report.history import in_order
from harness.report.markup import Ids, Markup, el, joined
from harness.report.parts import Row, card, chip, figure, head, table, text
from harness.report.svg import Scale, line_path, linear_ticks, number
from harness.report.words import BADNESS, MARKS, NOTHING, count, seconds, utc

MAX_RUNS_SHOWN = 20
MAX_THINGS_SHOWN = 24
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360.0, 120.0, 44.0, 8.0, 8.0, 8.0
_MOST_CHARTS = 6
_FEWEST_FIGURES = 2


def history(ids: Ids, found: RunHistory | None) -> Markup:
    """The runs, the things that are restless or red, and recovery times over the runs; nothing without earlier runs."""
    if found is None or len(found.runs) < _FEWEST_FIGURES:
        return Markup()
    told = in_order(found.things)[:MAX_THINGS_SHOWN]
    parts = [card(_runs(found.runs[-MAX_RUNS_SHOWN:]))]
    if told:
        parts.append(card(_things(told)))
    charts = [_chart(ids, each) for each in _with_recoveries(found.things)]
    if charts:
        words = "Time until the system was well again, over the runs that judged it; the latest is on the right."
        caption = el("p", {"class": "soft small"}, words)
        parts.append(card(el("h3", {"class": "label"}, "Recovery"), caption, el("div", {"class": "charts"}, *charts)))
    return joined(parts)


def _runs(runs: Sequence[RunLine]) -> Markup:
    rows = [
        Row(
            cells=(
                head(utc(each.wall)),
                text(chip(each.verdict, "cut short")),
                text(each.run),
                *(figure(f"{each.counts.get(verdict, 0)}") for verdict in BADNESS),
            )
        )
        for each in reversed(runs)
    ]
    heads = (text("Run of"), text("Verdict"), text("Name"), *(figure(words) for words in ("Fail", "Unknown", "Pass")))
    return table("The runs of this system beside this one, the latest first", heads, rows, stacks=False)


def _things(things: Sequence[ThingHistory]) -> Markup:
    rows = [
        Row(
            cells=(
                head(each.name),
                text(each.kind),
                text(el("span", {"class": "mono marks"}, _marks(each))),
                figure(f"{each.changes} of {each.chances}" if each.chances else NOTHING, bad=each.changes > 1),
                figure(f"{each.flaky_in}" if each.flaky_in else NOTHING, bad=each.flaky_in > 0),
                text(_recovery(each)),
            )
        )
        for each in things
    ]
    heads = (text("What"), text("Kind"), text("Verdicts"), figure("Changed"), figure("Flaky within"), text("Recovery"))
    caption = "What is not simply green, the oldest run on the left; a dot: not judged"
    return table(caption, heads, rows, stacks=False)


def _marks(thing: ThingHistory) -> str:
    return "".join(MARKS[each] if each else "·" for each in thing.verdicts[-MAX_RUNS_SHOWN:])


def _recovery(thing: ThingHistory) -> str:
    known = [each for each in thing.recovery_s if each is not None]
    if not known:
        return NOTHING
    trend = f", {thing.trend}" if thing.trend in {Trend.RISING, Trend.FALLING} else ""
    return f"{seconds(known[-1])} (median {seconds(median(known))} of {len(known)}{trend})"


def _with_recoveries(things: Sequence[ThingHistory]) -> list[ThingHistory]:
    """The experiments that recovered in several runs, those with a trend and the slowest first."""
    found = [each for each in things if sum(value is not None for value in each.recovery_s) >= _FEWEST_FIGURES]
    found = [each for each in found if each.kind == "experiment"]
    found.sort(key=lambda each: (each.trend not in {Trend.RISING, Trend.FALLING}, -max(_known(each)), each.name))
    return found[:_MOST_CHARTS]


def _known(thing: ThingHistory) -> list[float]:
    return [each for each in thing.recovery_s if each is not None]


def _chart(ids: Ids, thing: ThingHistory) -> Markup:
    values = thing.recovery_s[-MAX_RUNS_SHOWN:]
    ticks = linear_ticks(max(*_known(thing), 0.1) * 1.1, about=3)
    x = Scale(low=0.0, high=max(len(values) - 1, 1), at_low=_LEFT + 6, at_high=_WIDTH - _RIGHT - 6)
    y = Scale(low=0.0, high=max(ticks[-1], *_known(thing)), at_low=_HEIGHT - _BOTTOM, at_high=_TOP)
    points = [(x(index), y(value)) for index, value in enumerate(values) if value is not None]
    title, desc = ids.take("history", thing.name), ids.take("history", thing.name, "desc")
    told = f"{count(len(points), 'run')}: " + ", ".join(seconds(each) for each in _known(thing)[-MAX_RUNS_SHOWN:])
    lines = [
        part
        for tick in ticks
        for part in (
            el("path", {"class": "grid", "d": f"M{number(_LEFT)} {number(y(tick))}H{number(_WIDTH - _RIGHT)}"}),
            el(
                "text",
                {"x": number(_LEFT - 6), "y": number(y(tick)), "dy": ".35em", "text-anchor": "end"},
                f"{tick:.3g} s",
            ),
        )
    ]
    dots = [el("circle", {"class": "dot", "cx": number(a), "cy": number(b), "r": "3"}) for a, b in points]
    box = {"class": "chart", "viewBox": f"0 0 {number(_WIDTH)} {number(_HEIGHT)}", "role": "img"}
    drawing = el(
        "svg",
        {**box, "aria-labelledby": f"{title} {desc}"},
        el("title", {"id": title}, f"Recovery of {thing.name}"),
        el("desc", {"id": desc}, told),
        *lines,
        el("path", {"class": "line p50", "d": line_path(points)}),
        *dots,
    )
    return el("figure", {}, el("figcaption", {}, el("strong", {}, thing.name)), drawing)
