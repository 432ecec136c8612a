"""Cells that are tried again: what is red, and what a machine that is busy may do without any fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from harness.engine.beside import Beside
from harness.engine.cell import Pace
from harness.engine.matrix import Matrix, Wanted
from harness.model.matrix import CellVerdict, Kind, Rule
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import WindowKind
from harness.model.verdict import Verdict
from tests.engine.grounds import DESCRIPTION, Behaviour, Reply, World, topology

SOFT = DESCRIPTION.replace("to: stock, need: hard", "to: stock, need: soft")
REFUSED = Reply(status=503, document="")


def under_the_fault(world: World) -> bool:
    return "web->stock" in world.faults()


def with_the_fault(world: World) -> Reply:
    """Every other customer is refused, as long as the fault is there."""
    return REFUSED if under_the_fault(world) and world.visits % 2 else Reply()


def from_the_fault_on(world: World) -> Reply:
    """Every other customer is refused from some moment on, whatever is broken."""
    if under_the_fault(world):
        world.memory["busy"] = 1.0
    return REFUSED if "busy" in world.memory and world.visits % 2 else Reply()


def always_with_the_fault(world: World) -> Reply:
    """Nobody gets anything under the fault; without it every other customer."""
    return REFUSED if under_the_fault(world) else from_the_fault_on(world)


@dataclass
class Crowd:
    """Others who have the processors all the time."""

    neighbours: Neighbours = Neighbours.DOUBT
    begun: int = 0

    def begin_about_now(self) -> None:
        self.begun += 1

    def until_now(self, window: WindowKind) -> Company:
        return Company(window=window, start=0.0, end=9.0, cores=2, others=0.6, stolen=0.0, idle=0.0)


async def the_cell(tmp_path: Path, behaves: Behaviour, crowd: Crowd | None = None) -> CellVerdict:
    wanted = Wanted(kinds=(Kind.RESET,), edges=("web->stock",), pace=Pace(visits=2, restart=False))
    ground = World(behaves).ground(topology(tmp_path, SOFT))
    matrix = Matrix(replace(ground, beside=cast("Beside | None", crowd)), wanted)
    await matrix.run()
    return next(each for each in matrix.results if each.cell.kind is Kind.RESET)


@pytest.mark.parametrize("behaves", [with_the_fault, always_with_the_fault])
async def test_what_fails_with_the_fault_only_or_always_is_red(tmp_path: Path, behaves: Behaviour) -> None:
    cell = await the_cell(tmp_path, behaves)

    assert (cell.verdict, [each.rule for each in cell.findings]) == (Verdict.FAIL, [Rule.USABLE])


async def test_what_fails_now_and_then_without_the_fault_as_well_is_unknown(tmp_path: Path) -> None:
    cell = await the_cell(tmp_path, from_the_fault_on)

    assert (cell.verdict, [each.rule for each in cell.findings]) == (Verdict.UNKNOWN, [Rule.FLAKY])
    assert "without any fault as well: answered 503" in cell.reason


def late_under_the_fault(world: World) -> Reply:
    """Refused, and not soon, as long as the fault is there."""
    return replace(REFUSED, took_s=0.4) if under_the_fault(world) else Reply()


@pytest.mark.parametrize(
    ("neighbours", "verdict"), [(Neighbours.DOUBT, Verdict.UNKNOWN), (Neighbours.JUDGE, Verdict.FAIL)]
)
async def test_beside_others_what_load_may_do_is_unknown(
    tmp_path: Path, neighbours: Neighbours, verdict: Verdict
) -> None:
    crowd = Crowd(neighbours)
    cell = await the_cell(tmp_path, late_under_the_fault, crowd)

    assert cell.verdict is verdict
    assert crowd.begun
    assert (await the_cell(tmp_path, late_under_the_fault)).verdict is Verdict.FAIL


def crossed_at_first(world: World) -> Reply:
    """Whoever was here remembers: nobody crosses the edge any more once something was broken."""
    if under_the_fault(world):
        world.memory["known"] = 1.0
    return Reply(crosses=() if "known" in world.memory else ("web->stock",))


@pytest.mark.parametrize(
    ("behaves", "verdict"), [(crossed_at_first, Verdict.UNKNOWN), (lambda _: Reply(), Verdict.PASS)]
)
async def test_a_refused_connection_proves_nothing_once_visits_were_seen_not_to_cross(
    tmp_path: Path, behaves: Behaviour, verdict: Verdict
) -> None:
    wanted = Wanted(kinds=(Kind.TRUNCATE_HEAD, Kind.REFUSED), pace=Pace(visits=2, restart=False))
    matrix = Matrix(World(behaves).ground(topology(tmp_path)), wanted)
    await matrix.run()

    (refused,) = (each for each in matrix.results if each.cell.kind is Kind.REFUSED)
    assert refused.verdict is verdict
    assert bool(refused.findings) == (verdict is Verdict.UNKNOWN)
    assert all(each.rule is Rule.NOT_CROSSED for each in refused.findings)
