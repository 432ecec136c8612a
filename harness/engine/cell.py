"""Conducts one cell of the matrix: break, visit, heal, and see that all is as before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.checkers.cells import common_gaps
from harness.checkers.clean_class import marked, same_class, widened
from harness.checkers.state import NO_STATE, StateSeen, Views, not_told_no, state_seen
from harness.checkers.trial import Crossed, Trial
from harness.engine.cell_faults import CellFaults, delay_of
from harness.engine.familiar import AT_ONCE, Familiar, between, quiet_views
from harness.engine.ground import Counts, Ground
from harness.engine.milder import Milder
from harness.engine.posted import Posted
from harness.engine.proxy_watch import watched
from harness.engine.turns import ill_by_a_way_in, one_or_more
from harness.errors import HarnessError
from harness.model.matrix import SLOW_KINDS, Cell, Kind, Rule
from harness.model.visits import Visit

RECOVER_WITHIN_S = 10.0
"""For how long a breaker may stay open after the healing."""
LOOK_S = 0.25
VISIT_LIMIT_S = 180.0
"""A visit that takes longer is given up, whatever its customer's patience."""
LONG_VISIT_S = 0.3
"""Visits that take longer are paid at the same time, where the system was seen to bear that."""
HANGS_BUDGET_S = 4.0
"""After a visit that hung no other is made when they took so long together."""
HOLD_S = 3.0
"""For so long a fault stays after the visits where a connection stands and whoever lost it asks again by and by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many visits a cell gets, and how long what was broken has to be well again."""

    visits: int
    restart: bool
    recover_within_s: float = RECOVER_WITHIN_S


