"""A system that is up, for tests: its edges and instances to break, and its load to measure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from math import ceil
from typing import Protocol

from harness.checkers.crossings import target_lines
from harness.clock import Clock
from harness.declare.validate import nearest
from harness.errors import HarnessError, HealError, Inconclusive, LoadError
from harness.experiments import Draft
from harness.model.events import Event, InjectionArmed, InjectionHealed
from harness.model.fault import Armed, EdgeTarget, FaultSpec, Healed, Injection, InstanceTarget, Target
from harness.model.load_events import Observed
from harness.model.observation import Window, WindowKind
from harness.model.quantity import Duration
from harness.model.system import edge_name
from harness.model.topology import Topology
from harness.testing.background import Background
from harness.testing.experiments import Conducted, Conducting, conducting
from harness.testing.measured import Evidence, InForce, Measured
from harness.testing.visits import Visited, Visiting, visiting

DEFAULT_RATE = 20.0
"""Journeys a second."""
WARM_UP_S = 3.0
"""The load is on for so long before the first second that is measured."""
LATE_LIMIT_S = 30.0
"""How long the journeys of a measurement get to end after it; the rest are errors."""
SETTLE_S = 1.0
"""What the proxies counted in a second arrives so much later at most."""
LOOK_S = 0.25
QUIESCE_S = 12.0
LONGEST = Duration(3600)
"""An injection needs an end; a test's `with` always ends it sooner."""


class Driving(Protocol):
    """The load generator."""

    async def drive(self, *, rate: float, weights: Mapping[str, float]) -> None:
        """Start or alter the arrivals: journeys a second, and relative weights."""
        ...

    async def quiesce(self, timeout_s: float) -> int:
        """No more arrivals; gives how many journeys are in flight at the time-out."""
        ...

    async def flush(self) -> None:
        """When this returns, all that has ended was observed."""
        ...


class Injecting(Protocol):
    """What arms faults and takes them back."""

    async def inject(self, injection: Injection) -> Armed:
        """Arm it, read it back, and probe that it bites."""
        ...

    async def heal(self, injection_id: str, /) -> Healed:
        """Take it back, whatever became of it; healing twice does nothing."""
        ...


class Recording(Protocol):
    """What writes the run's journal."""

    def record(self, event: Event) -> None:
        """Write an event down."""
        ...


class Reaching(Protocol):
    """Where the services are."""

    def entry_url(self) -> str:
        """The address that customers use."""
        ...

    def service_url(self, service: str, /) -> str:
        """A service's own, past every proxy."""
        ...


class Stage(Protocol):
    """A session of the engine, as far as tests act on it."""

    @property
    def topology(self) -> Topology:
        """What is up."""
        ...

    @property
    def clock(self) -> Clock:
        """The run's clock."""
        ...

    @property
    def injector(self) -> Injecting:
        """What arms faults."""
        ...

    @property
    def recorder(self) -> Recording:
        """What writes the journal; only asked on the loop that the session runs on."""
        ...

    @property
    def deployment(self) -> Reaching:
        """Where its services are."""
        ...

    @property
    def observed(self) -> list[Observed]:
        """Everything observed so far."""
        ...

    def now(self) -> float:
        """Seconds since the run began."""
        ...

    async def driver(self) -> Driving:
        """The load generator, started when first asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTold:
    """Where a run's files are, and the seed that repeats it."""

    directory: str
    seed: int


