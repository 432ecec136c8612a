"""Conducts the resilience matrix: every journey, every edge that it crosses, every kind of failure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.checkers.cells import judge
from harness.checkers.clean_class import CleanClass, same_class
from harness.checkers.proposals import propose, seen_soft
from harness.checkers.trial import Owed, Trial, told_apart
from harness.engine.cell import CellRun, Pace
from harness.engine.familiar import IDLE_S, Familiar, deadline_of, get_to_know, measure_background, warm_up
from harness.engine.ground import Ground
from harness.errors import HarnessError
from harness.model.events import FindingMade, MatrixCellEnded, MatrixEnded
from harness.model.finding import Finding, Part
from harness.model.matrix import (
    Cell,
    CellFinding,
    CellVerdict,
    FirstFault,
    JourneyCrossings,
    Kind,
    Outlook,
    Rule,
)
from harness.model.system import CUSTOMERS, Need, edge_name
from harness.model.verdict import Verdict

ORDER = (Kind.REFUSED, Kind.RESET, Kind.TRUNCATE_0, Kind.TRUNCATE_HEAD, Kind.LATENCY, Kind.BLACK_HOLE)
"""As cells are tried: by the first is seen whether an edge is soft, which the latency is judged by."""
TRIES = 3
"""So often is a journey got to know until it is clean: others may keep this machine busy."""
MOST_FOUND_EDGES = 10
"""Edges of a journey, seen under a fault only, that get cells of their own."""
VALIDITY_RULES = frozenset(
    {Rule.UNCLEAN, Rule.NOT_IN_FORCE, Rule.NOT_CROSSED, Rule.SHADOWED, Rule.PLACEBO, Rule.HARNESS}
)
CHECK = "matrix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cells, and at what pace; all journeys, edges or kinds where none are named."""

    journeys: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    pace: Pace


