"""Does each figure that the experiment names keep its limit, during the faults and after them?"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.blame import blamed
from harness.checkers.found import finding
from harness.checkers.limits import Rows, kept
from harness.checkers.tally import judged
from harness.model.bound import EVERY, Bound
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict

CHECK = "figures"


def bounds(history: History) -> tuple[Finding, ...]:
    """PASS when a figure certainly keeps its limit, FAIL when it certainly does not, else UNKNOWN."""
    experiment = history.experiment
    parts: tuple[tuple[str, WindowKind, Sequence[Bound]], ...] = (
        ("during", WindowKind.FAULT, experiment.during),
        ("after", WindowKind.WELL, experiment.after),
    )
    return tuple(_judged(history, when, history.window(kind), bound) for when, kind, every in parts for bound in every)


def _judged(history: History, when: str, window: Window | None, bound: Bound) -> Finding:
    verdict, reason = _verdict(history, window, bound)
    journey = None if bound.journey == EVERY else bound.journey
    return finding(
        history,
        check=CHECK,
        verdict=verdict,
        reason=f"{reason} ({when} the faults)" if when == "during" else f"{reason} (once it was well again)",
        subject=str(bound),
        blame=blamed(history, journey),
    )


def _verdict(history: History, window: Window | None, bound: Bound) -> tuple[Verdict, str]:
    if window is None:
        return Verdict.UNKNOWN, "that time was never reached"
    names = judged(history) if bound.journey == EVERY else (bound.journey,)
    rows = Rows(journeys=[each for each in history.journeys if each.journey in names])
    found = kept(bound, rows, (window,), history.alpha)
    return found.verdict, found.reason
