"""Shrinks the fault of a red cell, and measures how much delay the edges bear that one can do without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from harness.checkers.smallest import PRECISION, Bisected, Search, bisected, next_size
from harness.engine.cell_faults import BEYOND, delay_of
from harness.engine.familiar import Familiar
from harness.engine.ground import Ground
from harness.engine.milder import DIALS, Milder, at, not_to_wait_for, on_route, whole
from harness.engine.shrunk_words import sentence_of
from harness.engine.trials import Trials
from harness.errors import HarnessError
from harness.faults import ExchangeFault
from harness.model.matrix import Cell, CellVerdict, Kind
from harness.model.shrunk import Dial, LatencyBudget, Shrunk, Tried
from harness.model.system import Need
from harness.model.verdict import Verdict

LEAST_DELAY_S = 0.005
LEAST_LASTS_S = 0.05
LONGEST_LASTS_S = 30.0
MOST_BYTES = 1 << 16
MOST_ROUTES = 8
VISITS_EACH = 2
"""Under a fault to one instance of a provider, for each of its instances: one of them should meet it."""
MOST_VISITS = 10


@dataclass(slots=True)
class _Path:
    """What was found so far on the way to the smallest fault."""

    milder: Milder
    dials: list[Dial] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    complete: bool = True
    found: Bisected | None = None


class Shrinking:
    """Shrinks cells of one matrix.

    Args:
        ground: the system.
        trials: of its matrix, so that cells are held to the same.
        over: whether there is no time for one more trial.
    """

    def __init__(self, ground: Ground, trials: Trials, over: Callable[[], bool]) -> None:
        self._ground = ground
        self._trials = trials
        self._over = over

    async def shrink(self, known: Familiar, red: CellVerdict) -> tuple[Shrunk, Milder]:
        """The smallest fault found that still breaks a cell that was seen to break, in words and to repeat it."""
        cell, ground = red.cell, self._ground
        path = _Path(milder=whole(cell.kind, delay_of(ground, known, cell.edge)))
        await self._narrow(known, cell, path)
        dial = DIALS.get(cell.kind)
        if dial is not None:
            await self._turn(known, red, dial, path)
        found = path.found
        shrunk = Shrunk(
            cell=cell,
            sentence="",
            fault=path.milder.describe(cell.provider),
            dials=tuple(path.dials),
            smallest=found.smallest if found else None,
            holds=found.holds if found else None,
            monotone=found.monotone if found else True,
            complete=path.complete,
            tried=tuple(path.tried),
            replay=red.replay,
        )
        return replace(shrunk, sentence=sentence_of(shrunk, dial)), path.milder

    async def budget(self, known: Familiar, edge: str) -> LatencyBudget:
        """How much delay a journey bears on an edge, and from where on its answers are less."""
        ground = self._ground
        declared = ground.topology.edges[edge]
        deadline_s = float(declared.deadline) if declared.deadline else None
        longest_s = round(BEYOND * max(deadline_s or 0.0, known.deadline_s), 3)
        cell = Cell(journey=known.journey, edge=edge, kind=Kind.LATENCY)
        milder = whole(Kind.LATENCY, longest_s)
        tried: list[Tried] = [await self._try(known, cell, milder, Dial.DELAY, longest_s)]
        worst_ = tried[0]
        broke = await self._threshold(known, cell, tried, lambda each: each.breaks) if worst_.breaks else None
        less = await self._threshold(known, cell, tried, _is_less) if _is_less(worst_) else None
        held = [each.size for each in tried if each.breaks is False and each.size is not None]
        below = [size for size in held if broke is None or size < broke.smallest]
        full = [each.size for each in tried if _is_less(each) is False and each.size is not None]
        bears_s = max(below, default=None)
        breaks_s = broke.smallest if broke else None
        told = next((each.reason for each in tried if each.size == breaks_s and each.breaks), "")
        limit = breaks_s if breaks_s is not None else bears_s
        return LatencyBudget(
            journey=known.journey,
            edge=edge,
            need=declared.need,
            deadline_s=deadline_s,
            full_s=max([size for size in full if less is None or size < less.smallest], default=None),
            bears_s=bears_s,
            breaks_s=breaks_s,
            slack_s=round(limit - deadline_s, 3) if deadline_s is not None and limit is not None else None,
            monotone=all(each is None or each.monotone for each in (broke, less)),
            complete=worst_.breaks is not None and all(each is None or each.complete for each in (broke, less)),
            tried=tuple(tried),
            reason=told or (worst_.reason if worst_.breaks is None else ""),
        )

    async def _threshold(
        self, known: Familiar, cell: Cell, tried: list[Tried], is_bad: Callable[[Tried], bool | None]
    ) -> Bisected:
        """Where delays become bad, by those that were tried already and some more."""
        bad = [each.size for each in tried if each.size is not None and is_bad(each)]
        search = Search(harsh=max(bad), mild=LEAST_DELAY_S)
        mine = len(tried)
        while not self._over() and len(tried) - mine < search.most_trials:
            outcomes = [(each.size, is_bad(each)) for each in tried if each.size is not None]
            size = next_size(replace(search, most_trials=mine + search.most_trials), outcomes)
            if size is None:
                break
            milder = at(whole(Kind.LATENCY, size), Kind.LATENCY, Dial.DELAY, size)
            tried.append(await self._try(known, cell, milder, Dial.DELAY, size))
        return bisected(search, [(each.size, is_bad(each)) for each in tried if each.size is not None])

    async def _narrow(self, known: Familiar, cell: Cell, path: _Path) -> None:
        """One route instead of all, or one instance instead of all, where it breaks so too."""
        for each in self._narrower(known, cell, path.milder):
            if self._over():
                path.complete = False
                return
            dial = Dial.INSTANCE if each.provider_index is not None else Dial.ROUTE
            tried = await self._try(known, cell, each, dial, None)
            path.tried.append(tried)
            if tried.breaks:
                path.milder = each
                path.dials.append(dial)
                return

    def _narrower(self, known: Familiar, cell: Cell, milder: Milder) -> list[Milder]:
        if isinstance(milder.fault, ExchangeFault):
            calls = known.seen[cell.edge].calls if cell.edge in known.seen else ()
            routes = sorted({call.asked.partition("?")[0] for call in calls if call.edge == cell.edge})
            return [on_route(milder, each) for each in routes[:MOST_ROUTES]] if len(routes) > 1 else []
        instances = self._ground.topology.instances_of(cell.provider)
        visits = min(MOST_VISITS, VISITS_EACH * len(instances))
        several = instances if len(instances) > 1 else ()
        return [replace(milder, provider_index=each.index, visits=visits) for each in several]

    async def _turn(self, known: Familiar, red: CellVerdict, dial: Dial, path: _Path) -> None:
        """Bisect on a dial."""
        search, outcomes = self._search(known, red, dial), list[tuple[float, bool | None]]()
        while not self._over() and (size := next_size(search, outcomes)) is not None:
            tried = await self._try(known, red.cell, at(path.milder, red.cell.kind, dial, size), dial, size)
            path.tried.append(tried)
            outcomes.append((size, tried.breaks))
        path.found = found = bisected(search, outcomes)
        path.complete = path.complete and found.complete
        if found.smallest != search.harsh:
            path.dials.append(dial)
            path.milder = at(path.milder, red.cell.kind, dial, found.smallest)

    def _search(self, known: Familiar, red: CellVerdict, dial: Dial) -> Search:
        cell = red.cell
        if dial is Dial.DELAY:
            return Search(harsh=delay_of(self._ground, known, cell.edge), mild=LEAST_DELAY_S)
        if dial is Dial.BYTES:
            cut = getattr(whole(cell.kind, 0.0).fault, "after_bytes", 0)
            return Search(harsh=float(cut), mild=float(MOST_BYTES), whole=True)
        longest_s = min(LONGEST_LASTS_S, 2 * max(red.slowest_s or 0.0, known.visit_s) + 1.0)
        return Search(harsh=round(longest_s, 3), mild=LEAST_LASTS_S, precision=2 * PRECISION)

    async def _try(self, known: Familiar, cell: Cell, milder: Milder, dial: Dial, size: float | None) -> Tried:
        ground, words = self._ground, milder.describe(cell.provider)
        if cell.kind is Kind.LATENCY and dial is Dial.DELAY and size is not None:
            declared = ground.topology.edges[cell.edge].deadline
            milder = replace(milder, delay_s=not_to_wait_for(size, float(declared) if declared else None))
        began = ground.clock.now()
        try:
            verdict = await self._trials.under(known, cell, milder)
        except HarnessError as error:
            return Tried(dial=dial, fault=words, size=size, breaks=None, reason=str(error))
        breaks = {Verdict.FAIL: True, Verdict.PASS: False, Verdict.UNKNOWN: None}[verdict.verdict]
        told = {True: "breaks", False: "holds", None: "can't be told"}[breaks]
        ground.say(f"  {cell.journey}, {cell.edge} under {words}: {told}: {verdict.reason}")
        return Tried(
            dial=dial,
            fault=words,
            size=size,
            breaks=breaks,
            degraded=verdict.degraded or not verdict.usable,
            reason=verdict.reason,
            took_s=ground.clock.now() - began,
        )


def _is_less(tried: Tried) -> bool | None:
    """Whether customers got less than without the fault."""
    return None if tried.breaks is None else tried.breaks or tried.degraded


def edges_to_budget(known: Familiar, ground: Ground, results: Sequence[CellVerdict]) -> tuple[str, ...]:
    """The edges that a journey can do without: by declaration, or as its cells showed."""
    journey = ground.topology.system.journeys.get(known.journey)
    needs, without = (journey.needs, journey.usable_without) if journey else ((), ())
    found = []
    for edge in known.usual:
        provider = edge.partition("->")[2]
        shown = any(
            each.usable and each.cell.journey == known.journey and each.cell.edge == edge and each.cell.first is None
            for each in results
        )
        declared = provider in without or (ground.topology.edges[edge].need is Need.SOFT and provider not in needs)
        if declared or (shown and provider not in needs):
            found.append(edge)
    return tuple(found)
