"""What a run appends to its journal: one typed event a line, as JSON, `type` first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, TypeAdapter

from harness.model.audit import Seen
from harness.model.capacity import Capacity
from harness.model.fault import Armed, Healed
from harness.model.finding import Finding
from harness.model.load_events import Noted, Observed, WorkerJoined, WorkerLost
from harness.model.matrix import CellVerdict, Outlook
from harness.model.measures import Measures
from harness.model.neighbours import Company
from harness.model.observation import Window
from harness.model.shrunk import LatencyBudget, Shrunk
from harness.model.span import Span
from harness.model.verdict import Verdict

JOURNAL_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFact:
    """An edge as the report draws it."""

    consumer: str
    provider: str
    need: str
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyFact:
    """A journey as the report heads it."""

    name: str
    critical: bool
    deadline_s: float
    p99_objective_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first line of a journal. `wall` is ISO 8601 in UTC: the time of day at t = 0."""

    type: Literal["run-started"] = "run-started"
    format: int = JOURNAL_FORMAT
    run: str
    system: str
    wall: str
    seed: int
    command: str
    harness: str
    python: str
    tools: dict[str, str]
    """Versions of what the run used: toxiproxy, postgres, …"""
    owners: dict[str, str]
    """Owner of each service and store."""
    edges: tuple[EdgeFact, ...]
    journeys: tuple[JourneyFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEnded:
    """A phase of the run with how long it took: start, verify, baseline, experiments, fuzz, stop."""

    type: Literal["phase-ended"] = "phase-ended"
    name: str
    t: float
    took_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStarted:
    """An experiment begins."""

    type: Literal["experiment-started"] = "experiment-started"
    t: float
    name: str
    hypothesis: str
    role: str
    source: str
    injections: tuple[str, ...]
    """Each in words."""
    expectations: dict[str, str]
    """Journey → what it owes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnded:
    """A window closed. The baseline has no experiment: it is shared."""

    type: Literal["window"] = "window"
    experiment: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionArmed:
    """A fault was asked for."""

    type: Literal["armed"] = "armed"
    t: float
    experiment: str
    injection: str
    what: str
    armed: Armed


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionHealed:
    """A fault was taken back."""

    type: Literal["healed"] = "healed"
    t: float
    experiment: str
    injection: str
    what: str
    healed: Healed


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentEnded:
    """An experiment came to its verdict. `recovery_s` is None when it never recovered or was never ill."""

    type: Literal["experiment-ended"] = "experiment-ended"
    t: float
    name: str
    verdict: Verdict
    recovery_s: float | None = None
    measures: Measures | None = None
    void: str = ""
    """Why it does not count and is conducted again under the same name; what it would have found is in no finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingMade:
    """A check came to its finding."""

    type: Literal["finding"] = "finding"
    t: float
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class PactVersions:
    """A consumer and its provider with the versions that were verified; one is empty where nobody knows it."""

    consumer: str
    provider: str
    consumer_version: str = ""
    provider_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PactsVerified:
    """The pacts were verified, and these are the versions of both sides of each."""

    type: Literal["pacts-verified"] = "pacts-verified"
    t: float
    pairs: tuple[PactVersions, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanySeen:
    """Who had this machine's processors in a window of an experiment, or during a cell."""

    type: Literal["company"] = "company"
    t: float
    experiment: str
    """Its name, or that of a cell."""
    company: Company


@dataclass(frozen=True, slots=True, kw_only=True)
class SpansSeen:
    """The spans of the worst trace of an experiment or a cell: the evidence of who is to blame."""

    type: Literal["spans"] = "spans"
    t: float
    experiment: str
    """Its name, or that of a cell."""
    journey: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCellEnded:
    """A cell of the resilience matrix came to its verdict."""

    type: Literal["matrix-cell"] = "matrix-cell"
    t: float
    result: CellVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixEnded:
    """The resilience matrix is complete, or as complete as it gets."""

    type: Literal["matrix-ended"] = "matrix-ended"
    t: float
    outlook: Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class CellShrunk:
    """The smallest fault was found that still breaks a cell."""

    type: Literal["cell-shrunk"] = "cell-shrunk"
    t: float
    shrunk: Shrunk


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetMeasured:
    """The delay was found that a journey bears on an edge."""

    type: Literal["latency-budget"] = "latency-budget"
    t: float
    budget: LatencyBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What was seen of a system while its journeys were run for an audit."""

    type: Literal["audited"] = "audited"
    t: float
    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPhaseEnded:
    """A phase of a load run is over: journeys that were due from `start` on, before `end`, are its own."""

    type: Literal["load-phase"] = "load-phase"
    name: str
    start: float
    end: float
    asked_start: float
    """Journeys a second that were asked for at its start; what lies between is on a line."""
    asked_end: float
    users: int = 0
    """Closed users in place of arrivals, when there were any."""

    @property
    def t(self) -> float:
        """When it was over."""
        return self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityMeasured:
    """It was found out how much the system bears."""

    type: Literal["capacity"] = "capacity"
    t: float
    capacity: Capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The last line of a journal that was not cut short."""

    type: Literal["run-ended"] = "run-ended"
    t: float
    verdict: Verdict
    reason: str
    exit_code: int


Event = (
    RunStarted
    | PhaseEnded
    | ExperimentStarted
    | WindowEnded
    | InjectionArmed
    | InjectionHealed
    | ExperimentEnded
    | FindingMade
    | PactsVerified
    | Observed
    | CompanySeen
    | SpansSeen
    | Noted
    | MatrixCellEnded
    | MatrixEnded
    | CellShrunk
    | BudgetMeasured
    | Audited
    | LoadPhaseEnded
    | CapacityMeasured
    | WorkerJoined
    | WorkerLost
    | RunEnded
)


@cache
def _adapter() -> TypeAdapter[Event]:
    return TypeAdapter(Annotated[Event, Field(discriminator="type")])


_writers: dict[str, TypeAdapter[Any]] = {}
"""By type, made when it is first written: the first line of a run need not wait until all of them are understood."""


def to_json(event: Event) -> bytes:
    """The event as one line of JSON, without the newline; fields that have their default are left out."""
    if event.type not in _writers:
        _writers[event.type] = TypeAdapter(type(event))
    fields: dict[str, JsonValue] = _writers[event.type].dump_python(event, mode="json", exclude_defaults=True)
    return json.dumps({"type": event.type, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(line: bytes | str) -> Event:
    """The event on a line of a journal; raises `pydantic.ValidationError` when it is none."""
    return _adapter().validate_json(line)
