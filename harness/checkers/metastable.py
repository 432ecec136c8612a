"""V9: does it get well by itself, once what broke it is gone?"""

from __future__ import annotations

from harness.checkers.blame import blamed
from harness.checkers.found import finding
from harness.checkers.recovery import (
    IN_A_ROW,
    MIN_JOURNEYS,
    NEITHER,
    back_at,
    known_of,
    signs_by_second,
    stays_ill,
)
from harness.checkers.suffering import healed_at, well_again_at
from harness.checkers.tally import judged
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import WindowKind
from harness.model.verdict import Verdict

CHECK = "metastable"


def metastable(history: History) -> tuple[Finding, ...]:
    """Still ill after the bound, under the load that it bore before: FAIL, and whether half the load cures it."""
    window, healed = history.window(WindowKind.RECOVERY), healed_at(history)
    if window is None or healed is None:
        return (_found(history, Verdict.UNKNOWN, "it was not watched after the fault"),)
    at = well_again_at(history)
    if at is not None:
        return (_found(history, Verdict.PASS, f"well again by itself {at - healed:.1f} s after the fault"),)
    watched = window.end - healed
    if watched < history.experiment.recover_within + IN_A_ROW or not _seen(history):
        return (_found(history, Verdict.UNKNOWN, f"not well within the {watched:.0f} s watched, too little to say"),)
    known, bound = known_of(history), healed + history.experiment.recover_within
    if known is not None and not stays_ill(history.journeys, known, bound, window.end, judged(history)):
        return (_found(history, Verdict.UNKNOWN, NEITHER),)
    rate = f"{history.experiment.rate:g} journeys a second, as before the fault"
    reason = f"the fault is gone, and it stays ill under {rate}: {_cure(history)}"
    return (_found(history, Verdict.FAIL, reason),)


def _seen(history: History, kind: WindowKind = WindowKind.RECOVERY) -> bool:
    """Whether there were journeys enough in a window to say that they fared badly."""
    window, known = history.window(kind), known_of(history)
    if window is None or known is None:
        return False
    signs = signs_by_second(history.journeys, known, int(window.start) + 1, int(window.end), judged(history))
    return sum(each.n >= MIN_JOURNEYS for each in signs.values()) * 2 >= len(signs)


def _cure(history: History) -> str:
    """What half the load made of it."""
    window = history.window(WindowKind.HALF_LOAD)
    if window is None:
        return "half the load was not tried"
    at = back_at(history, window.start, window.end)
    if at is not None:
        return f"half the load cured it within {at - window.start:.0f} s, so it is the load that keeps it ill"
    if not _seen(history, WindowKind.HALF_LOAD):
        return "under half the load there were too few journeys to say whether it cures it"
    return f"{window.length_s:.0f} s of half the load did not cure it either, so what broke stays broken"


def _found(history: History, verdict: Verdict, reason: str) -> Finding:
    blame = blamed(history)
    return finding(history, check=CHECK, verdict=verdict, reason=reason, subject="all journeys", blame=blame)
