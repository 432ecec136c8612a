"""How soon on a line an exchange follows the end of another: what tells a repetition without any pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

AT_ONCE_S = 0.01
"""So soon nobody has paused: full jitter from 20 ms on is later in half of all cases."""
ENDS_LIMIT = 64
"""Ends of exchanges that are remembered."""


class FollowUps:
    """The ends of exchanges on one line that nothing has followed yet."""

    __slots__ = ("_answered", "_failed", "_now", "answered_again", "failed", "failed_again")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failed: deque[float] = deque(maxlen=ENDS_LIMIT)
        self._answered: deque[float] = deque(maxlen=ENDS_LIMIT)
        self.clear()

    def clear(self) -> None:
        """Begin to count anew; what has ended is not forgotten."""
        self.failed = self.failed_again = self.answered_again = 0

    def fails(self) -> None:
        """The provider's side ended an exchange without a whole answer."""
        self.failed += 1
        self._failed.append(self._now())

    def answers(self, at: float) -> None:
        """An answer began."""
        self._answered.append(at)

    def begins(self) -> None:
        """An exchange begins: it follows the latest failure if that was just now, else the latest answer."""
        if self._failed and self._just_now(self._failed):
            self.failed_again += 1
        elif self._answered and self._just_now(self._answered):
            self.answered_again += 1

    def _just_now(self, ends: deque[float]) -> bool:
        if self._now() - ends[-1] > AT_ONCE_S:
            ends.clear()
            return False
        ends.pop()
        return True
