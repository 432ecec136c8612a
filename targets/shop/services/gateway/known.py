"""The last answers of soft providers, kept for a while to be shown, marked, when there are none of now."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
KEEP_S = 60.0
MOST_ANSWERS = 1000


class LastKnown(Generic[Answer]):
    """The last known answer for each product, at most a minute old."""

    def __init__(
        self, *, keep_s: float = KEEP_S, most: int = MOST_ANSWERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s = keep_s
        self._most = most
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def note(self, key: str, answer: Answer) -> None:
        """Remember an answer; the one that was noted the longest ago is forgotten when there are too many."""
        self._answers[key] = (self._clock(), answer)
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def recall(self, key: str) -> Answer | None:
        """The last answer, unless it is too old."""
        noted_at, answer = self._answers.get(key, (float("-inf"), None))
        return answer if self._clock() - noted_at <= self._keep_s else None
