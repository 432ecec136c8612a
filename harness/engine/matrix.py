"""Conducts the resilience matrix: every journey, every edge that it crosses, every kind of failure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.checkers.again import settled, wants_another
from harness.checkers.alike import Pruning, Seen, prune
from harness.checkers.cells import judge
from harness.checkers.clean_class import CleanClass, same_class
from harness.checkers.proposals import seen_soft
from harness.checkers.telling import telling_order
from harness.checkers.trial import Owed, Trial, told_apart
from harness.engine.calls import listen
from harness.engine.cell import CellRun, Pace
from harness.engine.familiar import Background, Familiar, deadline_of, get_to_know, measure_background, warm_up
from harness.engine.ground import Ground
from harness.engine.kinds import applies, known_kinds
from harness.engine.matrix_told import Tallied, finding_of, outlook_of
from harness.errors import HarnessError
from harness.model.events import FindingMade, MatrixCellEnded, MatrixEnded
from harness.model.matrix import KINDS, LINE_KINDS, Cell, CellVerdict, FirstFault, Kind, Outlook, Rule
from harness.model.system import CUSTOMERS, Need, edge_name
from harness.model.verdict import Verdict
from harness.model.visits import Visit

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
    pace: Pace


@dataclass(slots=True)
class _Counted:
    """What was done besides conducting cells."""

    visits: int = 0
    not_applicable: int = 0
    known_s: float = 0.0
    places: set[tuple[str, str]] = field(default_factory=set)
    """Journey and edge that have cells."""


class Matrix:
    """One matrix of one system that is up."""

    def __init__(self, ground: Ground, wanted: Wanted) -> None:
        self._ground = replace(ground, visitor=_Counting(ground, self))
        self._wanted = wanted
        self._numbers: Iterator[int] = itertools.count(1)
        self._kinds = known_kinds(kind for kind in wanted.kinds or KINDS)
        self._earlier = {each.cell: each for each in wanted.earlier if _holds(each)}
        self._queue: list[Cell] = []
        self._stands: dict[Cell, tuple[Cell, str]] = {}
        self.counted = _Counted()
        self.results: list[CellVerdict] = []
        self.known: list[Familiar] = []

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
        self.counted.known_s = ground.now() - began
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
            cells += [cell for edge in known.usual if self._is_wanted(edge) for cell in self._row(known, edge)]
            for edge, (first, _) in known.found.items():
                cells += self._row(known, edge, first) if self._is_wanted(edge) else ()
        pruning = prune(cells, self._seen(), self._critical) if self._wanted.prune else Pruning(kept=tuple(cells))
        self._stands |= pruning.stands
        self._queue = telling_order(pruning.kept, self._critical)
        pruned = f", and {len(pruning.stands)} that could tell nothing new are left out" if pruning.stands else ""
        self._ground.say(f"{len(self._queue)} cells{pruned}")

    def _seen(self) -> dict[tuple[str, str], Seen]:
        """What services see, and what the journey is held to there: only by both is one cell as good as another."""
        found = {}
        for known in self.known:
            for edge, seen in known.seen.items():
                owed = self._owed(known, Cell(journey=known.journey, edge=edge, kind=Kind.REFUSED))
                held_to = (known.deadline_s, bool(owed.usable), bool(owed.needed))
                found[known.journey, edge] = replace(seen, held_to=held_to)
        return found

    @property
    def _critical(self) -> tuple[str, ...]:
        return tuple(name for name, journey in self._ground.topology.system.journeys.items() if journey.critical)

    def _is_wanted(self, edge: str) -> bool:
        changed = self._wanted.changed
        if changed and changed not in edge.split("->"):
            return False
        return not self._wanted.edges or edge in self._wanted.edges

    def _row(self, known: Familiar, edge: str, first: FirstFault | None = None) -> list[Cell]:
        """The cells of an edge: what only HTTP can suffer is not applicable elsewhere, and no cell."""
        topology = self._ground.topology
        protocol = topology.protocol(topology.edges[edge])
        self.counted.places.add((known.journey, edge))
        kinds = [kind for kind in self._kinds if applies(kind, protocol)]
        self.counted.not_applicable += len(self._kinds) - len(kinds)
        return [Cell(journey=known.journey, edge=edge, kind=kind, first=first) for kind in kinds]

    async def _conduct(self) -> tuple[Cell, ...]:
        """All cells of the queue, and those that turn up meanwhile; gives those for which there was no time."""
        by_name = {known.journey: known for known in self.known}
        while True:
            while self._queue and not self._over:
                cell = self._queue.pop(0)
                await self._next(by_name[cell.journey], cell)
            if self._over or not self._ask_for_uncrossed():
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
            if self._is_wanted(edge):
                self._queue = telling_order([*self._queue, *self._row(known, edge, first)], self._critical)

    def _speak_for_themselves(self, cell: Cell) -> None:
        """What a cell does not tell, those tell that it was to stand for."""
        own = [each for each, (other, _) in self._stands.items() if other == cell]
        for each in own:
            del self._stands[each]
        if own:
            self._queue = telling_order([*self._queue, *own], self._critical)

    @property
    def _over(self) -> bool:
        return self._wanted.ends_at is not None and self._ground.now() >= self._wanted.ends_at

    def _ask_for_uncrossed(self) -> bool:
        """Edges that were named get cells though nothing was seen to cross them; whether there are such."""
        for known in self.known:
            for edge in self._wanted.edges:
                if (known.journey, edge) not in self.counted.places:
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
            known_s=self.counted.known_s,
            visits=self.counted.visits,
            requests=requests,
            not_applicable=self.counted.not_applicable,
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
                await warm_up(self._ground, journey, self._numbers)
                known = await get_to_know(self._ground, journey, self._numbers, background)
        except HarnessError as error:
            clean = CleanClass(journey=journey, trouble=str(error))
            known = Familiar(journey=journey, clean=clean, deadline_s=deadline_of(self._ground, journey))
        return known

    async def _try(self, known: Familiar, cell: Cell) -> CellVerdict:
        """Conduct and judge a cell as often as it takes, and tell of it; a journey that is not clean is not tried."""
        ground = self._ground
        if known.sick:
            await self._look_again(known)
        trials = [await self._trial(known, cell, in_turn=False)]
        while not known.trouble and not self._over and wants_another(trials):
            ground.say(f"  once more: {cell}: {trials[-1].reason}")
            trials.append(await self._trial(known, cell, in_turn=True))
        result = settled(trials)
        self.results.append(result)
        ground.record(MatrixCellEnded(t=ground.now(), result=result))
        # What makes a whole journey UNKNOWN is told once, by its placebo.
        if not known.clean.trouble or cell.kind is Kind.PLACEBO:
            ground.record(FindingMade(t=ground.now(), finding=finding_of(ground.topology, result)))
            ground.say(f"  {result.verdict:7} {cell}: {result.reason}")
        return result

    async def _trial(self, known: Familiar, cell: Cell, *, in_turn: bool) -> CellVerdict:
        already, opened = self._rules_under(cell), tuple[str, ...]()
        if known.trouble:
            clean = replace(known.clean, trouble=known.trouble)
            trial = Trial(cell=cell, clean=clean, already=already)
        else:
            run = CellRun(self._ground, known, cell, self._wanted.pace, self._numbers, in_turn=in_turn)
            trial = replace(await run.run(already), usable_before=self._usable_before(cell))
            if cell.first is None and cell.kind is not Kind.PLACEBO:
                opened = self._note_found(known, cell, trial, run.crossed)
        replay = self._ground.replay(cell)
        verdict = judge(replace(trial, replay=replay), self._owed(known, cell))
        return replace(await self._ground.blame(trial, verdict), opened=opened)

    async def _look_again(self, known: Familiar) -> None:
        try:
            visit = await self._ground.visitor.visit(known.journey, number=next(self._numbers))
        except HarnessError:
            return
        if not same_class(known.clean, visit, deadline_s=known.deadline_s):
            known.sick = ""

    def _rules_under(self, cell: Cell) -> frozenset[Rule]:
        """What did not hold already under a cell's first fault alone."""
        if cell.first is None:
            return frozenset()
        alone = Cell(journey=cell.journey, edge=cell.first.edge, kind=cell.first.kind)
        return frozenset(each.rule for result in self.results if result.cell == alone for each in result.findings)

    def _usable_before(self, cell: Cell) -> bool:
        """Whether the journey was usable under a cell's first fault alone."""
        if cell.first is None:
            return True
        alone = Cell(journey=cell.journey, edge=cell.first.edge, kind=cell.first.kind)
        return any(result.usable for result in self.results if result.cell == alone)

    def _note_found(self, known: Familiar, cell: Cell, trial: Trial, crossed: Mapping[str, int]) -> tuple[str, ...]:
        """Edges that the visits crossed under this fault, and never without one; those that nobody knew of yet."""
        entry = edge_name(CUSTOMERS, self._ground.topology.system.entry)
        callers = {self._ground.topology.system.entry, *(each.partition("->")[2] for each in known.usual)}
        callers |= {each.partition("->")[2] for each in known.found}
        new = []
        for edge, count in crossed.items():
            if edge.partition("->")[0] not in callers:
                continue  # nobody whom the journey reaches calls there: it is crossed by itself
            expected = known.background.most(edge, trial.took_s)
            unseen, visits = known.background.unseen(trial.took_s), len(trial.visits)
            apart = told_apart(count, background=expected, unseen=unseen, visits=visits)
            if edge not in {*known.usual, *known.found, entry} and apart and visits:
                first = FirstFault(edge=cell.edge, kind=cell.kind)
                known.found[edge] = (first, (count - expected) / visits)
                new.append(edge)
        return tuple(new)

    def _owed(self, known: Familiar, cell: Cell) -> Owed:
        ground = self._ground
        edge = ground.topology.edges.get(cell.edge)
        journey = ground.topology.system.journeys.get(cell.journey)
        needs, without = (journey.needs, journey.usable_without) if journey else ((), ())
        soft = usable = needed = ""
        if edge is not None:
            if cell.provider in needs:
                needed = f"{cell.journey} is declared to need {cell.provider}"
            if cell.provider in without:
                soft = usable = f"{cell.journey} is declared usable without {cell.provider}"
            elif edge.need is Need.SOFT and cell.provider not in needs:
                soft = usable = f"{cell.edge} is declared soft"
            elif cell.provider not in needs and seen_soft(self.results, cell.journey, cell.edge):
                soft = f"{cell.journey} can do without {cell.provider}, as other kinds showed"
        asked = known.clean.requests
        mark = ground.topology.system.degraded
        return Owed(
            deadline_s=known.deadline_s,
            soft=soft,
            usable=usable,
            needed=needed,
            declared={step: ground.declared(method, path) for step, (method, path) in asked.items()},
            refusals={step: ground.promised(method, path) for step, (method, path) in asked.items()},
            edge_deadline_s=float(edge.deadline) if edge is not None and edge.deadline else None,
            marks=bool(mark.header or mark.json_pointer),
            recover_within_s=self._wanted.pace.recover_within_s,
        )


class _Counting:
    """The visitor, with its visits counted."""

    def __init__(self, ground: Ground, matrix: Matrix) -> None:
        self._visitor = ground.visitor
        self._matrix = matrix

    @property
    def journeys(self) -> tuple[str, ...]:
        """See `Visitor`."""
        return self._visitor.journeys

    async def visit(self, journey: str, *, number: int) -> Visit:
        """See `Visitor`."""
        self._matrix.counted.visits += 1
        return await self._visitor.visit(journey, number=number)

    async def close(self) -> None:
        """See `Visitor`."""
        await self._visitor.close()


def _holds(earlier: CellVerdict) -> bool:
    """Whether a result of an earlier run can be taken over: it was conducted, and came to a verdict."""
    return earlier.stands is None and earlier.verdict is not Verdict.UNKNOWN and earlier.cell.kind is not Kind.PLACEBO
