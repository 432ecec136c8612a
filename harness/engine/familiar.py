"""Getting to know a journey before anything is broken: its clean answers, its edges, what shows its commands."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

from harness.checkers.alike import Seen
from harness.checkers.clean_class import CleanClass, clean_class, is_success, same_class
from harness.checkers.reach import reached
from harness.checkers.state import COMMANDS, Views, Witnesses, changes, witnesses
from harness.checkers.trial import BACKGROUND_SIGMAS, told_apart
from harness.engine.ground import Counts, Ground
from harness.model.matrix import FirstFault
from harness.model.system import CUSTOMERS, edge_name
from harness.model.visits import Visit

WARM_WITHIN_S = 20.0
"""For how long a journey may fail while a system that was just started warms up."""
CLEAN_VISITS = 5
IDLE_S = 3.0
"""For how long is looked at what crosses when nobody visits."""
RESTLESS_S = 8.0
"""The same where something does."""
IDLE_LOOK_S = 0.5
"""So finely: what crosses by itself comes in bursts."""
AT_ONCE = 4
"""Visits at the same time, where what crosses anyway hides what is a visit's own."""
BURST_WITHIN_S = 4.0
MOST_IN_A_BURST = 24
OWN_LEAST = 0.8
"""So often at least a visit crosses an edge that is its own, on average: those at its rim are cut off."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What crosses the edges while nobody visits, look by look."""

    looks: tuple[tuple[float, Counts], ...] = ()
    """Seconds, and what crossed in them."""

    @property
    def looked_s(self) -> float:
        """For how long was looked."""
        return sum(seconds for seconds, _ in self.looks)

    def rate(self, edge: str) -> float:
        """Requests a second on average."""
        return sum(crossed.get(edge, 0) for _, crossed in self.looks) / self.looked_s if self.looks else 0.0

    def unseen(self, within_s: float) -> float:
        """How often may have crossed in that time what is too seldom to have been seen."""
        return within_s / (self.looked_s or IDLE_S)

    def most(self, edge: str, within_s: float) -> float:
        """As many as crossed in any stretch of that length; of a longer one than was looked at, in proportion."""
        worst, best_s = 0, 0.0
        for first in range(len(self.looks)):
            seconds, count = 0.0, 0
            for look_s, crossed in self.looks[first:]:
                seconds, count = seconds + look_s, count + crossed.get(edge, 0)
                if seconds >= within_s:
                    break
            worst, best_s = max(worst, count), max(best_s, seconds)
        return worst * max(1.0, within_s / best_s) if best_s else 0.0


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
    own: frozenset[str] = frozenset()
    """Edges that each clean visit is known to cross, or one after it, though others cross them all the time."""
    hidden: frozenset[str] = frozenset()
    """Those of them that only many visits showed."""
    crosses: dict[str, bool] = field(default_factory=dict)
    """Edge → whether visits cross it, as was seen since: none of some trial did, or those who were led there."""
    at_once: bool = False
    """Whether several visits at the same time were seen to be as clean as one."""
    visit_s: float = 0.0
    """How long a clean visit takes."""
    background: Background = field(default_factory=Background)
    """What crosses without any visit."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """Edge → the calls that the services see while the journey crosses it, where they could be read."""
    found: dict[str, tuple[FirstFault, float]] = field(default_factory=dict)
    """Edges that were crossed under a fault only: the first that showed it, and how often a visit crossed then."""
    refuted: set[str] = field(default_factory=set)
    """Edges that seemed to be crossed under a fault, and were not."""
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


async def measure_background(ground: Ground) -> Background:
    """What crosses each edge while nobody visits."""
    looks: list[tuple[float, Counts]] = []
    before, at = await ground.counts(), ground.clock.now()
    began = at
    while before is not None and at < began + (RESTLESS_S if any(crossed for _, crossed in looks) else IDLE_S):
        await ground.clock.sleep(IDLE_LOOK_S)
        after, now = await ground.counts(), ground.clock.now()
        if after is None:
            return Background()
        looks.append((now - at, between(before, after)))
        before, at = after, now
    return Background(looks=tuple(looks))


async def get_to_know(ground: Ground, journey: str, numbers: Iterator[int], background: Background) -> Familiar:
    """Visit a journey several times while nothing is broken.

    Raises:
        LoadError: if nobody can visit any more.
        ProxyError: if what counts is gone.
    """
    deadline_s = deadline_of(ground, journey)
    began = ground.clock.now()
    visits: list[Visit] = []
    counts = [await ground.counts()]
    took_s = 0.0
    for _ in range(CLEAN_VISITS):
        start = ground.clock.now()
        visits.append(await ground.visitor.visit(journey, number=next(numbers)))
        took_s += ground.clock.now() - start
        await ground.clock.sleep(SETTLE_S)
        counts.append(await ground.counts())
    known = Familiar(
        journey=journey,
        clean=clean_class(journey, visits, deadline_s=deadline_s),
        deadline_s=deadline_s,
        counted=counts[-1] is not None,
        usual=_usual(ground, counts, background, ground.clock.now() - began),
        visit_s=took_s / CLEAN_VISITS,
        background=background,
    )
    known.own = _own(known, counts, ground.clock.now() - began)
    if not known.trouble and any(one.method in COMMANDS for visit in visits for one in visit.exchanges):
        known.paths = constant_paths(visits)
        known.witnesses = await _witnesses(ground, known, numbers)
    if not known.trouble and known.counted:
        # Last, since a state that comes to rest after it shows nothing.
        await _burst(ground, known, numbers, each_crosses(counts))
        system = ground.topology.system
        near = reached(known.usual, system.entry, system.stores)
        known.usual = {edge: count for edge, count in known.usual.items() if edge in near}
        known.own &= near
    return known


def each_crosses(counts: Sequence[Counts | None]) -> dict[str, int]:
    """Edge → how often it was crossed between any two counts at least."""
    each = [between(*pair) for pair in itertools.pairwise([one for one in counts if one is not None])]
    return {edge: min(one.get(edge, 0) for one in each) for edge in (each[0] if each else {})}


async def _burst(ground: Ground, known: Familiar, numbers: Iterator[int], least: Mapping[str, int]) -> None:
    """Visit many times in a short while, so that what is the visits' own stands out of what crosses anyway.

    Where nothing is hidden, a few visits at the same time show whether the system bears them.
    """
    entry = edge_name(CUSTOMERS, ground.topology.system.entry)
    hidden = [edge for edge, count in least.items() if count and edge not in known.usual and edge != entry]
    before, began = await ground.counts(), ground.clock.now()
    visits: list[Visit] = []
    while not visits or (hidden and len(visits) < MOST_IN_A_BURST and ground.clock.now() < began + BURST_WITHIN_S):
        paid = [ground.visitor.visit(known.journey, number=next(numbers)) for _ in range(AT_ONCE)]
        visits += await asyncio.gather(*paid)
    known.at_once = not any(same_class(known.clean, visit, deadline_s=known.deadline_s) for visit in visits)
    if not hidden:
        return
    await ground.clock.sleep(SETTLE_S)
    after, took_s = await ground.counts(), ground.clock.now() - began
    if before is None or after is None:
        return
    crossed = between(before, after)
    found = {
        edge: float(least[edge])
        for edge in hidden
        if is_own(crossed.get(edge, 0), visits=len(visits), background=known.background.most(edge, took_s))
    }
    usual = {**known.usual, **found}
    known.usual = {edge: usual[edge] for edge in ground.topology.edges if edge in usual}
    known.own |= found.keys()
    known.hidden = frozenset(found)


def _own(known: Familiar, counts: list[Counts | None], took_s: float) -> frozenset[str]:
    """The edges that each clean visit crosses, or that all of them together cross so often."""
    first, last = counts[0], counts[-1]
    if first is None or last is None:
        return frozenset()
    crossed, background = between(first, last), known.background
    return frozenset(
        edge
        for edge, least in known.usual.items()
        if least or is_own(crossed.get(edge, 0), visits=CLEAN_VISITS, background=background.most(edge, took_s))
    )


def is_own(count: int, *, visits: int, background: float) -> bool:
    """Whether so many crossings are those of some visits beside what crosses anyway."""
    return count > background + BACKGROUND_SIGMAS * sqrt(background) and count - background >= OWN_LEAST * visits


def _usual(ground: Ground, counts: list[Counts | None], background: Background, took_s: float) -> dict[str, float]:
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
            background=background.most(edge, took_s),
            unseen=background.unseen(took_s),
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
    showing = known.witnesses.shows.keys()
    last = await ground.views(known.paths, showing)
    while ground.clock.now() < limit:
        await ground.clock.sleep(SETTLE_S)
        now = await ground.views(known.paths, showing)
        if not changes(known.witnesses, last, now):
            return now
        last = now
    return {}


def between(before: Counts, after: Counts) -> dict[str, int]:
    """What crossed each edge between two counts."""
    return {edge: count - before.get(edge, 0) for edge, count in after.items() if count > before.get(edge, 0)}
