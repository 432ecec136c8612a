"""When the faults were over, and when the system was as before again."""

from __future__ import annotations

from harness.checkers.recovery import back_at
from harness.model.history import History
from harness.model.observation import WindowKind


def healed_at(history: History) -> float | None:
    """The confirmed end of the last fault; None when one was never healed."""
    times = [forced.healed_at for forced in history.forced]
    known = [at for at in times if at is not None]
    return max(known) if known and len(known) == len(times) else None


def well_again_at(history: History) -> float | None:
    """When the system was as before again; None when it was not while it was watched."""
    healed, window = healed_at(history), history.window(WindowKind.RECOVERY)
    return None if healed is None or window is None else back_at(history, healed, window.end)