class SystemUnderTest:
    """The whole of it; edges, instances and the load come from here."""

    def __init__(self, stage: Stage, background: Background) -> None:
        self.topology = stage.topology
        self.load = Load(self, stage, background)
        self._stage = stage
        self._background = background
        self.run: RunTold | None = None
        """None of a stage that keeps no files."""
        self.broke: list[str] = []
        """All that tests put in force so far or visits tried to, in words; whole experiments left out."""
        self._in_force: dict[str, InForce] = {}
        self._numbers = itertools.count(1)
        self._conducting: Conducting | None = None
        self._visiting: Visiting | None = None

    def url(self, service: str = "") -> str:
        """Where customers come in, through the proxy on their edge; of a service: its own address, past every proxy."""
        if service and service not in self.topology.system.services:
            raise HarnessError(f"no service '{service}'; {nearest(service, self.topology.system.services)}")
        where = self._stage.deployment
        return where.service_url(service) if service else where.entry_url()

    def edge(self, consumer: str, provider: str) -> Breakable:
        """An edge; raises HarnessError when there is none, with those that there are."""
        if edge_name(consumer, provider) not in self.topology.edges:
            known = ", ".join(sorted(self.topology.edges))
            raise HarnessError(
                f"expected an edge of {self.topology.name}, found {consumer}->{provider}; known: {known}"
            )
        return Breakable(self, EdgeTarget(consumer=consumer, provider=provider))

    def instance(self, service: str, index: int = 1) -> Breakable:
        """One instance of a service or a store; raises HarnessError when there is none."""
        known = self.topology.instances_of(service)
        if index not in {each.index for each in known}:
            found = ", ".join(each.name for each in known) or "none of that name"
            raise HarnessError(f"expected an instance of {self.topology.name}, found {service}-{index}; known: {found}")
        return Breakable(self, InstanceTarget(service=service, index=index))

    def conduct(self, draft: Draft) -> Conducted:
        """Conduct a whole experiment, as `harness chaos run` does, and judge it.

        Raises:
            DeclarationError: before anything is done, if the experiment does not fit the system.
            Stopped: when a guard of it stopped it; everything is healed.
        """
        if self._conducting is None:
            self._conducting = conducting(self._stage)
        return self._background.run(self._conducting.conduct(draft))

    def visited(self, journey: str, target: EdgeTarget, fault: FaultSpec, lasts_s: float | None) -> Visited:
        """See `Breakable.visit`."""
        if self._visiting is None:
            self._visiting = visiting(self._stage)
        self.broke.append(f"{target} under {fault.describe()}")
        return self._background.run(self._visiting.visit(journey, target, fault, lasts_s))

    @property
    def in_force(self) -> tuple[InForce, ...]:
        """The faults that are in force, in the order in which they were armed."""
        return tuple(self._in_force.values())

    @contextmanager
    def broken(self, target: Target, fault: FaultSpec) -> Iterator[Armed]:
        """Keep a fault in force while the body runs.

        Raises:
            Inconclusive: if the fault is not really in force; the body is not entered.
            HealError: if it can't be shown to be taken back.
        """
        injection = Injection(id=f"test-{next(self._numbers)}", fault=fault, target=target, lasts=LONGEST)
        try:
            armed = self._background.run(self._inject(injection))
            if not armed.in_force:
                raise Inconclusive(f"{injection.describe()} is not in force: {armed.evidence}")
            self._in_force[injection.id] = self._with_lines(injection)
            self.broke.append(injection.describe())
            yield armed
        finally:
            self._in_force.pop(injection.id, None)
            healed = self._background.run(self._heal(injection))
            if not healed.verified:
                raise HealError(f"{injection.describe()} was not taken back for sure: {healed.evidence}")

    async def _inject(self, injection: Injection) -> Armed:
        try:
            armed = await self._stage.injector.inject(injection)
        except HarnessError as error:
            self._record_armed(injection, Armed(in_force=False, evidence=str(error), took_s=0.0))
            raise
        self._record_armed(injection, armed)
        return armed

    def _record_armed(self, injection: Injection, armed: Armed) -> None:
        event = InjectionArmed(
            t=self._stage.now(), experiment="", injection=injection.id, what=injection.describe(), armed=armed
        )
        self._stage.recorder.record(event)

    async def _heal(self, injection: Injection) -> Healed:
        healed = await self._stage.injector.heal(injection.id)
        event = InjectionHealed(
            t=self._stage.now(), experiment="", injection=injection.id, what=injection.describe(), healed=healed
        )
        self._stage.recorder.record(event)
        return healed

    def _with_lines(self, injection: Injection) -> InForce:
        lines = frozenset(line.name for line in target_lines(self.topology, injection.target))
        observed = (each for one in self._stage.observed for each in one.crossings)
        met = sum(each.requests for each in observed if each.line in lines)
        return InForce(injection=injection, lines=lines, met_before=met)


