"""Conducts the resilience matrix: every journey, every edge that it crosses, every kind of failure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.checkers.alike import Pruning, Seen, prune
from harness.checkers.clean_class import CleanClass
from harness.checkers.telling import telling_order
from harness.engine.calls import listen
from harness.engine.cell import Pace
from harness.engine.counted_visits import CountedVisits
from harness.engine.familiar import Background, Familiar, deadline_of, get_to_know, measure_background, warm_up
from harness.engine.ground import Ground
from harness.engine.kinds import applies, known_kinds
from harness.engine.matrix_told import Tallied, finding_of, outlook_of
from harness.engine.trials import Trials
from harness.errors import HarnessError
from harness.model.events import FindingMade, MatrixCellEnded, MatrixEnded
from harness.model.finding import Finding
from harness.model.matrix import KINDS, LINE_KINDS, Cell, CellVerdict, FirstFault, Kind, Outlook, Rule
from harness.model.verdict import Verdict

ORDER = tuple(kind for kind in LINE_KINDS)
"""As cells are tried where one service is tested."""
TRIES = 3
"""So often is a journey got to know until it is clean: others may keep this machine busy."""
MOST_FOUND_EDGES = 10
"""Edges of a journey, seen under a fault only, that get cells of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cells, and at what pace; all journeys, edges or kinds where none are named."""

    journeys: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    changed: str = ""
    """Only edges from and to this service."""
    prune: bool = True
    """Leave out cells that could tell nothing new."""
    ends_at: float | None = None
    """Seconds since the run began after which no further cell is tried; None: all are."""
    earlier: tuple[CellVerdict, ...] = ()
    """What a run came to that was cut short: those cells are not tried again."""
    cells: tuple[Cell, ...] = ()
    """Only these, and the cells of their first faults; all when empty."""
    excused: Callable[[Finding], Finding] = lambda finding: finding
    """Says why what is red does not make the run red."""
    pace: Pace


@dataclass(slots=True)
class _Counted:
    """What was done besides conducting cells."""

    not_applicable: int = 0
    known_s: float = 0.0
    places: set[tuple[str, str]] = field(default_factory=set)
    """Journey and edge that have cells."""


class Matrix:
    """One matrix of one system that is up."""

    def __init__(self, ground: Ground, wanted: Wanted) -> None:
        self._visits = CountedVisits(ground.visitor)
        self.ground = self._ground = replace(ground, visitor=self._visits)
        self._wanted = wanted
        self._numbers: Iterator[int] = itertools.count(1)
        self._kinds = known_kinds(kind for kind in wanted.kinds or KINDS)
        self._earlier = {each.cell: each for each in wanted.earlier if _holds(each)}
        self._queue: list[Cell] = []
        self._stands: dict[Cell, tuple[Cell, str]] = {}
        self.trials = self._trials = Trials(self._ground, wanted.pace, self._numbers, lambda: self.is_over)
        self._counted = _Counted()
        self.known: list[Familiar] = []

    @property
    def results(self) -> list[CellVerdict]:
        """What came of the cells so far."""
        return self._trials.results

    async def run(self) -> Outlook:
        """The most telling cells first, each told as it ends; what can't be done makes its cells UNKNOWN.

        What there is no time for is told as untested.
        """
        ground = self._ground
        began = ground.now()
        crossed = await ground.counts()
        journeys = tuple(name for name in ground.visitor.journeys if name in (self._wanted.journeys or (name,)))
        for journey in journeys:
            await self._warm_up(journey)
        background = await measure_background(ground)
        for journey in journeys:
            await self._journey(journey, background)
        if self._wanted.prune:
            await self._listen()
        for known in self.known:
            await self._placebo(known)
        self._plan()
        self._counted.known_s = ground.now() - began
        untested = await self._conduct()
        self._fill_in(untested)
        tallied = await self._tallied(began, crossed, untested)
        outlook = outlook_of(ground.topology, self.known, self.results, untested, tallied)
        ground.record(MatrixEnded(t=ground.now(), outlook=outlook))
        return outlook

    async def _journey(self, journey: str, background: Background) -> None:
        ground = self._ground
        ground.say(f"{journey}: visits without any fault")
        known = await self._get_to_know(journey, background)
        self.known.append(known)
        if known.trouble:
            ground.say(f"  {journey} is not clean: {known.trouble}")
        else:
            ground.say(f"  it crosses {', '.join(known.usual) or 'no edge that is known'}")

    async def _listen(self) -> None:
        ground = self._ground
        try:
            await listen(ground, self.known, self._numbers)
        except HarnessError as error:
            ground.say(f"nothing is pruned, since calls can't be heard: {error}")

    async def _placebo(self, known: Familiar) -> None:
        placebo = await self._try(known, Cell(journey=known.journey, edge="", kind=Kind.PLACEBO))
        if placebo.verdict is not Verdict.PASS and not known.clean.trouble:
            known.clean = replace(known.clean, trouble=f"its placebo is {placebo.verdict}: {placebo.reason}")

    def _plan(self) -> None:
        """All cells of the edges that are crossed, those left out that could tell nothing new."""
        cells: list[Cell] = []
        for known in self.known:
            for earlier in self._earlier.values():
                if earlier.cell.journey == known.journey:
                    self._restore_found(known, earlier)
            cells += [cell for edge in known.usual if self.wants(edge) for cell in self._row(known, edge)]
            for edge, (first, _) in known.found.items():
                cells += self._row(known, edge, first) if self.wants(edge) else ()
        pruning = prune(cells, self._seen(), self.critical) if self._wanted.prune else Pruning(kept=tuple(cells))
        self._stands |= pruning.stands
        self._queue = self._ordered(pruning.kept)
        pruned = f", and {len(pruning.stands)} that could tell nothing new are left out" if pruning.stands else ""
        self._ground.say(f"{len(self._queue)} cells{pruned}")

    def _ordered(self, cells: Iterable[Cell]) -> list[Cell]:
        return telling_order(cells, self.critical, self._ground.topology.system.stores)

    def _seen(self) -> dict[tuple[str, str], Seen]:
        """What services see, and what the journey is held to there: only by both is one cell as good as another."""
        found = {}
        for known in self.known:
            for edge, seen in known.seen.items():
                owed = self._trials.owed(known, Cell(journey=known.journey, edge=edge, kind=Kind.REFUSED))
                held_to = (known.deadline_s, bool(owed.usable), bool(owed.needed))
                found[known.journey, edge] = replace(seen, held_to=held_to)
        return found

    def _was_never_crossed(self, known: Familiar, result: CellVerdict) -> bool:
        """Whether an edge that seemed to be crossed is not: then none of its cells are any.

        Told by the first of them, of edges that others cross too, and by the first that nothing met, of edges that a
        first fault seemed to open (unless a cell is red): what crosses by itself now and then may be taken for its own.
        """
        cell = result.cell
        row = _row_of(cell)
        met = [each for each in self.results if _row_of(each.cell) == row]
        missed = any(each.rule is Rule.NOT_CROSSED for each in result.findings)
        guessed = cell.first is not None or cell.edge in known.hidden
        told = any(each.verdict is Verdict.FAIL for each in met) if cell.first is not None else len(met) > 1
        if not guessed or not missed or cell.edge in self._wanted.edges or told:
            return False
        self._ground.say(
            f"  {cell.journey} does not cross {cell.edge} after all" + (f" when {cell.first}" if cell.first else "")
        )
        self._trials.withdraw(cell)
        self._queue = [each for each in self._queue if _row_of(each) != row]
        self._stands = {each: other for each, other in self._stands.items() if _row_of(each) != row}
        if cell.first is None:
            known.usual = {edge: count for edge, count in known.usual.items() if edge != cell.edge}
        known.found.pop(cell.edge, None)
        known.refuted.add(cell.edge)
        return True

    @property
    def critical(self) -> tuple[str, ...]:
        """The journeys that matter most."""
        return tuple(name for name, journey in self._ground.topology.system.journeys.items() if journey.critical)

    @property
    def named(self) -> tuple[Cell, ...]:
        """The cells that were asked for by name."""
        return self._wanted.cells

    def is_excused(self, result: CellVerdict) -> bool:
        """Whether somebody accepted it, or it was known."""
        return bool(self._wanted.excused(finding_of(self._ground.topology, result)).excused)

    def wants(self, edge: str) -> bool:
        """Whether an edge was asked for."""
        changed = self._wanted.changed
        if changed and changed not in edge.split("->"):
            return False
        return not self._wanted.edges or edge in self._wanted.edges

    def _row(self, known: Familiar, edge: str, first: FirstFault | None = None) -> list[Cell]:
        """The cells of an edge: what only HTTP can suffer is not applicable elsewhere, and no cell."""
        topology = self._ground.topology
        protocol = topology.protocol(topology.edges[edge])
        self._counted.places.add((known.journey, edge))
        kinds = [kind for kind in self._kinds if applies(kind, protocol)]
        self._counted.not_applicable += len(self._kinds) - len(kinds)
        cells = [Cell(journey=known.journey, edge=edge, kind=kind, first=first) for kind in kinds]
        return [each for each in cells if not self._wanted.cells or self._serves(each)]

    def _serves(self, cell: Cell) -> bool:
        """Whether it is one that was named, or stands for the first fault of one."""
        firsts = {
            Cell(journey=each.journey, edge=each.first.edge, kind=each.first.kind)
            for each in self._wanted.cells
            if each.first
        }
        return cell in self._wanted.cells or cell in firsts

    async def _conduct(self) -> tuple[Cell, ...]:
        """All cells of the queue, and those that turn up meanwhile; gives those for which there was no time."""
        by_name = {known.journey: known for known in self.known}
        while True:
            while self._queue and not self.is_over:
                cell = self._queue.pop(0)
                await self._next(by_name[cell.journey], cell)
            if self.is_over or not self._ask_for_uncrossed():
                silent = {*self._queue}
                return (*self._queue, *(each for each, (other, _) in self._stands.items() if other in silent))

    async def _next(self, known: Familiar, cell: Cell) -> None:
        earlier = self._earlier.get(cell)
        if earlier is not None:
            self._take(earlier)
            return
        found = set(known.found)
        result = await self._try(known, cell)
        if result.verdict is Verdict.UNKNOWN:
            self._speak_for_themselves(cell)
        new = [edge for edge in known.found if edge not in found]
        for edge in new[: max(0, MOST_FOUND_EDGES - len(found))]:
            first, _ = known.found[edge]
            self._ground.say(f"  {edge} is crossed only when {first}")
            if self.wants(edge):
                self._queue = self._ordered([*self._queue, *self._row(known, edge, first)])

    def _speak_for_themselves(self, cell: Cell) -> None:
        """What a cell does not tell, those tell that it was to stand for."""
        own = [each for each, (other, _) in self._stands.items() if other == cell]
        for each in own:
            del self._stands[each]
        if own:
            self._queue = self._ordered([*self._queue, *own])

    @property
    def is_over(self) -> bool:
        """Whether there is no time for anything more."""
        return self._wanted.ends_at is not None and self._ground.now() >= self._wanted.ends_at

    def _ask_for_uncrossed(self) -> bool:
        """Edges that were named get cells though nothing was seen to cross them; whether there are such."""
        for known in self.known:
            for edge in self._wanted.edges:
                if (known.journey, edge) not in self._counted.places:
                    self._queue += self._row(known, edge)
        return bool(self._queue)

    def _take(self, earlier: CellVerdict) -> None:
        """A result of a run that was cut short."""
        self.results.append(earlier)
        self._ground.record(MatrixCellEnded(t=self._ground.now(), result=earlier))
        self._ground.record(FindingMade(t=self._ground.now(), finding=finding_of(self._ground.topology, earlier)))

    def _restore_found(self, known: Familiar, earlier: CellVerdict) -> None:
        first = FirstFault(edge=earlier.cell.edge, kind=earlier.cell.kind)
        for edge in earlier.opened:
            if edge in self._ground.topology.edges and edge not in known.usual:
                known.found.setdefault(edge, (first, 1.0))

    def _fill_in(self, untested: Sequence[Cell]) -> None:
        """Tell of the cells that others stand for, once those are known; what was not tested stands for nothing."""
        known = {each.cell: each for each in self.results}
        for cell, (other, why) in self._stands.items():
            if other in known and other not in untested:
                result = replace(known[other], cell=cell, stands=other, pruned=why, took_s=0.0, trials=0, samples=0)
                self.results.append(replace(result, replay=self._ground.replay(cell), opened=()))
                self._ground.record(MatrixCellEnded(t=self._ground.now(), result=self.results[-1]))

    async def _tallied(self, began: float, before: Mapping[str, int] | None, untested: Sequence[Cell]) -> Tallied:
        try:
            after = await self._ground.counts()
        except HarnessError:
            after = None
        requests = sum(after.values()) - sum(before.values()) if after is not None and before is not None else None
        return Tallied(
            in_all_s=self._ground.now() - began,
            known_s=self._counted.known_s,
            visits=self._visits.paid,
            requests=requests,
            not_applicable=self._counted.not_applicable,
            untested=len(untested),
        )

    async def _warm_up(self, journey: str) -> None:
        self._ground.say(f"{journey}: warming up")
        try:
            await warm_up(self._ground, journey, self._numbers)
        except HarnessError as error:
            self._ground.say(f"  {journey} can't be visited: {error}")

    async def _get_to_know(self, journey: str, background: Background) -> Familiar:
        try:
            known = await get_to_know(self._ground, journey, self._numbers, background)
            for _ in range(1, TRIES):
                if not known.trouble:
                    break
                self._ground.say(f"  once more, since it was not clean: {known.trouble}")
                if sick := await self._ground.put_right():
                    self._ground.say(f"  started anew, since it died or hung: {', '.join(sick)}")
                await warm_up(self._ground, journey, self._numbers)
                known = await get_to_know(self._ground, journey, self._numbers, background)
        except HarnessError as error:
            clean = CleanClass(journey=journey, trouble=str(error))
            known = Familiar(journey=journey, clean=clean, deadline_s=deadline_of(self._ground, journey))
        return known

    async def _try(self, known: Familiar, cell: Cell) -> CellVerdict:
        """Conduct a cell, and tell of it."""
        ground = self._ground
        result = await self._trials.conduct(known, cell)
        if self._was_never_crossed(known, result):
            return result
        ground.record(MatrixCellEnded(t=ground.now(), result=result))
        # What makes a whole journey UNKNOWN is told once, by its placebo.
        if not known.clean.trouble or cell.kind is Kind.PLACEBO:
            ground.record(FindingMade(t=ground.now(), finding=finding_of(ground.topology, result)))
            ground.say(f"  {result.verdict:7} {cell}: {result.reason}")
        return result


def _row_of(cell: Cell) -> tuple[str, str, FirstFault | None]:
    """The cells of one edge for one journey."""
    return cell.journey, cell.edge, cell.first


def _holds(earlier: CellVerdict) -> bool:
    """Whether a result of an earlier run can be taken over: it was conducted, and came to a verdict."""
    return earlier.stands is None and earlier.verdict is not Verdict.UNKNOWN and earlier.cell.kind is not Kind.PLACEBO
