"""Cells that are tried again: what is red, and what a machine that is busy may do without any fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine.cell import Pace
from harness.engine.matrix import Matrix, Wanted
from harness.model.matrix import CellVerdict, Kind, Rule
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


async def the_cell(tmp_path: Path, behaves: Behaviour) -> CellVerdict:
    wanted = Wanted(kinds=(Kind.RESET,), edges=("web->stock",), pace=Pace(visits=2, restart=False))
    matrix = Matrix(World(behaves).ground(topology(tmp_path, SOFT)), wanted)
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
