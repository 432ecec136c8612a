"""`harness chaos matrix`: bring a system up, conduct its matrix, take it down; a verdict and its events."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.checkers.excuses import Earlier
from harness.checkers.state import COMMANDS
from harness.declare import load_invariants, load_system, with_tls
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.cell import RECOVER_WITHIN_S, Pace
from harness.engine.concluding import RunResult
from harness.engine.ending import conducted
from harness.engine.excusing import excuses_at, excuses_of
from harness.engine.matrix import Matrix, Wanted
from harness.engine.matrix_ground import ground_of
from harness.engine.matrix_rest import read_at_the_end
from harness.engine.matrix_shrink import measure_budgets, shrink_red
from harness.engine.permission import permit
from harness.engine.session import Say, Session, Settings, replay_command
from harness.engine.visiting import LoadVisitor, open_visitor
from harness.errors import DeclarationError, HarnessError, JournalError, Place, Problem
from harness.load.visits import Visitor
from harness.model.events import Event, MatrixCellEnded, MatrixEnded, PhaseEnded, RunStarted
from harness.model.finding import Finding, Part
from harness.model.invariant import Invariants
from harness.model.matrix import Cell, CellVerdict, Kind
from harness.model.system import CUSTOMERS, Ability, edge_name
from harness.model.topology import Topology
from harness.model.verdict import Verdict, worst
from harness.model.waiver import Waiver
from harness.observe.journal import JOURNAL, read_journal
from harness.runtime.addresses import check_placeholders

VISITS = 2
"""Under each fault, unless the user wants more."""
CHANGED_BUDGET_S = 80.0
"""For what a change to one service touches, from the run's start: somebody waits for it."""

