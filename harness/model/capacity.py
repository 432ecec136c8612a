"""How much a system bears: what was tried rate by rate, where it gave out, and what a target would need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.verdict import Verdict

CAPACITY_FORMAT = 1


class Held(StrEnum):
    """What came of a step."""

    HELD = "held"
    MISSED = "missed"
    """The system did not keep up, or an objective was not kept."""
    UNTOLD = "generator gave out"
    """The load was not what was asked for, so nothing is known of the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with what it is between, at 95 %; of one sample, the ends are the figure."""

    low: float
    estimate: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one instance did in a step."""

    instance: str
    service: str
    cores: float | None = None
    """Seconds of CPU a second, of its process and all that descends from it; None where nobody can know."""
    requests: float | None = None
    """A second, as the relays on its lines counted; None where there are none."""
    answer_s: float | None = None
    """From a request to the first byte of its answer, on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineUse:
    """What this machine's cores did in a step."""

    cores: int
    busy: float
    """Cores that did something, whoever had them."""
    own: float
    """Of them, what the harness had: load generator, proxies, relays, itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStep:
    """A stretch of even load, without its beginning in which the system settles."""

    name: str
    rate: float
    """Journeys a second that were asked for."""
    start: int
    end: int
    due: int
    good: int
    """Journeys due in it that ended well, each answer within its deadline."""
    degraded: int = 0
    """Of them, and of those that were late, those that were marked as degraded."""
    pages: int = 0
    """Requests of customers that were answered well in it."""
    p99_s: float | None = None
    """From the intended start, of those that ended well."""
    worked_on_s: float | None = None
    """How long the system went on working after the last journey had ended; None where nobody could see."""
    held: Held = Held.HELD
    why: tuple[str, ...] = ()
    """What it missed, or why nothing is known."""
    uses: tuple[Use, ...] = ()
    machine: MachineUse | None = None

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start

    @property
    def offered(self) -> float:
        """Journeys a second that were due."""
        return self.due / self.seconds

    @property
    def goodput(self) -> float:
        """Journeys a second that ended well, and in time."""
        return self.good / self.seconds

    @property
    def page_rate(self) -> float:
        """Requests a second that were answered well at the entry."""
        return self.pages / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """The highest rate that the system bears, as far as it is known."""

    verdict: Verdict
    """PASS when it is known."""
    reason: str
    rate: float | None = None
    """The highest that held; None when none did."""
    above: float | None = None
    """The lowest above it that did not; None when none was tried."""
    goodput: Interval | None = None
    """Of the steps at that rate."""
    pages: Interval | None = None
    """Requests a second at the entry, of the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """What was first at its limit."""

    who: str
    """An instance, or the machine; empty when nobody knows."""
    service: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a service, or a store, costs at the knee; figures are of all steps at it."""

    service: str
    store: bool = False
    instances: int
    cores: float | None
    """All its instances together."""
    requests: float | None
    """A second, all its instances together."""
    busiest: float | None
    """Cores of the instance that had most."""
    idle: float = 0.0
    """Cores of all its instances before anybody came: what is not for the pages."""
    page_ms: Interval | None = None
    """CPU for one page, in milliseconds, as the steps at the knee tell it; without what it has when idle."""

    @property
    def per_instance(self) -> float | None:
        """Requests a second and instance."""
        return None if self.requests is None else self.requests / self.instances

    @property
    def per_core(self) -> float | None:
        """Requests a second that one core would serve."""
        return self.requests / self.cores if self.requests and self.cores else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPart:
    """What a service needs for the target, in instances; those of the interval's ends beside."""

    service: str
    store: bool
    cores: Interval
    """Busy with the target's load alone."""
    instances: int
    """With the part of a core that is left free, and in all copies."""
    fewest: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetNeeded:
    """What a target would need, and how that was reckoned."""

    target: float
    """Pages a second."""
    redundancy: int
    parts: tuple[FleetPart, ...]
    arithmetic: tuple[str, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """What became of more than the system bears, and afterwards; rates are journeys a second."""

    knee: float
    """Goodput at the knee."""
    asked: float
    goodput: Interval
    recovered_s: float | None
    """After the load had gone back; None when it never did in the time that was watched."""
    watched_s: float
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """All that a run found out of it."""

    steps: tuple[RateStep, ...]
    knee: Knee
    saturation: Saturation | None = None
    costs: tuple[Cost, ...] = ()
    fleet: FleetNeeded | None = None
    overload: Overload | None = None
    assumptions: tuple[str, ...] = ()
