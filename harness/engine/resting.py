"""How long a system that broke something gets to come to rest: for a while, and on while its state still changes."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.observation import FinalRead

STILL_S = 20.0
"""A state that did not change for so long is the last: consumers that failed try again within some seconds."""
MOST_S = 120.0
"""No system is waited for any longer."""


class Resting:
    """What has been seen of a system since its customers are gone."""

    def __init__(self, *, now: float, least_s: float) -> None:
        """From now on, for `least_s` seconds at least."""
        self._least = now + least_s
        self._most = now + max(least_s, MOST_S)
        self._changed = now
        self._last: object = None

    def may_change(self, reads: Iterable[FinalRead], *, now: float, broken: bool = True) -> bool:
        """Whether what these reads show may still be put right by the system itself.

        What is not broken, and only can't be judged, is waited for no longer than the least: some systems never rest.
        """
        state = [(each.name, each.rows, each.error) for each in reads]
        if state != self._last:
            self._last, self._changed = state, now
        return now <= self._least or (broken and now <= min(self._changed + STILL_S, self._most))
