"""What the markers `chaos`, `slo` and `cells` ask for: read before anything is started, and then done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.declare.validate import nearest
from harness.engine.kinds import applies, fault_of, known_kinds
from harness.errors import HarnessError, Inconclusive
from harness.model.fault import EdgeTarget, FaultSpec, InstanceTarget, Target
from harness.model.matrix import KINDS, Kind
from harness.model.quantity import Duration, Share
from harness.model.system import edge_name
from harness.model.topology import Topology
from harness.testing.figure import Figure
from harness.testing.measured import Measured

if TYPE_CHECKING:
    from harness.testing.system import Breakable, SystemUnderTest
    from harness.testing.visits import Visited

OBJECTIVES: Mapping[str, type[Duration | Share]] = {
    "errors": Share,
    "degraded": Share,
    "p50": Duration,
    "p99": Duration,
}
MEASURED = "10s"
"""How long is measured for a marker that does not say."""
LONGEST_S = 600.0
MOST_CELLS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What customers must be able to count on; of all journeys when `journey` is empty."""

    journey: str
    figure: str
    below: str

    def __str__(self) -> str:
        """`browse p99 < 800ms`."""
        return f"{self.journey or 'all journeys'} {self.figure} < {self.below}"

    def refuted(self, measured: Measured) -> str:
        """What was measured instead; empty when it was kept. Raises Inconclusive when nothing can be said."""
        found: Figure = getattr(measured[self.journey] if self.journey else measured, self.figure)
        return "" if found < self.below else f"{self.journey or 'all'}: {found.explained('<', self.below)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the markers of one test ask for."""

    breaks: tuple[tuple[Target, FaultSpec], ...]
    objectives: tuple[Objective, ...]
    over_s: float

    def __str__(self) -> str:
        """In words, for a test that is not run."""
        told = [f"{target} under {fault.describe()}" for target, fault in self.breaks]
        return "; ".join([*told, *map(str, self.objectives)])

    @contextmanager
    def held(self, system: SystemUnderTest) -> Iterator[None]:
        """The faults are in force while the body runs, and when it ended well the objectives are measured under them.

        Raises:
            AssertionError: when one is not kept, with all that are not.
            Inconclusive: when a fault is not in force, or too little was measured.
        """
        __tracebackhide__ = True
        with ExitStack() as stack:
            for target, fault in self.breaks:
                stack.enter_context(_found(system, target).under(fault))
            yield
            if self.objectives:
                self._measure(system)

    def _measure(self, system: SystemUnderTest) -> None:
        __tracebackhide__ = True
        measured = system.load.measure(Duration(self.over_s))
        refuted: list[str] = []
        doubts: list[str] = []
        for each in self.objectives:
            try:
                refuted.append(each.refuted(measured))
            except Inconclusive as error:
                doubts.append(str(error))
        if told := "\n".join(filter(None, refuted)):
            raise AssertionError(told)
        if doubts:
            raise Inconclusive("\n".join(doubts))


Asked = tuple[tuple[Any, ...], Mapping[str, Any]]
"""The arguments of a marker."""


def plan_of(chaos: Sequence[Asked], slo: Sequence[Asked], topology: Topology) -> Plan:
    """Read the markers of a test; those of its class and module come first.

    Raises:
        HarnessError: when one asks for what the system does not have, or for what the marker does not know.
    """
    breaks = [_break(arguments, options, topology) for arguments, options in chaos if arguments or options]
    objectives = [each for arguments, options in slo for each in _objectives(arguments, options, topology)]
    spans = [float(Duration.parse(options.get("over", MEASURED))) for _, options in slo]
    over_s = max(spans, default=0.0)
    if over_s > LONGEST_S:
        raise HarnessError(f"expected slo to measure over at most {Duration(LONGEST_S)}, found {Duration(over_s)}")
    return Plan(breaks=tuple(breaks), objectives=tuple(objectives), over_s=over_s)


def _break(arguments: Sequence[Any], options: Mapping[str, Any], topology: Topology) -> tuple[Target, FaultSpec]:
    example = 'chaos(latency("1s"), edge=("gateway", "catalog")), or chaos(kill(), instance="payments")'
    if len(arguments) != 1 or not isinstance(arguments[0], FaultSpec) or len(options) != 1:
        raise HarnessError(f"expected a fault and where it acts, as in {example}; found {arguments} {dict(options)}")
    fault, (where, value) = arguments[0], next(iter(options.items()))
    if where not in {"edge", "instance"} or fault.acts_on != where:
        raise HarnessError(f"expected {fault.kind} on an {fault.acts_on}, found {where}={value!r}")
    return (_edge(value, topology) if where == "edge" else _instance(value, topology)), fault


