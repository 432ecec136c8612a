"""For how long the users fared worse than in the baseline."""

from __future__ import annotations

import math

from harness.checkers.recovery import recovered_at, signs_by_second, wellness
from harness.checkers.tally import judged
from harness.model.history import History
from harness.model.observation import WindowKind


def suffered_s(history: History, until: float) -> float | None:
    """Seconds from the first fault on that were not well; None without a baseline or a fault."""
    window, baseline, names = history.window(WindowKind.FAULT), history.window(WindowKind.BASELINE), judged(history)
    known = wellness(history.journeys, baseline, names) if baseline else None
    if window is None or known is None:
        return None
    signs = signs_by_second(history.journeys, known, math.ceil(window.start), math.floor(until), names)
    return float(sum(not known.well(each) for each in signs.values() if each.n))


def healed_at(history: History) -> float | None:
    """The confirmed end of the last fault; None when one was never healed."""
    times = [forced.healed_at for forced in history.forced]
    known = [at for at in times if at is not None]
    return max(known) if known and len(known) == len(times) else None


def well_again_at(history: History) -> float | None:
    """When the system was as before again; None when it was not while it was watched."""
    healed, baseline = healed_at(history), history.window(WindowKind.BASELINE)
    window = history.window(WindowKind.RECOVERY)
    if healed is None or baseline is None or window is None:
        return None
    return recovered_at(
        journeys=history.journeys, baseline=baseline, healed_at=healed, until=window.end, names=judged(history)
    )