class Matrix:
    """One matrix of one system that is up."""

    def __init__(self, ground: Ground, wanted: Wanted) -> None:
        self._ground = ground
        self._wanted = wanted
        self._numbers: Iterator[int] = itertools.count(1)
        self._kinds = tuple(kind for kind in ORDER if not wanted.kinds or kind in wanted.kinds)
        self.results: list[CellVerdict] = []
        self.known: list[Familiar] = []
        self._figures: dict[str, float] = {}

    async def run(self) -> Outlook:
        """All cells, each told as it ends; what can't be done makes its cells UNKNOWN and keeps nobody from others."""
        ground = self._ground
        began = ground.now()
        journeys = tuple(name for name in ground.visitor.journeys if name in (self._wanted.journeys or (name,)))
        for journey in journeys:
            await self._warm_up(journey)
        background = await measure_background(ground)
        for journey in journeys:
            await self._journey(journey, background)
        self._figures |= {
            "journeys": float(len(journeys)),
            "edges": float(len({each.cell.edge for each in self.results if each.cell.edge})),
            "cells": float(sum(each.cell.kind is not Kind.PLACEBO for each in self.results)),
            "seconds in all": round(ground.now() - began, 3),
            "seconds of visits, faults and healing": round(sum(each.took_s for each in self.results), 3),
        }
        outlook = self._outlook()
        ground.record(MatrixEnded(t=ground.now(), outlook=outlook))
        return outlook

    async def _journey(self, journey: str, background: Mapping[str, float]) -> None:
        ground = self._ground
        ground.say(f"{journey}: visits without any fault")
        known = await self._get_to_know(journey, background)
        self.known.append(known)
        if known.trouble:
            ground.say(f"  {journey} is not clean: {known.trouble}")
        else:
            ground.say(f"  it crosses {', '.join(known.usual) or 'no edge that is known'}")
        placebo = await self._try(known, Cell(journey=journey, edge="", kind=Kind.PLACEBO))
        if placebo.verdict is not Verdict.PASS and not known.clean.trouble:
            known.clean = replace(known.clean, trouble=f"its placebo is {placebo.verdict}: {placebo.reason}")
        for edge in known.usual:
            if not self._wanted.edges or edge in self._wanted.edges:
                await self._row(known, edge)
        await self._found(known)
        for edge in self._wanted.edges:
            if edge not in {*known.usual, *known.found}:
                await self._row(known, edge)

    async def _row(self, known: Familiar, edge: str, first: FirstFault | None = None) -> None:
        for kind in self._kinds:
            await self._try(known, Cell(journey=known.journey, edge=edge, kind=kind, first=first))

    async def _warm_up(self, journey: str) -> None:
        self._ground.say(f"{journey}: warming up")
        try:
            await warm_up(self._ground, journey, self._numbers)
        except HarnessError as error:
            self._ground.say(f"  {journey} can't be visited: {error}")

    async def _get_to_know(self, journey: str, background: Mapping[str, float]) -> Familiar:
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

    async def _found(self, known: Familiar) -> None:
        """Cells of the edges that were crossed under a first fault only, until no more such edges turn up."""
        done: set[str] = set()
        while pending := [edge for edge in known.found if edge not in done][: MOST_FOUND_EDGES - len(done)]:
            for edge in pending:
                done.add(edge)
                first = known.found[edge][0]
                if self._wanted.edges and edge not in self._wanted.edges:
                    continue
                self._ground.say(f"  {edge} is crossed only when {first}")
                await self._row(known, edge, first)

    async def _try(self, known: Familiar, cell: Cell) -> CellVerdict:
        """Conduct and judge a cell, and tell of it; a journey that is not clean is not even tried."""
        ground = self._ground
        if known.sick:
            await self._look_again(known)
        already = self._rules_under(cell)
        if known.trouble:
            clean = replace(known.clean, trouble=known.trouble)
            trial = Trial(cell=cell, clean=clean, already=already)
        else:
            run = CellRun(ground, known, cell, self._wanted.pace, self._numbers)
            trial = replace(await run.run(already), usable_before=self._usable_before(cell))
            if cell.first is None and cell.kind is not Kind.PLACEBO:
                self._note_found(known, cell, trial, run.crossed)
        replay = ground.replay(cell)
        result = judge(replace(trial, replay=replay), self._owed(known, cell))
        self.results.append(result)
        ground.record(MatrixCellEnded(t=ground.now(), result=result))
        # What makes a whole journey UNKNOWN is told once, by its placebo.
        if not known.clean.trouble or cell.kind is Kind.PLACEBO:
            ground.record(FindingMade(t=ground.now(), finding=finding_of(ground, result)))
            ground.say(f"  {result.verdict:7} {cell}: {result.reason}")
        return result

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

    def _note_found(self, known: Familiar, cell: Cell, trial: Trial, crossed: Mapping[str, int]) -> None:
        """Edges that the visits crossed under this fault, and never without one."""
        entry = edge_name(CUSTOMERS, self._ground.topology.system.entry)
        for edge, count in crossed.items():
            expected = known.background.get(edge, 0.0) * trial.took_s
            unseen, visits = trial.took_s / IDLE_S, len(trial.visits)
            apart = told_apart(count, background=expected, unseen=unseen, visits=visits)
            if edge not in {*known.usual, *known.found, entry} and apart and visits:
                first = FirstFault(edge=cell.edge, kind=cell.kind)
                known.found[edge] = (first, (count - expected) / visits)

    def _owed(self, known: Familiar, cell: Cell) -> Owed:
        topology = self._ground.topology
        edge = topology.edges.get(cell.edge)
        journey = topology.system.journeys.get(cell.journey)
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
        declared = {step: self._ground.declared(method, path) for step, (method, path) in known.clean.requests.items()}
        within_s = self._wanted.pace.recover_within_s
        return Owed(
            deadline_s=known.deadline_s,
            soft=soft,
            usable=usable,
            needed=needed,
            declared=declared,
            recover_within_s=within_s,
        )

    def _outlook(self) -> Outlook:
        topology = self._ground.topology
        entry = edge_name(CUSTOMERS, topology.system.entry)
        tried = {each.cell.edge for each in self.results}
        journeys = tuple(
            JourneyCrossings(
                journey=known.journey,
                edges=tuple(known.usual),
                under_fault=tuple(known.found),
                not_seen=tuple(edge for edge in topology.edges if edge not in {*known.usual, *known.found, entry}),
                trouble=known.trouble,
                counted=known.counted,
            )
            for known in self.known
        )
        proposals = tuple(
            propose(name, edge.need, self.results) for name, edge in topology.edges.items() if name in tried
        )
        return Outlook(journeys=journeys, proposals=proposals, figures=self._figures)


def finding_of(ground: Ground, result: CellVerdict) -> Finding:
    """A cell as a finding, which every report tells: it is the consumer that should cope."""
    cell = result.cell
    worst_ = result.findings[0] if result.findings else None
    topology = ground.topology
    blamed = cell.consumer in topology.system.services and not _is_validity(worst_)
    return Finding(
        check=f"{CHECK} {worst_.rule}" if worst_ else f"{CHECK} {cell.kind}",
        part=Part.MATRIX,
        verdict=result.verdict,
        reason=result.reason,
        subject=str(cell),
        edge=cell.edge,
        service=cell.consumer if blamed else "",
        owner=topology.owner(cell.consumer) if blamed else "",
        inferred=blamed,
        evidence=(*(line for each in result.findings for line in each.evidence), *result.remarks),
        replay=result.replay,
    )


def _is_validity(found: CellFinding | None) -> bool:
    return found is not None and found.rule in VALIDITY_RULES
