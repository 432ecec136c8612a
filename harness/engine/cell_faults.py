"""The faults of one cell: armed, seen to bite while customers come by already, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from harness.engine.familiar import Familiar
from harness.engine.ground import Ground
from harness.engine.kinds import fault_of
from harness.engine.milder import Milder
from harness.errors import HarnessError
from harness.model.fault import Armed, EdgeTarget, Healed, HealedBy, Injection
from harness.model.matrix import Cell, Kind
from harness.model.quantity import Duration

BEYOND = 1.25
"""A latency is so many times the deadline that it exceeds."""
LEAST_DELAY_S = 0.25
LASTS = Duration(3600)
"""Cells end when their visits do; nothing of the injector's looks at it."""


def delay_of(ground: Ground, known: Familiar, edge: str) -> float:
    """A latency beyond the edge's deadline, else the journey's."""
    declared = ground.topology.edges[edge].deadline
    return round(max(LEAST_DELAY_S, BEYOND * (float(declared) if declared else known.deadline_s)), 3)


class CellFaults:
    """All that is broken for one trial of a cell."""

    def __init__(self, ground: Ground, known: Familiar, cell: Cell, milder: Milder | None) -> None:
        self._ground = ground
        self._known = known
        self._cell = cell
        self._milder = milder
        self._armed: list[str] = []
        self._healed_early: list[Healed] = []

    async def arm_first(self) -> Armed | None:
        """The first fault of a cell under two; None where there is one."""
        first = self._cell.first
        return None if first is None else await self._inject(first.edge, first.kind, "first")

    @asynccontextmanager
    async def arming(self) -> AsyncIterator[Arming]:
        """Arm the cell's own fault; see `Arming`. What is still looked at in the end is waited for by nobody."""
        on = asyncio.Event()
        arming = asyncio.create_task(self._arm(on.set))
        try:
            yield Arming(arming, on, self._milder)
        finally:
            arming.cancel()
            await asyncio.gather(arming, return_exceptions=True)

    async def end_after(self, seconds: float) -> None:
        """Take back the last one that was armed, so much later."""
        await self._ground.clock.sleep(seconds)
        self._healed_early.append(await asyncio.shield(self._ground.injector.heal(self._armed[-1])))

    async def opened(self) -> int:
        """Connections that met the last one that was armed, so far; 0 where nobody counts them."""
        hits = await self._ground.injector.hits(self._armed[-1])
        return hits.connections if hits is not None else 0

    async def heal(self) -> Healed | None:
        """The last armed first; the first that could not be taken back, else the last."""
        heal = self._ground.injector.heal
        if self._cell.kind is Kind.PLACEBO:
            found = await asyncio.shield(asyncio.gather(*(heal(identity) for identity in self._armed)))
        else:
            found = [await asyncio.shield(heal(identity)) for identity in reversed(self._armed)]
            found = [*self._healed_early, *found]
        bad = [each for each in found if not each.verified]
        taken = [each for each in found if each.by is not HealedBy.NOTHING]
        return next(iter(bad or taken or found), None)

    async def _arm(self, on: Callable[[], None]) -> Armed:
        cell = self._cell
        if cell.kind is not Kind.PLACEBO:
            return await self._inject(cell.edge, cell.kind, "second" if cell.first else "only", on)
        parts = enumerate(self._known.usual)
        armed = await asyncio.gather(
            *(self._inject(edge, cell.kind, f"placebo-{index}") for index, edge in parts), return_exceptions=True
        )
        for each in armed:
            if isinstance(each, BaseException) and not isinstance(each, HarnessError):
                raise each
        found = [each for each in armed if isinstance(each, Armed)]
        if not found:
            # Edges without a proxy: their own cells will say so.
            why = next(map(str, armed), "it crosses no edge that is known")
            return Armed(in_force=False, evidence=why, took_s=0.0)
        bad = [each for each in found if not each.in_force]
        evidence = "; ".join(each.evidence for each in bad or found[:1])
        return Armed(in_force=not bad, evidence=evidence, took_s=sum(each.took_s for each in found))

    async def _inject(self, edge: str, kind: Kind, part: str, on: Callable[[], None] = lambda: None) -> Armed:
        consumer, _, provider = edge.partition("->")
        target = EdgeTarget(consumer=consumer, provider=provider)
        if self._milder is not None and part != "first":
            fault = self._milder.fault
            target = replace(target, provider_index=self._milder.provider_index)
        else:
            fault = fault_of(kind, delay_of(self._ground, self._known, edge))
        identity = f"{self._cell.journey}-{edge}-{self._cell.kind}-{part}".replace("->", "-to-")
        self._armed.append(identity)
        return await self._ground.injector.inject(Injection(id=identity, fault=fault, target=target, lasts=LASTS), on)


class Arming:
    """A fault that is being armed: read back as on first, and then seen to bite by a probe, which may take seconds."""

    def __init__(self, arming: asyncio.Task[Armed], on: asyncio.Event, milder: Milder | None) -> None:
        self._arming = arming
        self._on = on
        self._milder = milder

    async def comes_on(self) -> bool:
        """Whether customers may come by: it is on, and if it is still looked at, that goes on beside their visits.

        One that is to last for a while only is seen to bite first, since nothing is healed while it is looked at.
        """
        if self._milder is None:
            told = asyncio.create_task(self._on.wait())
            try:
                await asyncio.wait({self._arming, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                told.cancel()
            if not self._arming.done():
                return True
        return (await self.outcome()).in_force

    async def outcome(self) -> Armed:
        """What became of it: what customers saw counts only if it was seen to bite, or is believed to."""
        armed = await self._arming
        return replace(armed, in_force=armed.in_force or (self._milder is not None and self._milder.believed))
