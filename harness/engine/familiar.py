"""Getting to know a journey before anything is broken: its clean answers, its edges, what shows its commands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.checkers.clean_class import CleanClass, clean_class, is_success
from harness.checkers.state import COMMANDS, Views, Witnesses, changes, witnesses
from harness.checkers.trial import told_apart
from harness.engine.ground import Counts, Ground
from harness.model.matrix import FirstFault
from harness.model.system import CUSTOMERS, edge_name
from harness.model.visits import Visit

WARM_WITHIN_S = 20.0
"""For how long a journey may fail while a system that was just started warms up."""
CLEAN_VISITS = 5
IDLE_S = 3.0
"""For how long is looked at what crosses when nobody visits."""
IDLE_LOOKS = 3
"""So often is looked again at a state that should rest: what differs changes by itself."""
SETTLE_S = 0.2
"""What a visit set going may still cross an edge so much later."""
QUIET_WITHIN_S = 3.0
"""How long is waited for the state to come to rest."""
SHOWS_WITHIN_S = 2.0
"""How long an accepted command may take to show."""
DEADLINE_S = 5.0
"""Of a journey that the description says nothing of."""
PATHS_LIMIT = 20
"""Paths that are asked for the state."""


@dataclass(kw_only=True)
class Familiar:
    """What is known of a journey; `sick` is set when it stops being clean for good."""

    journey: str
    clean: CleanClass
    deadline_s: float
    counted: bool = True
    """Whether anything counts what crosses."""
    usual: Mapping[str, float] = field(default_factory=dict)
    """Edge → requests in each clean visit at least. Its keys are the edges that the journey crosses."""
    background: Mapping[str, float] = field(default_factory=dict)
    """Edge → requests a second without any visit."""
    found: dict[str, tuple[FirstFault, float]] = field(default_factory=dict)
    """Edges that were crossed under a fault only: the first that showed it, and how often a visit crossed then."""
    paths: tuple[str, ...] = ()
    witnesses: Witnesses = field(default_factory=Witnesses)
    sick: str = ""

    @property
    def trouble(self) -> str:
        """Why nothing can be judged by this journey now; empty when it can."""
        return self.clean.trouble or self.sick


def deadline_of(ground: Ground, journey: str) -> float:
    """The journey's deadline; a usual one where nothing is declared."""
    declared = ground.topology.system.journeys.get(journey)
    return float(declared.deadline) if declared else DEADLINE_S


async def warm_up(ground: Ground, journey: str, numbers: Iterator[int]) -> None:
    """Visit until a visit goes well, or the time for it is over; raises LoadError if nobody can visit."""
    limit = ground.clock.now() + WARM_WITHIN_S
    while True:
        visit = await ground.visitor.visit(journey, number=next(numbers))
        if not clean_class(journey, [visit], deadline_s=deadline_of(ground, journey)).trouble:
            return
        if ground.clock.now() >= limit:
            return
        await ground.clock.sleep(SETTLE_S)


async def measure_background(ground: Ground) -> Mapping[str, float]:
    """Requests a second on each edge while nobody visits."""
    before = await ground.counts()
    began = ground.clock.now()
    await ground.clock.sleep(IDLE_S)
    after = await ground.counts()
    took_s = ground.clock.now() - began
    if before is None or after is None:
        return {}
    return {edge: count / took_s for edge, count in between(before, after).items()}


async def get_to_know(
    ground: Ground, journey: str, numbers: Iterator[int], background: Mapping[str, float]
) -> Familiar:
    """Visit a journey several times while nothing is broken.

    Raises:
        LoadError: if nobody can visit any more.
        ProxyError: if what counts is gone.
    """
    deadline_s = deadline_of(ground, journey)
    began = ground.clock.now()
    visits: list[Visit] = []
    counts = [await ground.counts()]
    for _ in range(CLEAN_VISITS):
        visits.append(await ground.visitor.visit(journey, number=next(numbers)))
        await ground.clock.sleep(SETTLE_S)
        counts.append(await ground.counts())
    known = Familiar(
        journey=journey,
        clean=clean_class(journey, visits, deadline_s=deadline_s),
        deadline_s=deadline_s,
        counted=counts[-1] is not None,
        usual=_usual(ground, counts, background, ground.clock.now() - began),
        background=background,
    )
    if not known.trouble and any(one.method in COMMANDS for visit in visits for one in visit.exchanges):
        known.paths = constant_paths(visits)
        known.witnesses = await _witnesses(ground, known, numbers)
    return known


def _usual(
    ground: Ground, counts: list[Counts | None], background: Mapping[str, float], took_s: float
) -> dict[str, float]:
    """The edges that visits cross, and how often each does at least; all edges where nothing counts."""
    entry = edge_name(CUSTOMERS, ground.topology.system.entry)
    names = [edge for edge in ground.topology.edges if edge != entry]
    known = [one for one in counts if one is not None]
    if len(known) < len(counts):
        return dict.fromkeys(names, 0.0)
    each = [between(*pair) for pair in itertools.pairwise(known)]
    crossed = between(known[0], known[-1])
    found = {}
    for edge in names:
        least = min(one.get(edge, 0) for one in each)
        apart = told_apart(
            crossed.get(edge, 0),
            background=background.get(edge, 0.0) * took_s,
            unseen=took_s / IDLE_S,
            visits=len(each) if least else 0,
        )
        if apart:
            found[edge] = float(least)
    return found


def constant_paths(visits: list[Visit]) -> tuple[str, ...]:
    """Paths that every visit asks for with a GET, whoever the customer is."""
    asked = [
        dict.fromkeys(each.path for each in visit.exchanges if each.method == "GET" and is_success(each))
        for visit in visits
    ]
    return tuple(itertools.islice((path for path in asked[0] if all(path in one for one in asked)), PATHS_LIMIT))


async def _witnesses(ground: Ground, known: Familiar, numbers: Iterator[int]) -> Witnesses:
    """Look while nothing happens, then after a visit until something shows."""
    idle = [await ground.views(known.paths)]
    for _ in range(IDLE_LOOKS):
        await ground.clock.sleep(SETTLE_S)
        idle.append(await ground.views(known.paths))
    if not idle[-1]:
        return Witnesses()
    await ground.visitor.visit(known.journey, number=next(numbers))
    limit = ground.clock.now() + SHOWS_WITHIN_S
    while True:
        found = witnesses(idle, await ground.views(known.paths))
        if found.shows or ground.clock.now() >= limit:
            return found
        await ground.clock.sleep(SETTLE_S)


async def quiet_views(ground: Ground, known: Familiar) -> Views:
    """What the system says of its state once two looks agree on what commands change; of nothing if they never do."""
    limit = ground.clock.now() + QUIET_WITHIN_S
    last = await ground.views(known.paths)
    while ground.clock.now() < limit:
        await ground.clock.sleep(SETTLE_S)
        now = await ground.views(known.paths)
        if not changes(known.witnesses, last, now):
            return now
        last = now
    return {}


def between(before: Counts, after: Counts) -> dict[str, int]:
    """What crossed each edge between two counts."""
    return {edge: count - before.get(edge, 0) for edge, count in after.items() if count > before.get(edge, 0)}
