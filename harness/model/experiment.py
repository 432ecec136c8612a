"""An experiment as a value: a hypothesis, a load, injections, and what is expected during and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.blast import BlastRadius
from harness.model.bound import Bound
from harness.model.fault import EdgeTarget, Injection, InstanceTarget
from harness.model.guard import Guard
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS, Journey, Need
from harness.model.topology import Topology

DEFAULT_RECOVERY = Duration(10)
"""VERDICTS V8: what a system gets to become well again when nothing else is declared."""


class Expectation(StrEnum):
    """What a journey owes its customers while the fault is in force."""

    UNCHANGED = "unchanged"
    """The journey has nothing to do with the fault: as good, as full and as fast as before."""
    AVAILABLE = "available"
    """Good answers as before; degraded ones, when marked, count as good."""
    DEGRADED = "degraded"
    """Available, and the answers say that they are degraded."""
    MAY_FAIL = "may-fail"
    """It may fail, but cleanly and in time."""


class Role(StrEnum):
    """Why an experiment is in the run."""

    EXPERIMENT = "experiment"
    PLACEBO = "placebo"
    """A no-op armed through the same path: whatever is found in it is the harness's own mistake."""
    CONTROL = "positive control"
    """A fault that must be noticed: silence means that the harness is blind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRamp:
    """A rate that rises (or falls) evenly from the first fault on, and then stays."""

    start: float
    end: float
    over: Duration

    def rate_at(self, elapsed_s: float) -> float:
        """Journeys a second, so long after the faults began."""
        part = min(max(elapsed_s / self.over, 0.0), 1.0)
        return self.start + (self.end - self.start) * part


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One question put to the system. `weights` and `rate` (journeys a second) say what load it is put under."""

    name: str
    hypothesis: str
    injections: tuple[Injection, ...]
    weights: dict[str, float]
    rate: float
    surge: float | None = None
    """Journeys a second while the faults are in force, when that is not as before and after."""
    ramp: LoadRamp | None = None
    """In place of a surge: a rate that changes while the faults are in force."""
    expectations: dict[str, Expectation] = field(default_factory=dict)
    during: tuple[Bound, ...] = ()
    """Figures that must be kept while the faults are in force."""
    after: tuple[Bound, ...] = ()
    """Figures that must be kept once the system is well again."""
    recover_within: Duration = DEFAULT_RECOVERY
    guards: tuple[Guard, ...] = ()
    """What stops it at once."""
    blast_radius: BlastRadius | None = None
    role: Role = Role.EXPERIMENT
    long: bool = False
    """Only for runs that have the time."""
    source: str = ""
    """`file:line` where it was declared."""
    repeats: str = ""
    """The name of the declared experiment that this one repeats; empty when it is that one itself."""

    file: str = ""
    """The file that was named to run it; empty when it was chosen by its name."""

    @property
    def declared(self) -> str:
        """The name under which it was declared."""
        return self.repeats or self.name

    @property
    def ask(self) -> str:
        """What to name to run it again."""
        return self.file or self.declared

    @property
    def highest_rate(self) -> float:
        """The most journeys a second that it ever asks for."""
        return max(self.rate, self.surge or 0.0, *((self.ramp.start, self.ramp.end) if self.ramp else ()))

    def rate_under_fault(self, elapsed_s: float) -> float:
        """Journeys a second, so long after the faults began."""
        return self.ramp.rate_at(elapsed_s) if self.ramp else self.surge or self.rate

    def due_under_fault(self, length_s: float) -> float:
        """How many journeys are due in so many seconds after the faults began."""
        whole = int(length_s)
        due = sum(self.rate_under_fault(second + 0.5) for second in range(whole))
        return due + self.rate_under_fault(length_s) * (length_s - whole)

    @property
    def fault_s(self) -> float:
        """Length of the fault window: until the last injection ends."""
        return max((injection.after + injection.lasts for injection in self.injections), default=0.0)


_STRENGTH = (Expectation.UNCHANGED, Expectation.DEGRADED, Expectation.AVAILABLE, Expectation.MAY_FAIL)


def owed(topology: Topology, experiment: Experiment, journey_name: str) -> Expectation:
    """What a journey owes: as the experiment says, else the weakest of what each injection allows.

    Under a placebo nothing may change. All instances of a service at a time are the loss of that service.
    """
    if journey_name in experiment.expectations:
        return experiment.expectations[journey_name]
    if experiment.role is Role.PLACEBO:
        return Expectation.UNCHANGED
    lost = {service for service in topology.system.services if _all_at_a_time(topology, experiment, service)}
    allowed = [
        _under_loss(topology, topology.journey(journey_name), injection.target.service)
        if isinstance(injection.target, InstanceTarget) and injection.target.service in lost
        else expected(topology, journey_name, injection)
        for injection in experiment.injections
    ]
    return max(allowed, key=_STRENGTH.index, default=Expectation.UNCHANGED)


def _all_at_a_time(topology: Topology, experiment: Experiment, service: str) -> bool:
    """Whether there is a moment in which every instance of a service has a fault."""
    hit = [
        (injection.target.index, injection.after, injection.after + injection.lasts)
        for injection in experiment.injections
        if isinstance(injection.target, InstanceTarget) and injection.target.service == service
    ]
    count = len(topology.instances_of(service))
    return any(len({index for index, began, ends in hit if began <= moment < ends}) == count for _, moment, _ in hit)


def expected(topology: Topology, journey_name: str, injection: Injection) -> Expectation:
    """What the description itself says that a journey owes under one injection.

    A fault on an edge that the consumer can do without must cost no journey its availability.
    A fault on a hard edge, or on an instance, is judged as the loss of that consumer or service.
    """
    journey = topology.journey(journey_name)
    match injection.target:
        case EdgeTarget(consumer=consumer, provider=provider):
            soft = consumer != CUSTOMERS and topology.edges[injection.target.edge].need is Need.SOFT
            return _under_edge(topology, journey, consumer, provider, soft=soft)
        case InstanceTarget(service=service):
            alone = len(topology.instances_of(service)) == 1
            loss = _under_loss(topology, journey, service)
            return loss if alone or loss is Expectation.UNCHANGED else Expectation.AVAILABLE


def _under_edge(topology: Topology, journey: Journey, consumer: str, provider: str, *, soft: bool) -> Expectation:
    if consumer == CUSTOMERS:
        return Expectation.MAY_FAIL
    impact = _under_loss(topology, journey, consumer)
    if impact is Expectation.UNCHANGED:
        return impact
    if soft:
        return Expectation.AVAILABLE
    if consumer == topology.system.entry:
        return _under_loss(topology, journey, provider)
    return Expectation.AVAILABLE if provider in journey.usable_without else impact


def _under_loss(topology: Topology, journey: Journey, lost: str) -> Expectation:
    if lost in journey.usable_without:
        return Expectation.AVAILABLE
    if lost in journey.needs or lost == topology.system.entry:
        return Expectation.MAY_FAIL
    return Expectation.UNCHANGED
