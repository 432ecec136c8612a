"""How much a system bears, as tables: what a terminal shows, and the cells that every report shares."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from harness.model.capacity import Capacity, Cost, FleetPart, Interval, RateStep
from harness.report.words import NOTHING, printable, seconds

STEP_HEADS = ("Asked", "Ended well", "Pages", "p99", "Machine", "Came of it")
COST_HEADS = ("Instances", "Cores", "Busiest", "Requests", "an instance", "a core", "CPU a page")
FLEET_HEADS = ("Cores busy", "Instances", "95 %")
MOST_ROWS = 24
"""Services and stores that a screen shows; the report has all."""


def lines(capacity: Capacity, width: int = 100) -> Iterator[str]:
    """What a terminal shows."""
    yield from _aligned("Steps", STEP_HEADS, [(each.name, step_cells(each)) for each in capacity.steps])
    if capacity.saturation:
        yield ""
        yield from _wrapped(f"First at its limit: {capacity.saturation.who}. {capacity.saturation.why}", width)
    if any(each.cores is not None or each.requests is not None for each in capacity.costs):
        yield ""
        rows = [(each.service, cost_cells(each)) for each in capacity.costs]
        yield from _aligned("At the knee", COST_HEADS, rows)
    yield from _fleet(capacity, width)


def step_cells(step: RateStep) -> tuple[str, ...]:
    """As `STEP_HEADS` says."""
    machine = step.machine
    return (
        f"{step.rate:.4g}/s",
        f"{step.goodput:.4g}/s",
        f"{step.page_rate:.4g}/s",
        seconds(step.p99_s),
        f"{machine.busy:.2f} of {machine.cores}" if machine else NOTHING,
        step.held.value,
    )


def cost_cells(cost: Cost) -> tuple[str, ...]:
    """As `COST_HEADS` says."""
    return (
        f"{cost.instances}",
        _or_nothing(cost.cores, "{:.3f}"),
        _or_nothing(cost.busiest, "{:.3f}"),
        _or_nothing(cost.requests, "{:.4g}/s"),
        _or_nothing(cost.per_instance, "{:.4g}/s"),
        _or_nothing(cost.per_core, "{:.4g}/s"),
        f"{cost.page_ms.estimate:.3g} ms" if cost.page_ms else NOTHING,
    )


def fleet_cells(part: FleetPart) -> tuple[str, ...]:
    """As `FLEET_HEADS` says."""
    return (f"{part.cores.estimate:,.1f}", f"{part.instances:,}", f"{part.fewest:,} to {part.most:,}")


def between(found: Interval | None, unit: str = "/s") -> str:
    """A figure with its interval: `31.2/s (29.8 to 32.6)`."""
    if found is None:
        return NOTHING
    return f"{found.estimate:.4g}{unit} ({found.low:.4g} to {found.high:.4g})"


def _fleet(capacity: Capacity, width: int) -> Iterator[str]:
    fleet = capacity.fleet
    if fleet is None:
        return
    yield ""
    title = f"For {fleet.target:,.0f} pages a second, {fleet.redundancy} times"
    yield from _aligned(title, FLEET_HEADS, [(each.service, fleet_cells(each)) for each in fleet.parts])
    yield ""
    for told in (*fleet.arithmetic, *(f"assumed: {each}" for each in fleet.assumptions)):
        yield from _wrapped(told, width)


def _or_nothing(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)


def _wrapped(words: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(printable(words), width=width, initial_indent="  ", subsequent_indent="    ")


def _aligned(title: str, heads: Sequence[str], rows: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    shown = rows[:MOST_ROWS]
    first = max(map(len, [title, *(f"  {printable(name)}" for name, _ in shown)]))
    widths = [max(map(len, [each, *(cells[index] for _, cells in shown)])) for index, each in enumerate(heads)]
    yield "  ".join([f"{title:<{first}}", *(f"{each:>{width}}" for each, width in zip(heads, widths, strict=True))])
    for name, cells in shown:
        told = (f"{each:>{width}}" for each, width in zip(cells, widths, strict=True))
        yield "  ".join([f"{f'  {printable(name)}':<{first}}", *told])
    if len(rows) > MOST_ROWS:
        yield f"  and {len(rows) - MOST_ROWS} more in the report"