class CellRun:
    """One cell from arming to what comes after its healing."""

    def __init__(  # noqa: PLR0913 -- what, where, how, whether visits are paid in turn, and by which fault
        self,
        ground: Ground,
        known: Familiar,
        cell: Cell,
        pace: Pace,
        numbers: Iterator[int],
        *,
        in_turn: bool = False,
        milder: Milder | None = None,
    ) -> None:
        long = cell.kind in SLOW_KINDS or known.visit_s >= LONG_VISIT_S
        self._milder = milder
        self._wanted = (milder.visits if milder else None) or pace.visits
        bears = known.at_once and not in_turn and self._wanted > 1
        self._at_once = bears and long
        self._ground = ground
        self._known = known
        self._cell = cell
        self._pace = pace
        self._numbers = numbers
        self._faults = CellFaults(ground, known, cell, milder)
        self._after: list[Visit] = []
        self._sick: set[str] = set()
        self._posted = Posted(ground, known, cell)
        self._beside = bears and not self._posted.listens  # what is posted is told apart better in turn
        self.crossed: dict[str, int] = {}
        """Edge → requests that the visits made while the fault was in force."""

    async def run(self, already: frozenset[Rule] = frozenset()) -> Trial:
        """Do all of it; what goes wrong in the harness is told in the trial, and everything is healed."""
        ground, began = self._ground, self._ground.clock.now()
        trial = Trial(cell=self._cell, clean=self._known.clean, already=already)
        try:
            async with watched(ground.put_right, self._sick.update):
                trial = await self._under_fault(trial)
        except HarnessError as error:
            trial = replace(trial, trouble=str(error))
        finally:
            healed = await self._faults.heal()
        trial = replace(trial, sick=tuple(sorted(self._sick)))
        if healed is not None:
            trial = replace(trial, healed=healed)
            if healed.hits is not None and healed.hits.exchanges is not None:
                trial = replace(trial, crossed=replace(trial.crossed, count=healed.hits.exchanges))
            elif healed.hits is not None and self._milder is not None and self._milder.provider_index is not None:
                # What crossed to the other instances met nothing.
                trial = replace(trial, crossed=replace(trial.crossed, count=healed.hits.requests, own=False))
            elif healed.hits is not None and self._stands:
                trial = replace(trial, crossed=replace(trial.crossed, opened=healed.hits.connections))
        if trial.visits:
            try:
                trial = await self._afterwards(trial)
            except HarnessError as error:
                trial = replace(trial, trouble=trial.trouble or str(error))
        return replace(trial, took_s=ground.clock.now() - began)

    async def _under_fault(self, trial: Trial) -> Trial:
        ground, known = self._ground, self._known
        self._before: Views = await quiet_views(ground, known) if known.witnesses.shows else {}
        ground.deaths()
        first = await self._faults.arm_first()
        if first is not None and not first.in_force:
            return replace(trial, armed=first)
        began = ground.clock.now()
        before = await ground.counts()
        async with self._faults.arming() as arming:
            if await arming.comes_on():
                trial = await self._visited(trial, before, began)
            return replace(trial, armed=await arming.outcome())

    async def _visited(self, trial: Trial, before: Counts | None, began: float) -> Trial:
        ground, known, cell = self._ground, self._known, self._cell
        async with self._posted:
            visits = await self._visits_while_it_lasts()
        crossed = await self._crossings(before, began, len(visits))
        delay_s = delay_of(ground, known, cell.edge) if cell.kind is Kind.LATENCY else 0.0
        delay_s = self._milder.delay_s if self._milder else delay_s
        trial = replace(trial, visits=tuple(visits), at_once=self._at_once, crossed=crossed, delay_s=delay_s)
        return replace(trial, twice=self._posted.twice(alone=not self._at_once))

    async def _visits_while_it_lasts(self) -> list[Visit]:
        """All visits; a fault that is to last for a while only is taken back meanwhile."""
        lasts_s = self._milder.lasts_s if self._milder else None
        if lasts_s is None:
            return await self._visits()
        ending = asyncio.ensure_future(self._faults.end_after(lasts_s))
        try:
            return await self._visits()
        finally:
            if not ending.done():
                ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _visits(self) -> list[Visit]:
        """As many as the pace has it, at the same time where they take long; fewer in turn when they hang."""
        clock, began = self._ground.clock, self._ground.clock.now()
        visits: list[Visit] = []
        while (left := self._wanted - len(visits)) and not (visits and self._sick):
            most = min(left, AT_ONCE)
            if self._at_once:
                visits += await asyncio.gather(*(self._visit() for _ in range(most)))
            else:
                paid = await one_or_more(self._visit, most if self._beside else 1)
                self._at_once = len(paid) > 1
                visits += paid
            await self._posted.visited()
            if self._hung(visits[-1]) and clock.now() - began >= HANGS_BUDGET_S:
                break
        return visits

    async def _crossings(self, before: Counts | None, began: float, visits: int) -> Crossed:
        """What met the fault, which is kept in force until something did where its consumer asks later."""
        clock = self._ground.clock
        crossed, limit = await self._crossed_since(before, began, visits), clock.now() + HOLD_S
        while self._stands and crossed.count is not None and not crossed.met and clock.now() < limit:
            await clock.sleep(LOOK_S)
            crossed = await self._crossed_since(before, began, visits)
        return crossed

    @property
    def _stands(self) -> bool:
        """Whether the journey goes by a standing connection: once cut, nothing crosses until it is made again."""
        topology, edge = self._ground.topology, self._cell.edge
        if self._cell.first or self._cell.kind is Kind.REFUSED or self._milder or edge not in self._known.own:
            return False
        return topology.is_store(topology.edges[edge].provider)

    async def _crossed_since(self, before: Counts | None, began: float, visits: int) -> Crossed:
        after, took_s = await self._ground.counts(), self._ground.clock.now() - began
        known, edge = self._known, self._cell.edge
        usual, own = self._known_to_cross()
        if before is None or after is None:
            return Crossed(count=None, usual=usual)
        self.crossed = between(before, after)
        return Crossed(
            count=self.crossed.get(edge, 0),
            background=known.background.most(edge, took_s),
            unseen=known.background.unseen(took_s),
            visits=visits,
            usual=usual,
            own=own,
            opened=await self._faults.opened() if self._stands else 0,
        )

    def _known_to_cross(self) -> tuple[float, bool]:
        """How often a visit crosses without the fault at least, and whether each is known to."""
        known, edge = self._known, self._cell.edge
        if self._cell.first is not None:
            return known.found[edge][1] if edge in known.found else 0.0, False
        usual, own = known.usual.get(edge, 0.0), edge in known.own
        if self._cell.kind is Kind.REFUSED and edge in known.crosses:
            own = known.crosses[edge]  # as was seen last, since nothing counts what is refused
            usual *= own
        return usual, own

    async def _visit(self) -> Visit:
        number = next(self._numbers)
        try:
            async with asyncio.timeout(VISIT_LIMIT_S):
                visit = await self._ground.visitor.visit(self._cell.journey, number=number)
        except TimeoutError as error:
            raise HarnessError(f"visit {number} did not end within {VISIT_LIMIT_S:g} s") from error
        return marked(visit, self._known.clean, self._ground.topology.system.degraded)

    def _hung(self, visit: Visit) -> bool:
        return any(each.took_s > self._known.deadline_s for each in visit.exchanges)

    async def _afterwards(self, trial: Trial) -> Trial:
        trial = replace(trial, state=await self._state(trial))
        recovered_s, ill = await self._recover(trial)
        deaths = self._ground.deaths()
        trial = replace(trial, recovered_s=recovered_s, after=tuple(self._after), ill=ill, deaths=deaths)
        if recovered_s is not None and not deaths:
            return trial
        if self._pace.restart:
            try:
                await self._ground.restart()
            except HarnessError as error:
                ill = f"{ill}; the services could not be restarted: {error}"
            else:
                trial = replace(trial, restarted=True)
                recovered_s, ill = await self._recover(trial)
        if recovered_s is None:
            self._known.sick = f"since {self._cell} it has not been as before: {ill}"
        return trial

    async def _state(self, trial: Trial) -> StateSeen:
        """Looked at only where commands were refused, and something would show an accepted one."""
        known = self._known
        commands = not_told_no(trial.visits)
        if commands == "no command was sent":
            return NO_STATE
        if commands or not known.witnesses.shows or not self._before:
            return state_seen(known.witnesses, self._before, {}, trial.visits)
        return state_seen(known.witnesses, self._before, await quiet_views(self._ground, known), trial.visits)

    async def _settled(self, trial: Trial, visit: Visit, began: float) -> Visit:
        """A visit whose answers have again what all lacked under the fault; the last if none has in time.

        Whoever has an open breaker, or remembers, may go on for a while to answer without.
        """
        known, clock = self._known, self._ground.clock
        lacked = common_gaps(trial.clean, trial.visits).keys()
        while lacked & common_gaps(trial.clean, [visit]).keys():
            if clock.now() - began >= self._pace.recover_within_s:
                break
            await clock.sleep(LOOK_S)
            again = await self._visit()
            if not same_class(known.clean, again, deadline_s=known.deadline_s):
                visit = again
        return visit

    async def _recover(self, trial: Trial) -> tuple[float | None, str]:
        """Seconds until visits were of the clean class again by each way in, or why one was not."""
        clock, known = self._ground.clock, self._known
        began = clock.now()
        while True:
            since = clock.now()
            visit, ill = await ill_by_a_way_in(
                self._ground.topology, self._visit, known.clean, deadline_s=known.deadline_s
            )
            if not ill:
                break
            if clock.now() - began >= self._pace.recover_within_s:
                return None, ill
            await clock.sleep(LOOK_S)
        self._after = [await self._settled(trial, visit, began)]
        known.clean = widened(known.clean, self._after[0])
        return since - began, ""