def _edge(value: object, topology: Topology) -> EdgeTarget:
    match value:
        case (str(consumer), str(provider)):
            pass
        case str(text):
            consumer, _, provider = (each.strip() for each in text.partition("->"))
        case _:
            raise HarnessError(f"expected an edge as in ('gateway', 'catalog') or 'gateway->catalog', found {value!r}")
    if edge_name(consumer, provider) not in topology.edges:
        name = edge_name(consumer, provider)
        raise HarnessError(f"no edge '{name}'; {nearest(name, topology.edges)}")
    return EdgeTarget(consumer=consumer, provider=provider)


def _instance(value: object, topology: Topology) -> InstanceTarget:
    match value:
        case str(service):
            index = 1
        case (str(service), int(index)):
            pass
        case _:
            raise HarnessError(f"expected an instance as in 'payments' or ('payments', 2), found {value!r}")
    known = topology.instances_of(service)
    if index not in {each.index for each in known}:
        there = ", ".join(each.name for each in known) or "none of that name"
        raise HarnessError(f"no instance {service}-{index}; there is {there}")
    return InstanceTarget(service=service, index=index)


def _objectives(arguments: Sequence[Any], options: Mapping[str, Any], topology: Topology) -> Iterator[Objective]:
    journeys = topology.system.journeys
    if len(arguments) > 1:
        raise HarnessError(f"expected one journey or none, found {arguments}")
    journey = arguments[0] if arguments else ""
    if journey and journey not in journeys:
        raise HarnessError(f"no journey '{journey}'; {nearest(str(journey), journeys)}")
    figures = {name: value for name, value in options.items() if name != "over"}
    if not figures or figures.keys() - OBJECTIVES.keys():
        found = ", ".join(figures) or "none"
        raise HarnessError(f"expected slo to bound {', '.join(OBJECTIVES)}, as in slo(errors='1%'); found {found}")
    for name, value in figures.items():
        OBJECTIVES[name].parse(value)
        yield Objective(journey=journey, figure=name, below=str(value))


def _found(system: SystemUnderTest, target: Target) -> Breakable:
    if isinstance(target, EdgeTarget):
        return system.edge(target.consumer, target.provider)
    return system.instance(target.service, target.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One cell of the matrix, for a test that is run with each."""

    journey: str
    edge: tuple[str, str]
    kind: Kind
    visited: Callable[[MatrixCell], Visited]

    def visit(self) -> Visited:
        """See `Breakable.visit`: true when all that the cell is held to was kept."""
        return self.visited(self)


Place = tuple[str, str, str]
"""Journey, edge and kind, as plain text: what a worker of pytest-xdist tells the others."""


def cells_of(options: Mapping[str, Any], topology: Topology) -> list[Place]:
    """The cells that a marker names, those left out that an edge can't have.

    Raises:
        HarnessError: when it names what there is not.
    """
    kinds = known_kinds(KINDS)
    chosen = _chosen(
        options,
        {"journeys": tuple(topology.system.journeys), "edges": tuple(topology.edges), "kinds": tuple(map(str, kinds))},
    )
    found = [
        (journey, edge, kind)
        for journey in chosen["journeys"]
        for edge in chosen["edges"]
        for kind in chosen["kinds"]
        if applies(Kind(kind), topology.protocol(topology.edges[edge]))
    ]
    if len(found) > MOST_CELLS:
        raise HarnessError(f"expected at most {MOST_CELLS} cells, found {len(found)}; name journeys, edges or kinds")
    return found


def _chosen(options: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    if strange := options.keys() - known.keys():
        raise HarnessError(f"expected cells to choose {', '.join(known)}, found {', '.join(sorted(strange))}")
    chosen = {name: tuple(options.get(name, everything)) for name, everything in known.items()}
    for name, values in chosen.items():
        for value in values:
            if value not in known[name]:
                raise HarnessError(f"no such one of {name}: '{value}'; {nearest(str(value), known[name])}")
    return chosen


def cell_at(place: Place, system: SystemUnderTest) -> MatrixCell:
    """A cell of a system that is up."""
    journey, edge, kind = place
    consumer, _, provider = edge.partition("->")

    def visited(cell: MatrixCell) -> Visited:
        from harness.engine.contract_cell import delay_for

        topology = system.topology
        declared, deadline = topology.edges[edge].deadline, topology.system.journeys[journey].deadline
        fault = fault_of(cell.kind, delay_for(float(declared) if declared else None, float(deadline)))
        return system.edge(consumer, provider).visit(journey, under=fault)

    return MatrixCell(journey=journey, edge=(consumer, provider), kind=Kind(kind), visited=visited)
