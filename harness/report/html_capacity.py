"""The section of the HTML report that tells how much a system bears."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model.capacity import Capacity, FleetNeeded, Held
from harness.report.capacity_table import (
    COST_HEADS,
    FLEET_HEADS,
    STEP_HEADS,
    between,
    cost_cells,
    fleet_cells,
    step_cells,
)
from harness.report.markup import Markup, el, joined
from harness.report.parts import Cell, Row, card, facts, figure, head, table, text
from harness.report.words import NOTHING


def capacity(found: Capacity | None) -> Markup:
    """The knee, the steps to it, what each service costs, and the fleet for the target; nothing of other runs."""
    if found is None:
        return Markup()
    return joined([card(_knee(found), _steps(found)), card(_costs(found)), _fleet(found.fleet), _assumed(found)])


def _knee(found: Capacity) -> Markup:
    knee, limit, beyond = found.knee, found.saturation, found.overload
    return facts(
        [
            ("The knee", knee.reason),
            ("Journeys that ended well there", between(knee.goodput)),
            ("Pages served there", between(knee.pages)),
            ("First at its limit", f"{limit.who}: {limit.why}" if limit else "nobody knows"),
            ("Beyond it", beyond.reason if beyond else ""),
        ]
    )


def _steps(found: Capacity) -> Markup:
    heads = (text("Step"), *(figure(each) for each in STEP_HEADS), text("Why"))
    rows = [
        Row(
            cells=(
                head(each.name),
                *_figures(step_cells(each), bad=each.held is not Held.HELD),
                text("; ".join(each.why) or NOTHING),
            )
        )
        for each in found.steps
    ]
    return table("Each rate that was tried, in order; without the beginning of a step", heads, rows, stacks=False)


def _costs(found: Capacity) -> Markup:
    heads = (text("Service or store"), *(figure(each) for each in COST_HEADS))
    rows = [
        Row(cells=(head(each.service), *_figures(cost_cells(each))), begins=each.store and not before)
        for each, before in zip(found.costs, [False, *(each.store for each in found.costs)], strict=False)
    ]
    caption = "At the knee: seconds of CPU a second, and requests a second, of an instance and of a whole core"
    return joined([el("h3", {}, "What it costs"), table(caption, heads, rows, stacks=False)])


def _fleet(fleet: FleetNeeded | None) -> Markup:
    if fleet is None:
        return Markup()
    heads = (text("Service or store"), *(figure(each) for each in FLEET_HEADS))
    rows = [Row(cells=(head(each.service), *_figures(fleet_cells(each)))) for each in fleet.parts]
    cores, instances = sum(each.cores.estimate for each in fleet.parts), sum(each.instances for each in fleet.parts)
    ends = (sum(each.fewest for each in fleet.parts), sum(each.most for each in fleet.parts))
    total = (f"{cores:,.1f}", f"{instances:,}", f"{ends[0]:,} to {ends[1]:,}")
    rows.append(Row(cells=(head("all together"), *_figures(total)), begins=True))
    title = f"The fleet for {fleet.target:,.0f} pages a second, {fleet.redundancy} times"
    return card(
        el("h3", {}, title),
        table("Instances of one core each; the interval is that of the steps at the knee", heads, rows, stacks=False),
        el("h4", {}, "Arithmetic"),
        _listed(fleet.arithmetic),
        el("h4", {}, "Assumptions"),
        _listed(fleet.assumptions),
    )


def _assumed(found: Capacity) -> Markup:
    return card(el("h3", {}, "How it was measured"), _listed(found.assumptions)) if found.assumptions else Markup()


def _listed(words: Iterable[str]) -> Markup:
    return el("ul", {}, *(el("li", {}, each) for each in words))


def _figures(cells: Sequence[str], *, bad: bool = False) -> tuple[Cell, ...]:
    """The last of them is red where it is bad."""
    return tuple(figure(each, bad=bad and at == len(cells) - 1) for at, each in enumerate(cells))
