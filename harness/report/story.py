"""A journal's events as one frozen story, which every report renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.model.capacity import Capacity
from harness.model.events import (
    EdgeFact,
    ExperimentEnded,
    ExperimentStarted,
    PactVersions,
    PhaseEnded,
    RunEnded,
    RunStarted,
    SpansSeen,
)
from harness.model.experiment import Role
from harness.model.fault import Armed, Healed
from harness.model.finding import Finding, Part
from harness.model.load_events import Noted
from harness.model.measures import Measures
from harness.model.observation import AnswerSecond, CrossingSecond, GeneratorSecond, JourneySecond, Window, WindowKind
from harness.model.verdict import Verdict, worst
from harness.report import timeline
from harness.report.load_story import LoadStory
from harness.report.matrix_story import MatrixStory
from harness.report.words import seconds

LEAD_S = 8.0
"""How much of the time before the fault a chart shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding with when it was made.

    `blames` is False where trouble was wanted, is the harness's own, or is excused.
    """

    t: float
    finding: Finding
    blames: bool
    critical: bool
    """It concerns a critical journey, or safety."""
    derived: bool = False
    """It is UNKNOWN only because its experiment was not valid: another finding says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionStory:
    """A fault from asking to healing; None for what the journal does not tell."""

    id: str
    what: str
    target: str
    fault: str
    edge: str
    """`consumer->provider`, or empty when it acts on an instance."""
    armed_at: float
    armed: Armed
    healed_at: float | None
    healed: Healed | None


