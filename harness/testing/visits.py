"""Single visits in tests, under a fault: conducted and judged as cells of the matrix are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from harness.declare import load_invariants
from harness.declare.validate import nearest
from harness.engine.cell import Pace
from harness.engine.familiar import Background, Familiar, get_to_know, measure_background, warm_up
from harness.engine.ground import Ground
from harness.engine.kinds import kind_of
from harness.engine.matrix_ground import ground_of
from harness.engine.milder import Milder, not_to_wait_for
from harness.engine.session import Session
from harness.engine.trials import Trials
from harness.engine.visiting import open_visitor
from harness.errors import HarnessError, Inconclusive
from harness.faults.edge_latency import Latency
from harness.model.fault import EdgeTarget, FaultSpec
from harness.model.matrix import Cell, CellVerdict
from harness.model.verdict import Verdict

VISITS = 2
"""Under the fault, as in a cell; one where it is taken back meanwhile."""
VISITS_EACH = 2
"""For each instance of the provider, when only one is meant."""
MOST_VISITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What came of some visits under a fault; true when all that a cell is held to was kept."""

    result: CellVerdict

    @property
    def held(self) -> bool:
        """Whether nothing was found."""
        return self.result.verdict is Verdict.PASS

    def __bool__(self) -> bool:
        """As `held`."""
        return self.held

    def __str__(self) -> str:
        """The verdict with its reason, and the evidence."""
        evidence = [f"  {line}" for each in self.result.findings for line in each.evidence]
        return "\n".join([f"{self.result.verdict} {self.result.cell}: {self.result.reason}", *evidence])

    __repr__ = __str__


class Visiting:
    """Visits on one session; each journey is got to know once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._numbers = itertools.count(1)
        self._ground: Ground | None = None
        self._trials: Trials | None = None
        self._background: Background | None = None
        self._known: dict[str, Familiar] = {}

    async def visit(self, journey: str, target: EdgeTarget, fault: FaultSpec, lasts_s: float | None) -> Visited:
        """See `Breakable.visit`."""
        kind = kind_of(fault)
        ground, trials = await self._opened()
        known = await self._got_to_know(ground, journey)
        visits = 1 if lasts_s is not None else VISITS
        if target.provider_index is not None:
            visits = min(MOST_VISITS, VISITS_EACH * len(ground.topology.instances_of(target.provider)))
        declared = ground.topology.edges[target.edge].deadline
        delay_s = float(fault.delay) if isinstance(fault, Latency) else 0.0
        milder = Milder(
            fault=fault,
            delay_s=not_to_wait_for(delay_s, float(declared) if declared else None),
            provider_index=target.provider_index,
            lasts_s=lasts_s,
            visits=visits,
        )
        result = await trials.under(known, Cell(journey=journey, edge=target.edge, kind=kind), milder)
        if result.verdict is Verdict.UNKNOWN:
            raise Inconclusive(f"{result.cell} under {milder.describe(target.provider)}: {result.reason}")
        return Visited(result=result)

    async def _opened(self) -> tuple[Ground, Trials]:
        """The ground, made when first asked for; its visitor ends with the session."""
        if self._ground is None or self._trials is None:
            session = self._session
            visitor = await open_visitor(session)
            session.at_end(visitor.close)
            invariants = load_invariants(session.content("chaos"), session.topology)
            ground = await ground_of(session, visitor, reads=invariants.reads, replay=lambda _: "pytest")
            self._ground = ground
            self._trials = Trials(ground, Pace(visits=VISITS, restart=False), self._numbers, lambda: False)
        return self._ground, self._trials

    async def _got_to_know(self, ground: Ground, journey: str) -> Familiar:
        journeys = ground.visitor.journeys
        if journey not in journeys:
            raise HarnessError(f"no journey '{journey}'; {nearest(journey, journeys)}")
        if journey not in self._known:
            await warm_up(ground, journey, self._numbers)
            if self._background is None:
                self._background = await measure_background(ground)
            self._known[journey] = await get_to_know(ground, journey, self._numbers, self._background)
        return self._known[journey]


def visiting(stage: object) -> Visiting:
    """What visits a stage; raises HarnessError when it is no session of the engine."""
    if not isinstance(stage, Session):
        raise HarnessError(f"expected a session of the engine to visit, found {type(stage).__name__}")
    return Visiting(stage)
