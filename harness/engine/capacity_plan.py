"""What a run is to do that finds out how much a system bears, read and proved sound before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from harness.checkers.capacity_search import Search
from harness.declare.thresholds import Known, parse_threshold
from harness.engine.load_plan import LoadAsked, LoadRun, prepare_load
from harness.errors import InputError
from harness.model.bound import RATES, Bound, Measure
from harness.model.threshold import Threshold
from harness.model.topology import Topology

STEP_S = 20.0
SHORTEST_STEP_S = 5.0
OVERLOAD_TIMES = 2.0
"""The knee, when it is to be seen whether the system sheds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityAsked:
    """What a user asked for."""

    load: LoadAsked = field(default_factory=LoadAsked)
    search: Search
    step_s: float = STEP_S
    objectives: tuple[str, ...] = ()
    target: float | None = None
    """Pages a second that a fleet is reckoned for."""
    redundancy: int = 3
    overload: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRun:
    """What is done."""

    load: LoadRun
    search: Search
    step_s: float
    objectives: tuple[Threshold, ...]
    target: float | None
    redundancy: int
    overload: bool


def prepare_capacity(asked: CapacityAsked) -> CapacityRun:
    """Read all that the run needs; the highest rate it may come to is what must be permitted.

    Raises:
        DeclarationError, InputError, LoadError: as `prepare_load`.
    """
    highest = asked.search.highest * (OVERLOAD_TIMES if asked.overload else 1.0)
    load = prepare_load(replace(asked.load, rate=highest, length_s=asked.step_s))
    known = Known(journeys=tuple(load.topology.system.journeys), phases=())
    own = tuple(parse_threshold(text, known) for text in asked.objectives)
    for each in own:
        if each.figure in RATES:
            message = f"expected an objective that less load would keep too, found one of the {each.figure} itself"
            raise InputError(message, text=each.text, column=1)
    return CapacityRun(
        load=load,
        search=asked.search,
        step_s=asked.step_s,
        objectives=(*own, *_declared(load.topology, own)),
        target=asked.target,
        redundancy=asked.redundancy,
        overload=asked.overload,
    )


def _declared(topology: Topology, own: tuple[Threshold, ...]) -> Iterator[Threshold]:
    """What the description says of a journey's p99, where the user says nothing of it."""
    said = {(each.subject, each.figure) for each in own}
    for name, journey in topology.system.journeys.items():
        limit = journey.objectives.p99
        if limit is not None and (name, Measure.P99) not in said:
            bound = Bound(journey=name, measure=Measure.P99, sign="<", limit=float(limit))
            yield Threshold(text=str(bound), subject=name, figure=Measure.P99, comparison="<", value=float(limit))
