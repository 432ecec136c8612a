"""The matrix when a proxy dies in the middle of it: that cell is UNKNOWN, and the others are conducted."""

from __future__ import annotations

from pathlib import Path

from harness.engine.cell import Pace
from harness.engine.matrix import Matrix, Wanted
from harness.engine.matrix_told import VALIDITY_RULES
from harness.model.matrix import CellVerdict, Kind, Rule
from harness.model.verdict import Verdict
from tests.engine.grounds import Reply, World, topology

PACE = Pace(visits=2, restart=True)
KINDS = (Kind.REFUSED, Kind.RESET, Kind.BLACK_HOLE)


class Losing(World):
    """A proxy of it dies when a fault of that kind is in force for the first time."""

    kind = "reset"
    lost = False

    def meets(self) -> Reply:
        kinds = {each.fault.kind for each in self.in_force.values()}
        if self.kind in kinds and not self.lost:
            self.lost = True
            self.sick.append("toxiproxy-web")
            return Reply(status=500)
        return Reply(status=503, document="") if self.faults() else Reply()


async def conducted(tmp_path: Path, world: World) -> dict[Kind, CellVerdict]:
    matrix = Matrix(world.ground(topology(tmp_path)), Wanted(kinds=KINDS, pace=PACE))
    await matrix.run()
    assert not world.in_force, "everything is healed"
    return {each.cell.kind: each for each in matrix.results}


async def test_a_proxy_that_dies_in_a_cell_makes_it_unknown_and_the_others_are_as_ever(tmp_path: Path) -> None:
    world = Losing(lambda world: world.meets())  # type: ignore[attr-defined]  # it is a world that loses a proxy
    cells = await conducted(tmp_path, world)

    assert not world.sick
    assert cells[Kind.RESET].verdict is Verdict.UNKNOWN
    assert cells[Kind.RESET].reason == "toxiproxy-web died or hung while the fault was in force"
    assert cells[Kind.RESET].trials == 1, "no other trial talks it away"
    assert [each.rule for each in cells[Kind.RESET].findings] == [Rule.PROXY]
    assert {kind: each.verdict for kind, each in cells.items() if kind is not Kind.RESET} == {
        Kind.PLACEBO: Verdict.PASS,
        Kind.REFUSED: Verdict.PASS,
        Kind.BLACK_HOLE: Verdict.PASS,
    }


async def test_a_proxy_that_dies_under_the_placebo_costs_no_journey_its_cells(tmp_path: Path) -> None:
    world = Losing(lambda world: world.meets())  # type: ignore[attr-defined]  # as above
    world.kind = "no-op"
    cells = await conducted(tmp_path, world)

    assert world.lost
    assert {each.verdict for each in cells.values()} == {Verdict.PASS}
    assert cells[Kind.PLACEBO].trials == 2


async def test_a_proxy_that_is_dead_before_a_journey_is_known_is_started_anew_first(tmp_path: Path) -> None:
    def needing(world: World) -> Reply:
        return Reply(status=502) if world.sick else Reply(status=503 if world.faults() else 200)

    world = World(needing, sick=["toxiproxy-web"])
    cells = await conducted(tmp_path, world)

    assert {each.verdict for each in cells.values()} == {Verdict.PASS}
    assert any("started anew, since it died or hung: toxiproxy-web" in each for each in world.said)


def test_a_proxy_that_died_is_no_fault_of_the_system() -> None:
    assert Rule.PROXY in VALIDITY_RULES