@dataclass(frozen=True, kw_only=True)
class ExperimentStory:
    """One experiment. `ended` and `verdict` are None in a journal that was cut during it."""

    started: ExperimentStarted
    ended: ExperimentEnded | None
    windows: tuple[Window, ...]
    """The shared baseline first, when there was one."""
    injections: tuple[InjectionStory, ...]
    told: tuple[Told, ...]
    """Worst first."""
    journeys: tuple[JourneySecond, ...]
    crossings: tuple[CrossingSecond, ...]
    until: float
    """Where the experiment's time ends."""

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.started.name

    @property
    def is_probe(self) -> bool:
        """Whether it tests the harness (placebo, positive control), not the system."""
        return self.started.role in {Role.PLACEBO, Role.CONTROL}

    @property
    def verdict(self) -> Verdict:
        """As it was journalled; UNKNOWN when the experiment never came to its end."""
        wrong = [each.finding for each in self.told if each.finding.verdict is not Verdict.PASS]
        if self.ended and wrong and all(each.excused for each in wrong):
            return Verdict.PASS
        return self.ended.verdict if self.ended else Verdict.UNKNOWN

    @property
    def measures(self) -> Measures | None:
        """What is told of it whatever its verdict; None when no fault came into force, or of an old journal."""
        return self.ended.measures if self.ended else None

    @property
    def worst(self) -> Told | None:
        """The finding that decided the verdict, when that is not a PASS."""
        return self.told[0] if self.told and self.told[0].finding.verdict is not Verdict.PASS else None

    @property
    def edges(self) -> tuple[str, ...]:
        """Names of the edges on which it injected faults."""
        return tuple(dict.fromkeys(each.edge for each in self.injections if each.edge))

    @property
    def healed_at(self) -> float | None:
        """When the last fault was taken back; None when one of them never was."""
        times = [each.healed_at for each in self.injections]
        known = [time for time in times if time is not None]
        return max(known) if known and len(known) == len(times) else None

    @property
    def recovered_at(self) -> float | None:
        """When the system was well again, if it had been ill."""
        if self.ended is None or self.ended.recovery_s is None or self.healed_at is None:
            return None
        return self.healed_at + self.ended.recovery_s

    def window(self, kind: WindowKind) -> Window | None:
        """The window of that kind, when it was reached."""
        return next((window for window in self.windows if window.kind is kind), None)

    @property
    def zero(self) -> float:
        """Second 0 of its charts: the start of the fault, or of the experiment when nothing was injected."""
        fault = self.window(WindowKind.FAULT)
        if self.injections:
            return min(each.armed_at for each in self.injections)
        return fault.start if fault else self.started.t

    @property
    def span(self) -> tuple[float, float]:
        """The stretch of time that its charts show."""
        return max(0.0, min(self.started.t, self.zero) if not self.injections else self.zero - LEAD_S), self.until

    @cached_property
    def table(self) -> tuple[timeline.WindowFigures, ...]:
        """Before, during and after, for each journey that was seen; windows without journeys are left out."""
        shown = [window for window in self.windows if window.kind is not WindowKind.WARM_UP]
        names = timeline.journeys_seen(self.journeys, shown)
        rows = [timeline.window_figures(self.journeys, window, name) for name in names for window in shown]
        return tuple(row for row in rows if row.total or row.kind in {WindowKind.BASELINE, WindowKind.FAULT})

    @cached_property
    def crossed(self) -> tuple[timeline.CrossingFigures, ...]:
        """What crossed each faulted edge (of an instance: each edge to its service) in each window."""
        shown = [window for window in self.windows if window.kind is not WindowKind.WARM_UP]
        faulted = self.edges or self._edges_to_instances()
        seen = {edge: [row for row in self.crossings if timeline.edge_of_line(row.line) == edge] for edge in faulted}
        rows = [timeline.crossing_figures(seen[edge], window, edge) for edge in faulted for window in shown]
        told = (row for row in rows if row.requests or row.connections or row.kind is not WindowKind.REST)
        return tuple(told) if any(row.connections or row.requests for row in rows) else ()

    def _edges_to_instances(self) -> tuple[str, ...]:
        services = {each.target.rsplit("-", 1)[0] for each in self.injections if not each.edge}
        seen = dict.fromkeys(timeline.edge_of_line(each.line) for each in self.crossings)
        return tuple(edge for edge in seen if edge.partition("->")[2] in services)

    def bins(self, journey: str) -> tuple[timeline.Bin, ...]:
        """One journey second by second over `span`."""
        start, end = self.span
        return timeline.binned(self.journeys, journey, start, end)

    def during(self, journey: str | None = None) -> tuple[int, int]:
        """How many journeys were due under the fault, and how many of them were degraded."""
        rows = [row for row in self.table if row.kind is WindowKind.FAULT and journey in {None, row.journey}]
        return sum(row.total for row in rows), sum(row.degraded for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeStory:
    """An edge with what befell it; `verdict` is None when nothing judged it."""

    fact: EdgeFact
    name: str
    verdict: Verdict | None
    experiments: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class RunStory:
    """The whole run. `ended` is None when the journal was cut short."""

    header: RunStarted
    ended: RunEnded | None
    phases: tuple[PhaseEnded, ...]
    notes: tuple[Noted, ...]
    experiments: tuple[ExperimentStory, ...]
    told: tuple[Told, ...]
    """Every finding of the run, worst first."""
    journeys: tuple[JourneySecond, ...]
    generator: tuple[GeneratorSecond, ...]
    last_t: float
    """The greatest time in the journal."""
    answers: tuple[AnswerSecond, ...] = ()
    spans: tuple[SpansSeen, ...] = ()
    """The worst traces, of experiments and of cells."""
    versions: Mapping[tuple[str, str], PactVersions] = field(default_factory=dict)
    """By consumer and provider of each pact; empty in an old journal."""
    apart: ExperimentStory | None = None
    """The faults that were put in force outside experiments, by hand or by tests, as if they were one."""
    matrix: MatrixStory | None = None
    """None when none was conducted."""
    load: LoadStory | None = None
    """None of what is no load run."""
    capacity: Capacity | None = None
    """How much the system bears, where that was asked."""

    @property
    def cut(self) -> bool:
        """Whether the journal ends before the run did."""
        return self.ended is None

    @cached_property
    def verdict(self) -> Verdict:
        """As the run ended; UNKNOWN when it was cut, and never PASS above a finding that blames."""
        if self.ended is None:
            return Verdict.UNKNOWN
        if self.ended.verdict is not Verdict.PASS:
            return self.ended.verdict
        return worst([self.ended.verdict, *(each.finding.verdict for each in self.told if each.blames)])

    @cached_property
    def headline(self) -> Told | None:
        """The finding that best explains the verdict; None when no finding does."""
        if self.verdict is Verdict.PASS:
            return None
        return next((each for each in self.trouble if each.finding.verdict is self.verdict), None)

    @property
    def reason(self) -> str:
        """Why the run came to its verdict, in a sentence."""
        if self.ended is None:
            cut = f"The journal ends after {seconds(self.last_t)}, before the run did"
            return f"{cut}: it was cut short, and nobody knows what the rest would have shown."
        if self.ended.verdict is not self.verdict:
            return f"The run ended as {self.ended.verdict}, but one of its findings is {self.verdict}."
        return self.ended.reason

    @cached_property
    def trouble(self) -> tuple[Told, ...]:
        """What did not pass and is news: worst first, without what only follows from an experiment's invalidity."""
        return tuple(
            each for each in self.told if each.blames and not each.derived and each.finding.verdict is not Verdict.PASS
        )

    @cached_property
    def excused(self) -> tuple[Finding, ...]:
        """What is red and does not make the run red."""
        return tuple(each.finding for each in self.told if each.finding.excused)

    def undecided_with(self, told: Told) -> int:
        """How many other checks nobody can judge because of this finding."""
        if told.finding.part is not Part.VALIDITY or not told.finding.experiment:
            return 0
        same = [each for each in self.told if each.finding.experiment == told.finding.experiment]
        first = next(each for each in same if each.finding.part is Part.VALIDITY)
        return sum(each.derived for each in same) if first is told else 0

    def part(self, part: Part) -> tuple[Told, ...]:
        """The findings of one part, worst first."""
        return tuple(each for each in self.told if each.finding.part is part)

    def owner(self, finding: Finding) -> str:
        """Whose the finding is: as it says, else the owner of the service it names; empty when neither is told."""
        return finding.owner or self.header.owners.get(finding.service, "")

    def outside_experiments(self) -> tuple[Told, ...]:
        """Findings of resilience or validity that belong to no experiment of this journal."""
        names = {each.name for each in self.experiments}
        parts = {Part.RESILIENCE, Part.VALIDITY}
        return tuple(each for each in self.told if each.finding.part in parts and each.finding.experiment not in names)

    @cached_property
    def edges(self) -> tuple[EdgeStory, ...]:
        """Every edge of the system with its worst verdict."""
        return tuple(self._edge(fact) for fact in self.header.edges)

    def _edge(self, fact: EdgeFact) -> EdgeStory:
        name = f"{fact.consumer}->{fact.provider}"
        findings = tuple(
            each.finding
            for each in self.told
            if each.blames and not each.derived and edge_key(each.finding.edge) == name
        )
        faulted = [each for each in self.experiments if name in each.edges and not each.is_probe]
        verdicts = [*(finding.verdict for finding in findings), *(each.verdict for each in faulted)]
        return EdgeStory(
            fact=fact,
            name=name,
            verdict=worst(verdicts) if verdicts else None,
            experiments=tuple(each.name for each in faulted),
            findings=findings,
        )


def edge_key(edge: str) -> str:
    """An edge's name as it is typed, also when a finding gives it as it is shown."""
    return edge.replace(" → ", "->")
