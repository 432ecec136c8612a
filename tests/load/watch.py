"""Stands where a driver hands on what was measured and told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from harness.load.driver import Told
from harness.model.load_events import Noted, Observed, WorkerJoined, WorkerLost
from harness.model.observation import AnswerClass, AnswerSecond, GeneratorSecond, JourneySecond, Outcome

WAIT_S = 15


class Watch:
    """Keeps what was observed and told, and lets a test wait until it has seen enough."""

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self.journeys: list[JourneySecond] = []
        self.answers: list[AnswerSecond] = []
        self.generator: list[GeneratorSecond] = []
        self.told: list[Told] = []
        self._wait_s = wait_s
        self._news = asyncio.Event()

    def __call__(self, observed: Observed) -> None:
        self.journeys += observed.journeys
        self.answers += observed.answers
        self.generator += observed.generator
        self._news.set()

    def tell(self, told: Told) -> None:
        self.told.append(told)
        self._news.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(self._wait_s):
            while not enough():
                self._news.clear()
                await self._news.wait()

    def outcomes(self) -> dict[str, Counter[Outcome]]:
        found: dict[str, Counter[Outcome]] = {}
        for each in self.journeys:
            found.setdefault(each.journey, Counter())[each.outcome] += each.count
        return found

    def classes(self) -> dict[str, Counter[AnswerClass]]:
        found: dict[str, Counter[AnswerClass]] = {}
        for each in self.answers:
            found.setdefault(each.journey, Counter())[each.answer] += each.count
        return found

    @property
    def due(self) -> int:
        return sum(each.due for each in self.generator)

    @property
    def joined(self) -> list[WorkerJoined]:
        return [each for each in self.told if isinstance(each, WorkerJoined)]

    @property
    def lost(self) -> list[WorkerLost]:
        return [each for each in self.told if isinstance(each, WorkerLost)]

    @property
    def port(self) -> int | None:
        """Where a master listens, once it has told."""
        return next((int(each.figures["port"]) for each in self.told if isinstance(each, Noted)), None)
