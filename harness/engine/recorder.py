"""Everything that is observed goes through here: into the journal, and into memory for the checkers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.clock import Clock
from harness.model.events import Event, FindingMade, MatrixCellEnded
from harness.model.finding import Finding
from harness.model.load_events import Noted, Observed
from harness.model.observation import AnswerSecond, CrossingSecond, GeneratorSecond, JourneySecond
from harness.model.span import JourneyTrace
from harness.observe.journal import Journal

if TYPE_CHECKING:
    from harness.checkers.excuses import Excuses


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
        self.excuses: Excuses | None = None
        """What is red and accepted, or known; set before anything is found."""

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
        event = self._excused(event)
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

    def _excused(self, event: Event) -> Event:
        match event:
            case MatrixCellEnded() if self.excuses:
                return replace(event, result=self.excuses.of_cell(event.result))
            case FindingMade() if self.excuses:
                return replace(event, finding=self.excuses.of_finding(event.finding))
            case _:
                return event

    def tell_left_over(self) -> tuple[str, ...]:
        """Note the waivers that nobody needs any more, and what is better than in an earlier run."""
        if self.excuses is None:
            return ()
        cells = [each.result for each in self.events if isinstance(each, MatrixCellEnded)]
        told = tuple(self.excuses.left_over(self.findings, cells))
        for each in told:
            self.note(each)
        return told

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
