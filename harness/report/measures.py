"""The measures of an experiment, in words."""

from __future__ import annotations

import math

from harness.model.measures import BUDGET_DAYS, EdgeCalls, JourneyMeasures, Measures
from harness.report.words import NOTHING, edge_label, seconds

HEADS = ("Suffered", "Amplification", "Goodput kept", "Calls, at most", "Budget spent")
"""What is told of an experiment in a row of its own; the budget is that of 30 days, the most of any journey."""

LITTLE = 0.0001
"""Less of a budget than this is told as such: its figures would look like none."""


def row(measures: Measures | None) -> tuple[str, ...]:
    """The figures below `HEADS`; dashes for an experiment without any."""
    if measures is None:
        return (NOTHING,) * len(HEADS)
    return suffered(measures), times(measures.amplification), kept(measures), most_calls(measures), budget(measures)


def suffered(measures: Measures) -> str:
    """`12 s of 26 s`."""
    return f"{seconds(measures.suffered_s)} of {seconds(measures.fault_s)}" if measures.suffered_s else "0 s"


def times(value: float | None) -> str:
    """`1.25 times`, or a dash of nothing."""
    return NOTHING if value is None else f"{value:.2f} times"


def kept(measures: Measures) -> str:
    """The good journeys a second under the fault, as a share of those that there would have been."""
    before = sum(each.goodput_before for each in measures.journeys)
    return part(sum(each.goodput for each in measures.journeys) / before) if before else NOTHING


def most_calls(measures: Measures) -> str:
    """The edge on the way to the fault whose calls rose most, for each journey: `1.05 times on orders → payments`."""
    known = [each for each in measures.calls if each.times is not None]
    if not known:
        return NOTHING
    most = max(known, key=lambda each: each.times or 0.0)
    return f"{times(most.times)} on {edge_label(most.edge)}"


def budget(measures: Measures) -> str:
    """The greatest part of a journey's budget that was spent."""
    spent = [each.budget_share for each in measures.journeys if each.budget_share is not None]
    return of_budget(max(spent)) if spent else NOTHING


def of_budget(share: float | None) -> str:
    """`1.2%`; what is next to nothing is told as less than the least that is shown."""
    if share is None:
        return NOTHING
    return "0%" if share == 0 else f"< {part(LITTLE)}" if share < LITTLE else part(share)


def part(share: float | None) -> str:
    """A share in per cent, or a dash of nothing; it may be more than all."""
    return NOTHING if share is None else f"{share * 100:.3g}%"


def sentence(measures: Measures) -> str:
    """How long the users suffered, and how long until it was well."""
    recovery = "it never got well while it was watched"
    if measures.recovery_s is not None:
        recovery = f"it was well {seconds(measures.recovery_s)} after the last healing"
    return (
        f"Users suffered {seconds(measures.suffered_s)}, the fault lasted {seconds(measures.fault_s)} "
        f"(outage amplification {times(measures.amplification)}); {recovery}."
    )


def journey_cells(each: JourneyMeasures) -> tuple[str, ...]:
    """Goodput before and under the fault, degraded share, bad ones, budget."""
    return (
        f"{each.goodput_before:.3g}",
        f"{each.goodput:.3g}",
        part(each.degraded_share),
        f"{each.bad:,}",
        of_budget(each.budget_share),
    )


JOURNEY_HEADS = (
    "Goodput before, a second",
    "Under the fault",
    "Degraded",
    "Bad, until well",
    f"{BUDGET_DAYS}-day budget",
)


def call_cells(each: EdgeCalls) -> tuple[str, ...]:
    """Calls for each journey that was due, before and under the fault, and how many times as many."""
    return f"{each.before:.3g}", f"{each.during:.3g}", times(each.times)


CALL_HEADS = ("Calls for each journey before", "Under the fault", "Times")
CALLS_SHOWN = 12
"""Edges; a bus has lines to nearly everybody."""


def calls_that_rose(measures: Measures) -> tuple[EdgeCalls, ...]:
    """The edges whose calls rose most, the worst first; new calls above all."""
    return tuple(sorted(measures.calls, key=_rise, reverse=True)[:CALLS_SHOWN])


def other_calls(measures: Measures) -> str:
    """How far it rose on the edges that are not shown: `And 41 more, with 0.98 times at most.`; nothing of none."""
    others = sorted(measures.calls, key=_rise, reverse=True)[CALLS_SHOWN:]
    return f"And {len(others)} more, with {times(_rise(others[0]))} at most." if others else ""


def _rise(each: EdgeCalls) -> float:
    """Of none before and some now: without end; of none at all: nothing."""
    return each.times if each.times is not None else math.inf if each.during else 0.0
