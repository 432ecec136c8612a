"""What a service told about one call of its own: a span of a trace, on the run's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.observation import Outcome


class SpanKind(StrEnum):
    """Which side of a call the span tells of."""

    CLIENT = "client"
    SERVER = "server"
    INTERNAL = "internal"


class SpanStatus(StrEnum):
    """What the service says came of it; most services leave it unset when all went well."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span. Ids are lower-case hex; `start` and `end` are in seconds of the run's clock."""

    trace: str
    span: str
    parent: str | None
    service: str
    instance: str | None
    """`service.instance.id` as the service gave it, which need not be a name of ours."""
    kind: SpanKind
    name: str
    start: float
    end: float
    status: SpanStatus = SpanStatus.UNSET
    error: str | None = None
    """What went wrong, in the service's words, when it says so."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """The few that somebody reads, by OpenTelemetry's own names."""

    @property
    def duration_s(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyTrace:
    """The trace of one journey that is worth a look: one of the slowest of its second and outcome."""

    t: float
    """When it began."""
    journey: str
    outcome: Outcome
    took_s: float
    trace: str
