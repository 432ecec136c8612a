"""For how long the users fared worse than in the baseline."""

from __future__ import annotations

import math

from harness.checkers.recovery import back_at, known_of, signs_by_second
from harness.checkers.tally import judged
from harness.model.history import History
from harness.model.observation import WindowKind


def suffered_s(history: History, until: float) -> float | None:
    """Seconds from the first fault on that were not well; None without a baseline or a fault."""
    window, known = history.window(WindowKind.FAULT), known_of(history)
    if window is None or known is None:
        return None
    signs = signs_by_second(history.journeys, known, math.ceil(window.start), math.floor(until), judged(history))
    return float(sum(not known.well(each) for each in signs.values() if each.n))


def healed_at(history: History) -> float | None:
    """The confirmed end of the last fault; None when one was never healed."""
    times = [forced.healed_at for forced in history.forced]
    known = [at for at in times if at is not None]
    return max(known) if known and len(known) == len(times) else None


def well_again_at(history: History) -> float | None:
    """When the system was as before again; None when it was not while it was watched."""
    healed, window = healed_at(history), history.window(WindowKind.RECOVERY)
    return None if healed is None or window is None else back_at(history, healed, window.end)
