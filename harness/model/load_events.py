"""The events that load generators tell of; they begin sooner without all the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.model.observation import (
    AnswerSecond,
    CrossingSecond,
    DistinctAnswer,
    FinalRead,
    GeneratorSecond,
    JourneySecond,
    Operation,
    ReadySeen,
)
from harness.model.span import JourneyTrace


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Observations of one second, or those that were read at one moment."""

    type: Literal["observed"] = "observed"
    journeys: tuple[JourneySecond, ...] = ()
    answers: tuple[AnswerSecond, ...] = ()
    generator: tuple[GeneratorSecond, ...] = ()
    crossings: tuple[CrossingSecond, ...] = ()
    distinct: tuple[DistinctAnswer, ...] = ()
    operations: tuple[Operation, ...] = ()
    reads: tuple[FinalRead, ...] = ()
    traces: tuple[JourneyTrace, ...] = ()
    readiness: tuple[ReadySeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that a reader will want to know: an instance died, a proxy was restarted, a figure was measured."""

    type: Literal["noted"] = "noted"
    t: float
    message: str
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerJoined:
    """One of several load generators is ready."""

    type: Literal["worker-joined"] = "worker-joined"
    t: float
    worker: str
    """Its name in the rows of `GeneratorSecond`."""
    machine: str
    pid: int
    clock_offset_s: float
    """What was added to its clock to make it the run's; 0 on the same machine."""
    clock_doubt_s: float
    """By how much that may be wrong, at most: its seconds may be off by as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost:
    """One of several load generators is gone before the end: its share of the load was not driven from then on.

    What was due there after `told_until` is counted as `lost` in rows of `GeneratorSecond` in its name.
    """

    type: Literal["worker-lost"] = "worker-lost"
    t: float
    worker: str
    machine: str
    why: str
    told_until: int
    """The second before which all of its journeys' starts were told; journeys then in flight are lost too."""
    left: int
    """Generators that go on."""
    history_whole: bool
    """Whether its history of operations holds every operation whose request may have left."""
