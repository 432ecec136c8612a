"""Right before the fault: what was usual under the experiment's own load."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.checkers.tally import MIN_SAMPLES
from harness.model.experiment import Experiment
from harness.model.figures import Histogram, latencies, seconds_in
from harness.model.observation import JourneySecond, Window, WindowKind

WELL_S, WELL_AT_MOST_S = 5, 8
"""So much of the end of a warm-up is looked at: three seconds in a row that were well and two to settle, or a little
more where a journey comes seldom."""

MORE_TIMES = 1.25
"""A journey of which so many times as many are due as in the baseline is a load of the experiment's own."""
SPREAD = 3.0
"""Standard deviations: by so many more than chance brings."""


def right_before(journeys: Iterable[JourneySecond], warm_up: Window | None, name: str) -> Histogram | None:
    """How long the good ones of a journey took right before the fault; None when those were too few.

    Only the end of the warm-up: it ends when the system has been well for a while, and may have begun in the
    aftermath of another experiment, which would excuse any slowness.
    """
    if warm_up is None:
        return None
    rows = seconds_in(journeys, warm_up, name)
    for length_s in range(WELL_S, WELL_AT_MOST_S + 1):
        end = replace(warm_up, start=max(warm_up.start, warm_up.end - length_s))
        found = latencies(rows, end, name)
        if found.count >= MIN_SAMPLES:
            return found
    return None


def own_warm_up(experiment: Experiment, journeys: Iterable[JourneySecond], windows: Sequence[Window]) -> Window | None:
    """The warm-up of an experiment that brings more of some journey than the baseline had; None of any other.

    What is asked for after the faults is what was asked for before them: a surge ends with them.
    """
    known = {window.kind: window for window in windows}
    baseline, warm_up = known.get(WindowKind.BASELINE), known.get(WindowKind.WARM_UP)
    if baseline is None or warm_up is None:
        return None
    had = dict.fromkeys(experiment.weights, 0)
    for each in seconds_in(journeys, baseline):
        if each.journey in had:
            had[each.journey] += each.count
    whole = sum(experiment.weights.values())
    due = {name: experiment.rate * part / whole * len(baseline.seconds) for name, part in experiment.weights.items()}
    heavier = any(
        due[name] > MORE_TIMES * count and due[name] - count > SPREAD * math.sqrt(due[name])
        for name, count in had.items()
    )
    return warm_up if heavier else None
