"""Everything that is observed goes through here: into the journal, and into memory for the checkers."""

from __future__ import annotations

from collections.abc import Callable

from harness.clock import Clock
from harness.model.events import Event, FindingMade, Noted, Observed
from harness.model.finding import Finding
from harness.model.observation import AnswerSecond, CrossingSecond, GeneratorSecond, JourneySecond
from harness.model.span import JourneyTrace
from harness.observe.journal import Journal


class Recorder:
    """Keeps what is observed, in order; times are seconds since the run began."""

    def __init__(self, journal: Journal, *, clock: Clock, began: float) -> None:
        self.clock = clock
        self.began = began
        self.journeys: list[JourneySecond] = []
        self.answers: list[AnswerSecond] = []
        self.generator: list[GeneratorSecond] = []
        self.crossings: list[CrossingSecond] = []
        self.traces: list[JourneyTrace] = []
        self.findings: list[Finding] = []
        self._journal = journal
        self._listeners: list[Callable[[Event], None]] = []

    @property
    def events(self) -> list[Event]:
        """Everything that was journaled so far."""
        return self._journal.events

    def now(self) -> float:
        """Seconds since the run began."""
        return self.clock.now() - self.began

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Hear of every event from now on."""
        self._listeners.append(listener)

    def record(self, event: Event) -> None:
        """Write an event down and remember what it observed."""
        event = self._journal.append(event)
        match event:
            case Observed():
                self.journeys += event.journeys
                self.answers += event.answers
                self.generator += event.generator
                self.crossings += event.crossings
                self.traces += event.traces
            case FindingMade():
                self.findings.append(event.finding)
            case _:
                pass
        for listener in self._listeners:
            listener(event)

    def note(self, message: str, figures: dict[str, float] | None = None) -> None:
        """Write down something that a reader will want to know."""
        self.record(Noted(t=self.now(), message=message, figures=figures or {}))

    def find(self, *findings: Finding) -> None:
        """Write findings down."""
        for finding in findings:
            self.record(FindingMade(t=self.now(), finding=finding))

    def close(self) -> None:
        """Nothing is observed any more."""
        self._journal.close()
