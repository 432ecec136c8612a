"""Servers whose capacity is known by construction, as a generator that is well would have seen them."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from harness.checkers.limits import Rows
from harness.model.figures import encoded
from harness.model.observation import AnswerClass, AnswerSecond, GeneratorSecond, JourneySecond, Outcome

JOURNEY = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """So many requests at once, each for its time; who would wait longer than its patience is sent away at once."""

    slots: int = 4
    service_s: float = 0.05
    patience_s: float = 0.5

    @property
    def bears(self) -> float:
        """Requests a second."""
        return self.slots / self.service_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One journey."""

    due: float
    took_s: float
    good: bool


@dataclass(slots=True, kw_only=True)
class Seen:
    """Rows as a recorder keeps them."""

    journeys: list[JourneySecond] = field(default_factory=list)
    answers: list[AnswerSecond] = field(default_factory=list)
    """Each journey is one answer."""
    generator: list[GeneratorSecond] = field(default_factory=list)

    @property
    def rows(self) -> Rows:
        return Rows(journeys=self.journeys, answers=self.answers)


def arrivals(rate: float, start: float, end: float, seed: int = 1) -> list[float]:
    chance, at, found = Random(seed), start, []  # noqa: S311 -- made up
    while (at := at + chance.expovariate(rate)) < end:
        found.append(at)
    return found


def served(server: Slots, due: Iterable[float]) -> list[Ended]:
    free = [0.0] * server.slots
    found = []
    for at in due:
        begins = max(free[0], at)
        if begins - at > server.patience_s:
            found.append(Ended(due=at, took_s=0.002, good=False))
            continue
        heapq.heapreplace(free, begins + server.service_s)
        found.append(Ended(due=at, took_s=begins + server.service_s - at, good=True))
    return found


def collapsing(server: Slots, due: Iterable[float], *, gives_up_s: float = 0.5) -> list[Ended]:
    """Nobody is sent away: who has given up is served all the same, so that in the end it is all in vain."""
    patient = Slots(slots=server.slots, service_s=server.service_s, patience_s=math.inf)
    return [
        each if each.took_s <= gives_up_s else Ended(due=each.due, took_s=gives_up_s, good=False)
        for each in served(patient, due)
    ]


def seen(
    ended: Sequence[Ended], start: int, end: int, *, lag_s: float = 0.002, journey: Callable[[Ended], str] | None = None
) -> Seen:
    found = Seen()
    by_second: dict[int, list[Ended]] = {}
    change: Counter[int] = Counter()
    for each in ended:
        by_second.setdefault(int(each.due), []).append(each)
        change[int(each.due)] += 1
        change[int(each.due + each.took_s)] -= 1
    under_way = 0
    for second in range(start, end):
        own = by_second.get(second, [])
        under_way += change[second]
        for good in (True, False):
            rows = [each for each in own if each.good is good]
            for name in sorted({journey(each) if journey else JOURNEY for each in rows}):
                took = [each.took_s for each in rows if not journey or journey(each) == name]
                found.journeys.append(
                    JourneySecond(
                        second=second,
                        journey=name,
                        outcome=Outcome.OK if good else Outcome.FAILED,
                        count=len(took),
                        latencies=encoded(took),
                        service=encoded(took),
                    )
                )
                found.answers.append(
                    AnswerSecond(
                        second=second,
                        journey=name,
                        request="GET /",
                        answer=AnswerClass.FULL if good else AnswerClass.CLEAN,
                        count=len(took),
                        latencies=encoded(took),
                    )
                )
        found.generator.append(
            GeneratorSecond(
                second=second,
                due=len(own),
                started=len(own),
                dropped=0,
                lag_p99_s=lag_s,
                in_flight=under_way,
                cpu_share=0.2,
            )
        )
    return found
