"""All observations of one experiment, closed: what the checkers read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.model.experiment import Expectation, Experiment, owed
from harness.model.fault import Armed, Healed, Injection
from harness.model.invariant import Invariant
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import (
    AnswerSecond,
    CrossingSecond,
    DistinctAnswer,
    FinalRead,
    GeneratorSecond,
    JourneySecond,
    Operation,
    ReadySeen,
    Window,
    WindowKind,
)
from harness.model.span import JourneyTrace, Span
from harness.model.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """An injection with what came of it; `healed` is None when healing was never reached."""

    injection: Injection
    armed: Armed
    armed_at: float
    healed: Healed | None = None
    healed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonconformity:
    """An answer that breaks the OpenAPI document of the service that gave it."""

    answer: DistinctAnswer
    service: str
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """One experiment's observations. `windows` holds the run's shared baseline too."""

    topology: Topology
    experiment: Experiment
    windows: tuple[Window, ...]
    forced: tuple[Forced, ...]
    journeys: tuple[JourneySecond, ...]
    answers: tuple[AnswerSecond, ...]
    distinct: tuple[DistinctAnswer, ...]
    """Distinct answers seen while the fault was in force."""
    nonconformities: tuple[Nonconformity, ...]
    conformance_checked: int
    """How many distinct answers were checked against a document."""
    operations: tuple[Operation, ...]
    """All operations since the run began (safety is judged over the whole run so far)."""
    crossings: tuple[CrossingSecond, ...]
    generator: tuple[GeneratorSecond, ...]
    reads: tuple[FinalRead, ...]
    alpha: float
    """The error rate that each single test of this history may spend."""
    replay: str
    """The command that repeats this experiment."""
    invariants: tuple[Invariant, ...] = ()
    """What must be true of `reads`."""
    trouble: tuple[str, ...] = ()
    """What went wrong with the harness's own parts meanwhile: a proxy that died, journeys that never ended."""
    spans: tuple[Span, ...] = ()
    """What the services told of bad and of sampled journeys; empty when none of them sends spans."""
    traces: tuple[JourneyTrace, ...] = ()
    """Whose those spans are."""
    readiness: tuple[ReadySeen, ...] = ()
    """What services said of themselves that had lost a hard store."""
    company: tuple[Company, ...] = ()
    """Who had the machine's processors, window by window; empty when nobody looked."""
    neighbours: Neighbours = Neighbours.DOUBT
    """What becomes of a FAIL when others had them."""
    chosen: bool = False
    """Whether this experiment was asked for by its name: what its load leaves alone is then nobody's omission."""
    deeds: frozenset[tuple[str, str]] = frozenset()
    """What the steps of the load's journeys declare that they do; see `harness.checkers.exercised`."""

    def window(self, kind: WindowKind) -> Window | None:
        """The window of that kind, when it was reached."""
        return next((window for window in self.windows if window.kind is kind), None)

    def expectation(self, journey: str) -> Expectation:
        """What the journey owes; see `harness.model.experiment.owed`."""
        return owed(self.topology, self.experiment, journey)

    def journeys_in(self, kind: WindowKind, journey: str) -> Iterable[JourneySecond]:
        """The seconds of one journey whose intended start lies in the window, whole seconds only."""
        window = self.window(kind)
        return (
            second
            for second in self.journeys
            if window
            and second.journey == journey
            and window.start <= second.second
            and second.second + 1 <= window.end
        )