class Breakable:
    """An edge or an instance, to be put under a fault."""

    def __init__(self, system: SystemUnderTest, target: Target) -> None:
        self._system = system
        self._target = target

    def __repr__(self) -> str:
        """`gateway → recommendations`."""
        return str(self._target)

    def only(self, *, consumer: int | None = None, provider: int | None = None) -> Breakable:
        """Only the lines from one instance of the consumer, or to one of the provider; raises HarnessError."""
        if not isinstance(self._target, EdgeTarget):
            raise HarnessError(f"expected an edge to choose lines of, found the instance {self._target}")
        for name, index in ((self._target.consumer, consumer), (self._target.provider, provider)):
            if index is not None:
                self._system.instance(name, index)
        return Breakable(self._system, replace(self._target, consumer_index=consumer, provider_index=provider))

    def under(self, fault: FaultSpec) -> AbstractContextManager[Armed]:
        """The fault is in force while the `with` lasts; see `SystemUnderTest.broken`."""
        expected = "edge" if isinstance(self._target, EdgeTarget) else "instance"
        if fault.acts_on != expected:
            raise HarnessError(f"{fault.kind} acts on an {fault.acts_on}, and {self._target} is an {expected}")
        return self._system.broken(self._target, fault)

    def visit(self, journey: str, *, under: FaultSpec, lasts: str | Duration | None = None) -> Visited:
        """Let customers come by while a fault is in force, heal, and judge as a cell of the matrix is judged.

        Args:
            journey: what the customers do.
            under: the fault; it is in force until they are gone.
            lasts: take it back so long after it was seen to be in force instead.

        Raises:
            Inconclusive: when nothing can be said: the fault did not bite, or nobody crossed the edge.
        """
        if not isinstance(self._target, EdgeTarget):
            raise HarnessError(f"expected an edge to visit under a fault, found the instance {self._target}")
        lasts_s = None if lasts is None else float(Duration.parse(lasts))
        return self._system.visited(journey, self._target, under, lasts_s)


class Load:
    """The customers' journeys, at a steady rate, whether the system answers or not."""

    def __init__(self, system: SystemUnderTest, stage: Stage, background: Background) -> None:
        self._system = system
        self._stage = stage
        self._background = background
        self._weights: dict[str, float] = {}
        self._warm_at = 0.0

    def drive(self, *, rate: float = DEFAULT_RATE, weights: Mapping[str, float] | None = None) -> None:
        """Start the load, or alter it; it goes on until `rest`. Raises LoadError when it can't be started.

        Args:
            rate: journeys a second.
            weights: how often each journey is chosen, relative to the others; as the description says when left out.
        """
        journeys = self._system.topology.system.journeys
        chosen = dict(weights) if weights else {name: float(journey.weight) for name, journey in journeys.items()}
        if unknown := sorted(chosen.keys() - journeys.keys()):
            raise LoadError(f"expected journeys of the description ({', '.join(journeys)}), found {', '.join(unknown)}")
        self._background.run(self._drive(rate, chosen))

    def measure(self, length: str | Duration) -> Measured:
        """Measure so long (whole seconds), starting the load at its default when it is not on.

        It comes back once the journeys that were due have ended too, so it takes a moment longer.
        """
        seconds = ceil(Duration.parse(length))
        if not self._weights:
            self.drive()
        return self._background.run(self._measure(seconds))

    def rest(self) -> None:
        """No more arrivals, until the load is driven or measured again."""
        if self._weights:
            self._weights = {}
            self._background.run(self._rest())

    async def _drive(self, rate: float, weights: dict[str, float]) -> None:
        driver = await self._stage.driver()
        await driver.drive(rate=rate, weights=weights)
        self._weights = weights
        self._warm_at = self._stage.now() + WARM_UP_S

    async def _rest(self) -> None:
        driver = await self._stage.driver()
        await driver.quiesce(QUIESCE_S)

    async def _measure(self, seconds: int) -> Measured:
        stage, in_force = self._stage, self._system.in_force
        start = float(ceil(max(stage.now(), self._warm_at)))
        window = Window(kind=WindowKind.FAULT if in_force else WindowKind.BASELINE, start=start, end=start + seconds)
        evidence = await self._complete(window)
        faults = " and ".join(each.injection.describe() for each in in_force)
        doubts = (evidence.weakness, *(each.weakness(evidence) for each in in_force))
        return Measured(
            evidence=evidence,
            window=window,
            names=tuple(name for name, weight in self._weights.items() if weight > 0),
            circumstances=f"during, {faults}" if faults else "no fault in force",
            doubt="; ".join(filter(None, doubts)),
        )

    async def _complete(self, window: Window) -> Evidence:
        """Wait until all journeys that were due in the window have ended; not longer than the limit."""
        stage = self._stage
        driver = await stage.driver()
        await stage.clock.sleep(window.end + SETTLE_S - stage.now())
        while True:
            await driver.flush()
            evidence = Evidence.of(stage.observed, window)
            told = {each.second for each in evidence.generator} >= set(range(int(window.start), int(window.end)))
            if (told and evidence.ended >= evidence.started) or stage.now() > window.end + LATE_LIMIT_S:
                return evidence
            await stage.clock.sleep(LOOK_S)
