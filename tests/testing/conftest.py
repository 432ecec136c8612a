"""A stage without a system: time passes when somebody sleeps, and the load answers as it was told to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from harness.errors import ProxyError
from harness.model.events import Event
from harness.model.fault import Armed, Healed, HealedBy, Injection
from harness.model.figures import encoded
from harness.model.load_events import Observed
from harness.model.observation import CrossingSecond, GeneratorSecond, JourneySecond, Outcome
from harness.model.quantity import Duration
from harness.model.system import Edge, InstanceSpec, Journey, Need, Run, Service, System
from harness.model.topology import Topology
from harness.testing.background import Background
from harness.testing.system import SystemUnderTest

SERVICE = Service(owner="somebody", run=Run(command=("serve",)))
TWICE = Service(owner="somebody", run=Run(command=("serve",)), instances=(InstanceSpec(), InstanceSpec()))

TOPOLOGY = Topology(
    system=System(
        system="bakery",
        entry="gateway",
        services={"gateway": SERVICE, "recommendations": TWICE},
        edges=(Edge(consumer="gateway", provider="recommendations", need=Need.SOFT),),
        journeys={
            "browse": Journey(weight=9, deadline=Duration(1)),
            "checkout": Journey(weight=1, deadline=Duration(2)),
        },
    ),
    root=".",
    start_order=(),
)


@dataclass(kw_only=True)
class FakeStage:
    """All in one: the session, its clock, its injector and its driver."""

    topology: Topology = TOPOLOGY
    observed: list[Observed] = field(default_factory=list)
    time: float = 0.5
    outcomes: Mapping[Outcome, int] = field(default_factory=lambda: {Outcome.OK: 20})
    """How many journeys end each second, all of them called browse, after `took_s`."""
    took_s: float = 0.1
    never_ending: int = 0
    """How many more are started each second."""
    dropped: int = 0
    crossing: int = 5
    """Requests each second on each line."""
    bites: bool = True
    refuses: bool = False
    heals: bool = True
    deeds: list[str] = field(default_factory=list)
    journal: list[Event] = field(default_factory=list)
    load: tuple[float, dict[str, float]] | None = None
    _told_until: int = 0

    @property
    def clock(self) -> FakeStage:
        return self

    @property
    def injector(self) -> FakeStage:
        return self

    @property
    def recorder(self) -> FakeStage:
        return self

    @property
    def deployment(self) -> FakeStage:
        return self

    def entry_url(self) -> str:
        return "http://127.0.0.1:1"

    def service_url(self, service: str) -> str:
        return f"http://127.0.0.1:2/{service}"

    def record(self, event: Event) -> None:
        self.journal.append(event)

    def now(self) -> float:
        return self.time

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        self.time += max(0.0, seconds)

    async def driver(self) -> FakeStage:
        return self

    async def drive(self, *, rate: float, weights: Mapping[str, float]) -> None:
        self.deeds.append("drive")
        self.load = (rate, dict(weights))
        self._told_until = int(self.time)

    async def quiesce(self, timeout_s: float) -> int:
        self.deeds.append("quiesce")
        self.load = None
        return 0 if timeout_s else 1

    async def flush(self) -> None:
        for second in range(self._told_until, int(self.time)):
            self.observed.append(self._second(second))
        self._told_until = int(self.time)

    async def inject(self, injection: Injection) -> Armed:
        self.deeds.append(f"inject {injection.describe()}")
        if self.refuses:
            raise ProxyError("no answer")
        return Armed(in_force=self.bites, evidence="the probe's words", took_s=0.0)

    async def heal(self, injection_id: str) -> Healed:
        self.deeds.append(f"heal {injection_id}")
        return Healed(verified=self.heals, by=HealedBy.REMOVED, evidence="still there", took_s=0.0)

    def _second(self, second: int) -> Observed:
        ended = sum(self.outcomes.values())
        return Observed(
            journeys=tuple(
                JourneySecond(
                    second=second,
                    journey="browse",
                    outcome=outcome,
                    count=count,
                    latencies=encoded([self.took_s] * count),
                    service=encoded([self.took_s] * count),
                )
                for outcome, count in self.outcomes.items()
            ),
            generator=(
                GeneratorSecond(
                    second=second,
                    due=ended + self.never_ending + self.dropped,
                    started=ended + self.never_ending,
                    dropped=self.dropped,
                    lag_p99_s=0.0,
                    in_flight=0,
                    cpu_share=0.1,
                ),
            ),
            crossings=tuple(
                CrossingSecond(
                    second=second,
                    line=line.name,
                    connections=0,
                    requests=self.crossing,
                    answers=self.crossing,
                    aborted=0,
                    bytes_up=0,
                    bytes_down=0,
                    answer_ms_sum=0.0,
                )
                for line in self.topology.lines
            ),
        )


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


@pytest.fixture
def under_test(stage: FakeStage) -> Iterator[SystemUnderTest]:
    background = Background()
    yield SystemUnderTest(stage, background)
    background.close()
