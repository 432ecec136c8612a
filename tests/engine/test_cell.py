"""One cell: customers come by as soon as its fault is on, and it is held no longer than until something met it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.engine.cell import HOLD_S, Pace
from harness.engine.matrix import Matrix, Wanted
from harness.model.fault import Armed, Injection
from harness.model.matrix import CellVerdict, Kind, Rule
from harness.model.verdict import Verdict
from harness.model.visits import Visit
from tests.engine.grounds import DESCRIPTION, Reply, World, topology

STORE = DESCRIPTION.replace("  stock: {owner: us, run: {command: [stock]}}\n", "").replace(
    "edges:", "stores:\n  stock: {owner: us, kind: redis}\nedges:"
)
TWO_WAYS_IN = DESCRIPTION.replace("web: {owner: us,", "web: {owner: us, instances: [{}, {}],")

OPEN_S = 3.0
PASSES = 1000
"""Of the event loop, for which a visit lingers at most."""


def refusing(world: World) -> Reply:
    """Stock is needed, and its loss is answered with 503."""
    return Reply(status=503, document="") if "web->stock" in world.faults() else Reply()


@dataclass
class SeenLate(World):
    """A fault that is seen to bite, or not to, only after somebody came by."""

    bites_at_last: bool = True
    visited: asyncio.Event = field(default_factory=asyncio.Event)

    async def visit(self, journey: str, *, number: int) -> Visit:
        self.visited.set()
        return await super().visit(journey, number=number)

    async def inject(self, injection: Injection, on: Callable[[], None] = lambda: None) -> Armed:
        armed = await super().inject(injection)
        if injection.fault.kind == "no-op":
            return armed
        self.visited.clear()
        on()
        await self.visited.wait()
        return Armed(in_force=self.bites_at_last, evidence="seen late", took_s=0.0)


@dataclass
class Lingering(World):
    """Under a fault a visit lasts until another one is paid beside it, as long as that may still be."""

    here: int = 0
    most_here: int = 0

    async def visit(self, journey: str, *, number: int) -> Visit:
        self.here += bool(self.faults())
        self.most_here = max(self.most_here, self.here)
        for _ in range(PASSES):
            if self.most_here != 1:
                break
            await asyncio.sleep(0)
        self.here -= bool(self.faults())
        return await super().visit(journey, number=number)


@dataclass
class TwoWaysIn(World):
    """Visits take turns at two instances, one of which answers without stock for a while after that is back."""

    ill: int = 0
    at: int = 0
    open_until: float = 0.0
    open_s: float = OPEN_S

    async def visit(self, journey: str, *, number: int) -> Visit:
        self.at = number % 2
        if self.faults():
            self.open_until = self.clock.t + self.open_s
        return await super().visit(journey, number=number)


def refusing_where_open(world: World) -> Reply:
    assert isinstance(world, TwoWaysIn)
    is_open = world.at == world.ill and world.clock.t < world.open_until
    return Reply(status=503, document="", crosses=()) if is_open else refusing(world)


async def the_cell(tmp_path: Path, world: World, *, kind: Kind = Kind.RESET, text: str = DESCRIPTION) -> CellVerdict:
    wanted = Wanted(kinds=(kind,), edges=("web->stock",), pace=Pace(visits=2, restart=False))
    matrix = Matrix(world.ground(topology(tmp_path, text)), wanted)
    await matrix.run()
    assert not world.in_force, "everything is healed"
    return next(each for each in matrix.results if each.cell.kind is kind)


async def test_customers_come_by_while_a_probe_still_looks_whether_the_fault_bites(tmp_path: Path) -> None:
    cell = await the_cell(tmp_path, SeenLate(refusing))

    assert (cell.verdict, cell.samples, cell.answer) == (Verdict.PASS, 2, "503")


async def test_what_customers_saw_tells_nothing_when_the_fault_was_not_seen_to_bite(tmp_path: Path) -> None:
    cell = await the_cell(tmp_path, SeenLate(refusing, bites_at_last=False))

    assert cell.verdict is Verdict.UNKNOWN
    assert [each.rule for each in cell.findings] == [Rule.NOT_IN_FORCE]
    assert "seen late" in cell.reason


async def test_edges_that_were_crossed_under_a_fault_that_did_not_bite_are_not_taken_for_opened(tmp_path: Path) -> None:
    def with_a_stand_in(world: World) -> Reply:
        return Reply(crosses=("web->stock", "web->house") if world.faults() else ("web->stock",))

    cell = await the_cell(tmp_path, SeenLate(with_a_stand_in, bites_at_last=False))

    assert (cell.trials, cell.opened) == (3, ())


def once_cut_goes_without(world: World) -> Reply:
    """Nothing crosses to the store while it is broken."""
    return Reply(crosses=() if world.faults() else ("web->stock",))


async def test_a_store_is_broken_no_longer_than_until_a_connection_met_the_fault(tmp_path: Path) -> None:
    cell = await the_cell(tmp_path, World(once_cut_goes_without, opened=1), text=STORE)

    assert cell.verdict is Verdict.PASS
    assert "1 connections met the fault" in cell.reason
    assert cell.took_s < HOLD_S


async def test_a_store_that_nothing_met_is_broken_for_long_before_that_is_told(tmp_path: Path) -> None:
    cell = await the_cell(tmp_path, World(once_cut_goes_without), text=STORE)

    assert [each.rule for each in cell.findings] == [Rule.NOT_CROSSED]
    assert cell.took_s >= HOLD_S * cell.trials


async def test_visits_that_take_long_under_a_fault_are_paid_beside_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.turns.TAKES_LONG_S", 0.0)
    world = Lingering(refusing)
    cell = await the_cell(tmp_path, world)

    assert (cell.verdict, cell.samples, cell.at_once) == (Verdict.PASS, 2, True)
    assert world.most_here == 2


async def test_once_it_is_known_what_shows_a_command_nothing_else_is_asked_for(tmp_path: Path) -> None:
    def honest(world: World) -> Reply:
        if "web->stock" in world.faults():
            return Reply(method="POST", status=503)
        world.orders += 1
        return Reply(method="POST", status=201)

    world = World(honest)
    cell = await the_cell(tmp_path, world)

    assert "state looked at: orders" in cell.remarks
    assert world.looked_at[0] == ("orders", "products")
    assert world.looked_at[-1] == ("orders",)


@pytest.mark.parametrize("ill", [0, 1])
async def test_it_is_well_again_when_it_is_by_each_way_in(tmp_path: Path, ill: int) -> None:
    cell = await the_cell(tmp_path, TwoWaysIn(refusing_where_open, ill=ill), text=TWO_WAYS_IN)

    assert (cell.verdict, cell.answer) == (Verdict.PASS, "503")
    assert cell.recovered_s is not None
    assert OPEN_S / 2 < cell.recovered_s < 2 * OPEN_S


@pytest.mark.parametrize("ill", [0, 1])
async def test_while_it_is_not_as_before_by_one_way_in_no_other_cell_is_tried(tmp_path: Path, ill: int) -> None:
    world = TwoWaysIn(refusing_where_open, ill=ill, open_s=1000.0)
    wanted = Wanted(kinds=(Kind.RESET, Kind.REFUSED), edges=("web->stock",), pace=Pace(visits=2, restart=False))
    matrix = Matrix(world.ground(topology(tmp_path, TWO_WAYS_IN)), wanted)
    await matrix.run()
    first, second = (each for each in matrix.results if each.cell.kind is not Kind.PLACEBO)

    assert [each.rule for each in first.findings] == [Rule.RECOVERY]
    assert [each.rule for each in second.findings] == [Rule.UNCLEAN]
    assert "it has not been as before" in second.reason
