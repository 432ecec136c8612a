"""Conducts one cell of the contracts under fault: break, ask again, heal, and ask until all is as before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.checkers.contract_cells import ContractTrial, PactHeld
from harness.checkers.differential import Replay, not_as_before
from harness.checkers.trial import Crossed
from harness.clock import Clock
from harness.engine.asking import Asker
from harness.engine.cell import LOOK_S
from harness.engine.cell_faults import BEYOND, LASTS, LEAST_DELAY_S
from harness.engine.familiar import IDLE_S, SETTLE_S, between
from harness.engine.ground import Counts, Injecting
from harness.engine.kinds import fault_of
from harness.engine.known_answers import Provider
from harness.engine.proxy_watch import PutRight, watched
from harness.errors import HarnessError
from harness.model.fault import Armed, EdgeTarget, Healed, HealedBy, Injection
from harness.model.matrix import Cell, Kind
from harness.model.replayed import Healthy

SLOW = frozenset({Kind.LATENCY, Kind.BLACK_HOLE})
"""Under these each request may take the whole deadline: one of each operation and class is enough."""

VerifyPacts = Callable[[Cell], Awaitable[tuple[PactHeld, ...]]]


@dataclass(frozen=True, kw_only=True)
class Stand:
    """What all cells of a service stand on."""

    provider: Provider
    asker: Asker
    injector: Injecting
    clock: Clock
    counts: Callable[[], Awaitable[Counts | None]]
    deaths: Callable[[], tuple[str, ...]]
    put_right: PutRight
    """Starts proxies anew that died or hang, and gives their names; raises HarnessError."""
    background: Mapping[str, float]
    """Edge → requests a second when nobody asks."""
    usual: Mapping[str, float]
    """Edge → requests when all that is known is asked once."""
    healthy: tuple[Healthy, ...]
    recover_within_s: float
    ends: float
    """When the budget is used up, on the clock."""
    pacts: VerifyPacts | None = None


def chosen(kind: Kind, healthy: Sequence[Healthy]) -> tuple[Healthy, ...]:
    """What is asked again under a kind of failure."""
    if kind not in SLOW:
        return tuple(healthy)
    first: dict[tuple[str, int], Healthy] = {}
    for each in healthy:
        first.setdefault((each.asked.operation, each.hundred), each)
    return tuple(first.values())


def delay_for(declared_s: float | None, deadline_s: float) -> float:
    """A latency beyond the edge's deadline, else beyond the time that anybody waits for the service."""
    return round(max(LEAST_DELAY_S, BEYOND * (declared_s or deadline_s)), 3)


async def ask(stand: Stand, healthy: Healthy) -> Replay:
    """Ask a request again."""
    exchange = await stand.asker.ask(healthy.asked)
    return Replay(healthy=healthy, exchange=exchange, problems=stand.provider.problems(exchange))


class ContractCell:
    """One cell from arming to what comes after its healing."""

    def __init__(self, stand: Stand, cell: Cell, *, delay_s: float) -> None:
        self._stand = stand
        self._cell = cell
        self._delay_s = delay_s
        self._armed: list[str] = []

    async def run(self) -> ContractTrial:
        """Do all of it; what goes wrong in the harness is told in the trial, and everything is healed."""
        clock = self._stand.clock
        began = clock.now()
        trial = ContractTrial(cell=self._cell)
        sick: set[str] = set()
        try:
            async with watched(self._stand.put_right, sick.update):
                trial = await self._under_fault(trial)
        except HarnessError as error:
            trial = replace(trial, trouble=str(error))
        finally:
            healed = await self._heal()
        trial = replace(trial, healed=healed or trial.healed, sick=tuple(sorted(sick)))
        if trial.replays:
            ill, recovered_s = await recover(self._stand)
            trial = replace(trial, ill=ill, recovered_s=recovered_s, deaths=self._stand.deaths())
        return replace(trial, took_s=clock.now() - began)

    async def _under_fault(self, trial: ContractTrial) -> ContractTrial:
        stand, clock = self._stand, self._stand.clock
        stand.deaths()
        before, began = await stand.counts(), clock.now()
        armed = await self._arm()
        trial = replace(trial, armed=armed)
        if not armed.in_force:
            return trial
        wanted = chosen(self._cell.kind, stand.healthy)
        replays: list[Replay] = []
        for healthy in wanted:
            if clock.now() >= stand.ends:
                break
            replays.append(await ask(stand, healthy))
        left_out = len(wanted) - len(replays)
        pacts = await stand.pacts(self._cell) if stand.pacts and not left_out else ()
        await clock.sleep(SETTLE_S)  # what a command set going crosses a moment later
        after = await stand.counts()
        crossed = self._crossed(before, after, clock.now() - began, len(replays))
        return replace(trial, replays=tuple(replays), pacts=pacts, crossed=crossed, left_out=left_out)

    async def _arm(self) -> Armed:
        cell = self._cell
        edges = (cell.edge,) if cell.edge else self._stand.provider.edges
        found: list[Armed] = []
        why = "no edge of the service has a proxy"
        for edge in edges:
            consumer, _, provider = edge.partition("->")
            identity = f"contracts-{edge}-{cell.kind}".replace("->", "-to-")
            self._armed.append(identity)
            target = EdgeTarget(consumer=consumer, provider=provider)
            fault = fault_of(cell.kind, self._delay_s)
            injection = Injection(id=identity, fault=fault, target=target, lasts=LASTS)
            try:
                found.append(await self._stand.injector.inject(injection))
            except HarnessError as error:
                if cell.edge:
                    raise
                why = str(error)  # of a placebo: the edge's own cells will say so
        if not found:
            return Armed(in_force=False, evidence=why, took_s=0.0)
        bad = [each for each in found if not each.in_force]
        return (bad or found)[0]

    async def _heal(self) -> Healed | None:
        found = [await asyncio.shield(self._stand.injector.heal(identity)) for identity in reversed(self._armed)]
        bad = [each for each in found if not each.verified]
        taken = [each for each in found if each.by is not HealedBy.NOTHING]
        return next(iter(bad or taken or found), None)

    def _crossed(self, before: Counts | None, after: Counts | None, took_s: float, asked: int) -> Crossed:
        edge = self._cell.edge
        usual = self._stand.usual.get(edge, 0.0)
        if before is None or after is None:
            return Crossed(count=None, usual=usual)
        return Crossed(
            count=between(before, after).get(edge, 0),
            background=self._stand.background.get(edge, 0.0) * took_s,
            unseen=took_s / IDLE_S,
            visits=asked,
            usual=usual,
        )


async def recover(stand: Stand) -> tuple[tuple[tuple[Replay, str], ...], float | None]:
    """Ask everything until each was answered as before once; what never was in time, with its last answer."""
    clock = stand.clock
    began, first = clock.now(), True
    pending: list[Healthy] = list(stand.healthy)
    while True:
        start = clock.now()
        ill: list[tuple[Replay, str]] = []
        for healthy in pending:
            replay = await ask(stand, healthy)
            if why := not_as_before(replay, stand.provider.due(healthy.asked)):
                ill.append((replay, why))
        if not ill:
            return (), 0.0 if first else start - began
        if clock.now() - began >= stand.recover_within_s:
            return tuple(ill), None
        pending, first = [replay.healthy for replay, _ in ill], False
        await clock.sleep(LOOK_S)
