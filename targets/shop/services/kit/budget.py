"""How often to try again: full jitter between attempts, and a budget over all calls of an edge."""

from __future__ import annotations

import random
from collections.abc import Callable


class RetryBudget:
    """Tokens that calls earn and retries spend, so that retries stay a small part of the traffic."""

    def __init__(self, *, earned_per_call: float = 0.1, most: float = 5.0) -> None:
        self._earned = earned_per_call
        self._most = most
        self._tokens = most

    @property
    def tokens(self) -> float:
        """How many retries are left, in whole and in part."""
        return self._tokens

    def earn(self) -> None:
        """A call was made."""
        self._tokens = min(self._most, self._tokens + self._earned)

    def spend(self) -> bool:
        """Take the token for one retry; False when there is none."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def jittered(attempt: int, *, first_s: float, most_s: float, chance: Callable[[], float] = random.random) -> float:
    """The pause after attempt number `attempt` (from 1): anything from nothing to a doubling, bounded ceiling."""
    return chance() * min(most_s, first_s * 2.0 ** (min(attempt, 16) - 1))
