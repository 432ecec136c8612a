"""Conducts and judges cells one by one, each as often as it takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from harness.checkers.again import beside_others, by_chance, by_load, doubted, settled, wants_another, wants_control
from harness.checkers.cells import judge
from harness.checkers.clean_class import same_class
from harness.checkers.trial import Owed, Trial, told_apart
from harness.engine.beside import Beside
from harness.engine.cell import CellRun, Pace
from harness.engine.familiar import Background, Familiar
from harness.engine.ground import Counts, Ground
from harness.engine.leading import led, other_nodes
from harness.engine.milder import Milder
from harness.engine.owed import owed_of
from harness.engine.turns import ill_by_a_way_in
from harness.errors import HarnessError
from harness.model.events import CompanySeen
from harness.model.matrix import Cell, CellVerdict, FirstFault, Kind, Rule
from harness.model.observation import WindowKind
from harness.model.system import CUSTOMERS, edge_name
from harness.model.verdict import Verdict
from harness.model.visits import Visit

LOOKS_LIMIT = 500
"""Trials of which is known what crossed by itself; the oldest are forgotten."""
CONTROL_VISITS = 10
"""Without any fault, for a red cell whose visits disagree: of what fails in every third, one in fifty stays red."""


class Trials:
    """All trials of a matrix, and what came of them.

    Args:
        ground: the system.
        pace: of each trial.
        numbers: of the visits.
        over: whether there is no time for one more.
    """

    def __init__(self, ground: Ground, pace: Pace, numbers: Iterator[int], over: Callable[[], bool]) -> None:
        self._ground = ground
        self._pace = pace
        self._numbers = numbers
        self._over = over
        self._by_itself: deque[tuple[str, float, Counts]] = deque(maxlen=LOOKS_LIMIT)
        """Trial by trial: the faulted edge, seconds, and what crossed that is not the journey's."""
        self._opened: set[str] = set()
        """Edges of which a fault was found to open them."""
        self.results: list[CellVerdict] = []

    async def conduct(self, known: Familiar, cell: Cell) -> CellVerdict:
        """Try a cell, and again where that tells more; a journey that is not clean is not tried."""
        beside = self._ground.beside
        if beside is not None:
            beside.begin_about_now()
        result = await self._as_often_as_it_takes(known, cell)
        if beside is not None:
            result = self._unless_crowded(result, beside)
        self.results.append(result)
        return result

    async def _as_often_as_it_takes(self, known: Familiar, cell: Cell) -> CellVerdict:
        if known.sick:
            await self._look_again(known)
        trials = [await self._once(known, cell, in_turn=False)]
        while not known.clean.trouble and not self._over() and wants_another(trials):
            if known.sick:
                await self._look_again(known)
            if known.sick:
                break
            self._ground.say(f"  once more: {cell}: {trials[-1].reason}")
            trials.append(await self._once(known, cell, in_turn=True))
        opened = set(trials[0].opened)
        if opened and len(trials) == 1 and not self._over():
            # What crosses by itself now and then may have come at that moment: only what comes again was opened.
            trials.append(await self._once(known, cell, in_turn=False))
        if len(trials) > 1:
            opened.intersection_update(*(each.opened for each in trials[1:2]))
        for edge in {edge for each in trials for edge in each.opened} - opened:
            known.found.pop(edge, None)
        self._opened |= opened
        result = replace(settled(trials), opened=tuple(sorted(opened)))
        if wants_control(result, trials) and (ill := await self._ill_without_a_fault(known)):
            result = doubted(result, ill)
        return result

    def _unless_crowded(self, result: CellVerdict, beside: Beside) -> CellVerdict:
        """A red cell is in doubt where others had the processors and it is red by what that does too."""
        if result.verdict is not Verdict.FAIL or not by_load([result]):
            return result
        company, ground = beside.until_now(WindowKind.FAULT), self._ground
        ground.record(CompanySeen(t=ground.now(), experiment=str(result.cell), company=company))
        return beside_others(result, company, beside.neighbours)

    async def _ill_without_a_fault(self, known: Familiar) -> str:
        """Why one of several visits is not as the clean ones, though nothing is broken; empty when all are."""
        for _ in range(CONTROL_VISITS):
            if known.sick or self._over():
                break
            try:
                visit = await self._payer(known)()
            except HarnessError:
                break
            if ill := same_class(known.clean, visit, deadline_s=known.deadline_s):
                return ill
        return ""

    async def under(self, known: Familiar, cell: Cell, milder: Milder) -> CellVerdict:
        """A trial of a cell under a milder fault; no result of the matrix.

        Another where chance kept it from telling, and where it failed as load may do: the better of the two counts.
        """
        verdict = await self._gently(known, cell, milder)
        if by_chance(verdict):
            return await self._gently(known, cell, milder)
        if by_load([verdict]):
            again = await self._gently(known, cell, milder)
            return verdict if by_chance(again) else again
        return verdict

    async def _gently(self, known: Familiar, cell: Cell, milder: Milder) -> CellVerdict:
        if known.sick:
            await self._look_again(known)
        await self._lead(known, cell)
        already = self._rules_under(cell)
        if known.trouble:
            trial = Trial(cell=cell, clean=replace(known.clean, trouble=known.trouble), already=already)
        else:
            run = CellRun(self._ground, known, cell, self._pace, self._numbers, in_turn=True, milder=milder)
            trial = replace(await run.run(already), usable_before=self._usable_before(cell))
        return judge(replace(trial, replay=self._ground.replay(cell)), self.owed(known, cell))

    def withdraw(self, cell: Cell) -> None:
        """Forget a result, of an edge that is not crossed after all."""
        self.results[:] = [each for each in self.results if each.cell != cell]

    def owed(self, known: Familiar, cell: Cell) -> Owed:
        """What a cell is held to, by what is known so far."""
        return owed_of(self._ground, known, cell, self.results, recover_within_s=self._pace.recover_within_s)

    async def _once(self, known: Familiar, cell: Cell, *, in_turn: bool) -> CellVerdict:
        already, opened = self._rules_under(cell), tuple[str, ...]()
        await self._lead(known, cell)
        if known.trouble:
            clean = replace(known.clean, trouble=known.trouble)
            trial = Trial(cell=cell, clean=clean, already=already)
        else:
            run = CellRun(self._ground, known, cell, self._pace, self._numbers, in_turn=in_turn)
            trial = replace(await run.run(already), usable_before=self._usable_before(cell))
            bit = trial.armed is not None and trial.armed.in_force
            if cell.first is None and cell.kind is not Kind.PLACEBO and bit and not trial.sick:
                opened = self._note_found(known, cell, trial, run.crossed)
        replay = self._ground.replay(cell)
        verdict = judge(replace(trial, replay=replay), self.owed(known, cell))
        if cell.first is None and any(each.rule is Rule.NOT_CROSSED for each in verdict.findings):
            known.crosses[cell.edge] = False
        return replace(await self._ground.blame(trial, verdict), opened=opened)

    async def _lead(self, known: Familiar, cell: Cell) -> None:
        """Have the consumer use the node of a cluster that is broken first: where it went last is chance."""
        edge = cell.first.edge if cell.first else cell.edge
        if known.trouble or not other_nodes(self._ground.topology, edge):
            return
        known.crosses[edge] = False
        with suppress(HarnessError):  # the trial will tell
            known.crosses[edge] = await led(self._ground, known, edge, self._payer(known), self._pace.recover_within_s)

    def _payer(self, known: Familiar) -> Callable[[], Awaitable[Visit]]:
        return lambda: self._ground.visitor.visit(known.journey, number=next(self._numbers))

    async def _look_again(self, known: Familiar) -> None:
        with suppress(HarnessError):
            _, ill = await ill_by_a_way_in(
                self._ground.topology, self._payer(known), known.clean, deadline_s=known.deadline_s
            )
            if not ill:
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
        # What is fetched once in a while is seen by long trials only: those of other edges show it, too.
        elsewhere = Background(looks=tuple((took_s, by) for other, took_s, by in self._by_itself if other != cell.edge))
        new = []
        for edge, count in crossed.items():
            if edge.partition("->")[0] not in callers:
                continue  # nobody whom the journey reaches calls there: it is crossed by itself
            if edge in {*known.usual, *known.refuted, entry, cell.edge}:
                continue
            expected = known.background.most(edge, trial.took_s)
            if edge not in self._opened:
                expected = max(expected, elsewhere.most(edge, trial.took_s))
            unseen, visits = known.background.unseen(trial.took_s), len(trial.visits)
            apart = told_apart(count, background=expected, unseen=unseen, visits=visits)
            first = FirstFault(edge=cell.edge, kind=cell.kind)
            by_another = edge in known.found and known.found[edge][0] != first
            if not by_another and apart and visits:
                known.found[edge] = (first, (count - expected) / visits)
                new.append(edge)
        by_itself = {edge: count for edge, count in crossed.items() if edge not in known.usual}
        self._by_itself.append((cell.edge, trial.took_s, by_itself))
        return tuple(new)
