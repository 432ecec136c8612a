"""Arrivals as they were recorded."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from harness.model.load_profile import LoadProfile


class Tape:
    """The recorded journeys of a profile that are a worker's own, from a time on."""

    def __init__(  # noqa: PLR0913 -- where a tape begins, and for whom
        self, profile: LoadProfile, *, began: float, since: float, series: str, worker: int = 0, workers: int = 1
    ) -> None:
        self._began = began
        self.series = series
        self._profile = profile
        self._ends_at = profile.length_s
        first = bisect_left(profile.replay, (since - began,))
        self._number = first + (worker - first) % workers
        self._workers = workers

    @property
    def next_at(self) -> float:
        """When the next journey is due; infinite at the end."""
        if self._number >= len(self._profile.replay):
            return math.inf
        offset_s = self._profile.replay[self._number][0]
        return self._began + offset_s if offset_s < self._ends_at else math.inf

    def due(self, now: float) -> Iterator[tuple[int, float, str, Mapping[str, float]]]:
        """Number, time, journey and what is wanted of all that are due and were not given before."""
        while (at := self.next_at) <= now:
            number = self._number
            self._number += self._workers
            offset_s, journey = self._profile.replay[number]
            phase = self._profile.phase_at(offset_s)
            yield number, at, journey, phase.wanted if phase else {}
