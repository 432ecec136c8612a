"""What was measured and not yet told, by the second."""

from __future__ import annotations

from collections import defaultdict
from math import floor

from harness.model.figures import encoded
from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome

NAMES_LIMIT = 200
"""Request names that are told apart; a locustfile that forgets `name=` has as many as it has URLs."""

OTHER = "(other)"
"""What further request names are counted as."""


class RequestNames:
    """Keeps the number of request names within `NAMES_LIMIT`."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bounded(self, name: str) -> str:
        """The name itself, or `OTHER` when there are too many."""
        if name not in self._known:
            if len(self._known) >= NAMES_LIMIT:
                return OTHER
            self._known.add(name)
        return name


class Seconds:
    """Latencies (seconds) by second, journey and outcome; by second, journey, request and class.

    A journey that ends late adds to a second that was told already: what `take` gives are increments,
    and whoever reads them sums those of the same second (see `harness.model.figures`).
    """

    def __init__(self) -> None:
        self._journeys: defaultdict[tuple[int, str, Outcome], list[tuple[float, float]]] = defaultdict(list)
        self._answers: defaultdict[tuple[int, str, str, AnswerClass], list[float]] = defaultdict(list)

    def journey(self, journey: str, outcome: Outcome, *, intended: float, started: float, ended: float) -> None:
        """A journey ended; times are seconds since the run began."""
        self._journeys[floor(intended), journey, outcome].append((ended - intended, ended - started))

    def answer(self, journey: str, request: str, answer: AnswerClass, *, ended: float, took_s: float) -> None:
        """An answer came, or the request was given up."""
        self._answers[floor(ended), journey, request, answer].append(took_s)

    def take(self, before: int | None = None) -> tuple[tuple[JourneySecond, ...], tuple[AnswerSecond, ...]]:
        """What was measured since the last call, of seconds `before` that one or of all, and forget it."""
        journeys = tuple(
            JourneySecond(
                second=key[0],
                journey=key[1],
                outcome=key[2],
                count=len(latencies),
                latencies=encoded(latency for latency, _ in latencies),
                service=encoded(service for _, service in latencies),
            )
            for key, latencies in sorted(self._journeys.items())
            if before is None or key[0] < before
        )
        answers = tuple(
            AnswerSecond(
                second=key[0], journey=key[1], request=key[2], answer=key[3], count=len(took), latencies=encoded(took)
            )
            for key, took in sorted(self._answers.items())
            if before is None or key[0] < before
        )
        for told in journeys:
            del self._journeys[told.second, told.journey, told.outcome]
        for each in answers:
            del self._answers[each.second, each.journey, each.request, each.answer]
        return journeys, answers