OpenVisitor = Callable[[Session], Awaitable[Visitor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixOptions:
    """What a user asked for; all journeys, edges or kinds where none are named."""

    system: Path
    journeys: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    changed: str = ""
    """Only edges from and to this service."""
    prune: bool = True
    budget_s: float | None = None
    """From the start of the run; what there is no time for is told as untested."""
    resume: Path | None = None
    """The directory of a run that was cut short, or had no time for all: its results are taken over."""
    cells: tuple[Cell, ...] = ()
    """Only these, and what they need; all when empty."""
    against: Path | None = None
    """An earlier run: what was red in it does not make this one red."""
    shrink: bool = False
    """Look for the smallest fault that breaks each red cell."""
    latency_budget: bool = False
    """Look for the delay that each edge bears that a journey can do without."""
    visits: int = VISITS
    restart: bool = True
    recover_within_s: float = RECOVER_WITHIN_S
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixPlan:
    """Everything that was declared, read and found sound before anything starts."""

    topology: Topology
    invariants: Invariants
    restart: bool
    """Whether instances may be restarted: it was asked for, and is allowed."""
    earlier: tuple[CellVerdict, ...] = ()
    """What an earlier run came to."""
    waivers: tuple[Waiver, ...] = ()
    against: Earlier | None = None


def prepare_matrix(options: MatrixOptions) -> MatrixPlan:
    """Read all that the matrix needs.

    Raises:
        DeclarationError: with what is wrong in the description, or not allowed by it, or unknown.
    """
    topology = load_system(options.system)
    topology = with_tls(topology) if options.settings.tls else topology
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    known = [name for name in topology.edges if name != edge_name(CUSTOMERS, topology.system.entry)]
    for edge in options.edges:
        if edge not in known:
            _unknown("edge", edge, known, options.system)
    ends = [*topology.system.services, *topology.system.stores]
    if options.changed and options.changed not in ends:
        _unknown("service", options.changed, ends, options.system)
    earlier = earlier_results(options.resume, topology) if options.resume else ()
    permit(topology, {Ability.LOAD, Ability.FAULTS}, place_of=place_of)
    restart = options.restart
    try:
        permit(topology, {Ability.KILL}, place_of=place_of)
    except DeclarationError:
        restart = False
    invariants = load_invariants(Path(topology.root) / topology.system.content.chaos, topology)
    waivers, against = excuses_of(topology, options.against)
    return MatrixPlan(
        topology=topology,
        invariants=invariants,
        restart=restart,
        earlier=earlier,
        waivers=waivers,
        against=against,
    )


def earlier_results(directory: Path, topology: Topology) -> tuple[CellVerdict, ...]:
    """What the matrix of an earlier run came to, as far as it came.

    Raises:
        DeclarationError: if its journal can't be read, or is one of another system.
    """
    try:
        events = read_journal(directory / JOURNAL).events
    except JournalError as error:
        raise _no_resume(directory, str(error)) from error
    started = next((each for each in events if isinstance(each, RunStarted)), None)
    if started is None or started.system != topology.name:
        found = f"one of {started.system}" if started else "one that does not say of which system"
        raise _no_resume(directory, f"expected a journal of {topology.name}, found {found}")
    results = [each.result for each in events if isinstance(each, MatrixCellEnded)]
    if not results:
        raise _no_resume(directory, "its journal has no cell of a matrix")
    return tuple(replace(each, taken_from=each.taken_from or started.run) for each in results)


def _no_resume(directory: Path, why: str) -> DeclarationError:
    remedy = "give the directory of a run of `harness chaos matrix` on this system"
    return DeclarationError([Problem(place=Place(file=str(directory)), message=why, remedy=remedy)])


def _unknown(what: str, name: str, known: Sequence[str], file: Path) -> None:
    problem = Problem(place=Place(file=str(file)), message=f"no {what} '{name}'", remedy=nearest(name, known))
    raise DeclarationError([problem])


async def run_matrix(options: MatrixOptions, *, say: Say, visitor_of: OpenVisitor = open_visitor) -> RunResult:
    """Conduct the matrix; what was started is stopped again whatever happens.

    Raises:
        HarnessError: if nothing could be run at all; once the system was up, trouble ends in a verdict instead.

    When the task is cancelled, everything is put right, and the result says that it was interrupted.
    """
    plan = prepare_matrix(options)
    session = await Session.open(plan.topology, settings=options.settings, say=say)
    session.recorder.excuses = excuses_at(session.clock, plan.waivers, plan.against)
    work = partial(_conduct, session, plan, options, visitor_of)
    return await conducted(session, work, broken=_broken, say=say, told=with_untested)


async def _conduct(session: Session, plan: MatrixPlan, options: MatrixOptions, visitor_of: OpenVisitor) -> None:
    began = session.now()
    visitor = await visitor_of(session)
    try:
        for name in options.journeys:
            if name not in visitor.journeys:
                _unknown("journey", name, visitor.journeys, options.system)
        pace = Pace(visits=options.visits, restart=plan.restart, recover_within_s=options.recover_within_s)
        wanted = Wanted(
            journeys=options.journeys,
            edges=options.edges,
            kinds=options.kinds,
            changed=options.changed,
            prune=options.prune,
            ends_at=options.budget_s or (CHANGED_BUDGET_S if options.changed else None),
            earlier=plan.earlier,
            cells=options.cells,
            excused=session.recorder.excuses.of_finding if session.recorder.excuses else lambda finding: finding,
            pace=pace,
        )
        replay = partial(replay_of, options=options, seed=session.seed)
        ground = await ground_of(session, visitor, reads=plan.invariants.reads, replay=replay)
        matrix = Matrix(ground, wanted)
        await matrix.run()
        if options.shrink:
            await shrink_red(session, matrix, options.system)
        if options.latency_budget:
            await measure_budgets(session, matrix)
        if any(method in COMMANDS for known in matrix.known for method, _ in known.clean.requests.values()):
            by_load = isinstance(visitor, LoadVisitor)
            await read_at_the_end(session, plan.invariants, by_load=by_load, replay=_whole(options, session.seed))
    finally:
        await asyncio.shield(visitor.close())
    recorder = session.recorder
    for told in recorder.tell_left_over():
        session.say(told)
    recorder.record(PhaseEnded(name="matrix", t=session.now(), took_s=session.now() - began))


def with_untested(events: Sequence[Event], verdict: Verdict, reason: str) -> tuple[Verdict, str]:
    """A verdict by what was tested, which says what it leaves out; UNKNOWN when there was no time for any cell."""
    outlook = next((each.outlook for each in reversed(events) if isinstance(each, MatrixEnded)), None)
    if outlook is None or not outlook.untested:
        return verdict, reason
    cells = outlook.figures.get("cells", 0)
    told = f"{reason}; {len(outlook.untested)} of {cells:.0f} cells were not tested"
    return (worst((verdict, Verdict.UNKNOWN)) if cells <= len(outlook.untested) else verdict), told


def replay_of(cell: Cell, options: MatrixOptions, seed: int) -> str:
    """The command that repeats a cell; a second fault needs the cells of the first."""
    edges = [cell.first.edge] if cell.first else []
    kinds = [cell.first.kind] if cell.first else []
    edges += [cell.edge] if cell.edge and cell.edge not in edges else []
    kinds += [cell.kind] if cell.kind is not Kind.PLACEBO and cell.kind not in kinds else []
    named = [("--journey", cell.journey), *(("--edge", edge) for edge in edges), *(("--kind", kind) for kind in kinds)]
    tls = ["--tls"] if options.settings.tls else []
    tls += ["--visits", str(options.visits)] if options.visits != VISITS else []
    return replay_command(
        *("chaos", "matrix", str(options.system), *tls, "--seed", str(seed), *itertools.chain.from_iterable(named))
    )


def _whole(options: MatrixOptions, seed: int) -> str:
    """The command that repeats the whole matrix."""
    named = [("--journey", name) for name in options.journeys] + [("--edge", edge) for edge in options.edges]
    named += [("--kind", kind) for kind in options.kinds]
    return replay_command(
        *("chaos", "matrix", str(options.system), "--seed", str(seed), *itertools.chain.from_iterable(named))
    )


def _broken(error: HarnessError) -> Finding:
    return Finding(
        check="harness", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason=str(error), subject="the matrix"
    )
