"""Which cells of a matrix are conducted: pruned, bounded in time, touched by a change, or taken from an earlier run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.engine.cell import Pace
from harness.engine.matrix import Matrix, Wanted
from harness.model.events import FindingMade, MatrixCellEnded
from harness.model.matrix import CellVerdict, Kind, Outlook, Rule
from harness.model.verdict import Verdict
from tests.engine.grounds import DESCRIPTION, Reply, World, topology

PACE = Pace(visits=2, restart=True)
KINDS = (Kind.REFUSED, Kind.RESET)
TWO = DESCRIPTION + "  buy: {deadline: 1 s, critical: true}\n"
BOTH = ("browse", "buy")


def refusing(world: World) -> Reply:
    """Stock and advertisements are needed, and their loss is answered with 503."""
    lost = {"web->stock", "web->ads"} & world.faults().keys()
    return Reply(status=503 if lost else 200, document="" if lost else "tea", crosses=("web->stock", "web->ads"))


async def conducted(
    tmp_path: Path, world: World, wanted: Wanted, description: str = TWO
) -> tuple[Outlook, list[CellVerdict]]:
    """The outlook, and the cells without placebos."""
    matrix = Matrix(world.ground(topology(tmp_path, description)), wanted)
    outlook = await matrix.run()
    return outlook, [each for each in matrix.results if each.cell.kind is not Kind.PLACEBO]


async def test_a_journey_that_makes_the_same_calls_is_stood_for_by_the_critical_one(tmp_path: Path) -> None:
    world = World(refusing, names=BOTH)
    outlook, results = await conducted(tmp_path, world, Wanted(kinds=KINDS, pace=PACE))
    own = [each for each in results if each.stands is None]

    assert [each.cell.journey for each in own] == ["buy"] * 4
    for each in results:
        if each.stands is not None:
            assert each.cell.journey == "browse"
            assert each.stands == replace(each.cell, journey="buy")
            assert (each.verdict, each.took_s, each.trials) == (Verdict.PASS, 0.0, 0)
            assert each.pruned == f"buy makes the same calls: GET /: {each.cell.edge} GET /"
    assert (outlook.figures["cells"], outlook.figures["cells pruned"]) == (8.0, 4.0)
    told = [event.finding for event in world.events if isinstance(event, FindingMade)]
    assert len(told) == len(own) + len(BOTH), "what another cell found is told once"


async def test_all_are_conducted_where_that_is_wanted_or_nobody_can_hear(tmp_path: Path) -> None:
    _, every = await conducted(tmp_path, World(refusing, names=BOTH), Wanted(kinds=KINDS, prune=False, pace=PACE))
    assert all(each.stands is None for each in every)
    assert len(every) == 8

    world = World(refusing, names=BOTH)
    matrix = Matrix(replace(world.ground(topology(tmp_path, TWO)), hearing=None), Wanted(kinds=KINDS, pace=PACE))
    await matrix.run()
    assert all(each.stands is None for each in matrix.results)


async def test_what_a_cell_can_not_tell_the_other_tells_itself(tmp_path: Path) -> None:
    """Stock is refused to those who buy only once the fault is there: nothing can be said of it for the others."""

    def cached(world: World) -> Reply:
        lost = "reset" in world.faults().values()
        return Reply(crosses=() if lost else ("web->stock",))

    _, results = await conducted(tmp_path, World(cached, names=BOTH), Wanted(kinds=(Kind.RESET,), pace=PACE))

    assert {each.cell.journey: each.stands for each in results} == {"buy": None, "browse": None}
    assert {each.findings[0].rule for each in results} == {Rule.NOT_CROSSED}


async def test_what_there_is_no_time_for_is_told_as_untested_and_is_not_red(tmp_path: Path) -> None:
    world = World(lambda world: replace(refusing(world), took_s=0.5), names=BOTH)
    ends_at = 40.0
    wanted = Wanted(pace=PACE, ends_at=ends_at)
    outlook, results = await conducted(tmp_path, world, wanted)
    pruned = [each for each in results if each.stands]

    assert outlook.untested
    assert {each.verdict for each in results} == {Verdict.PASS}
    assert not {each.cell for each in results} & {*outlook.untested}
    assert {each.journey for each in outlook.untested} == {*BOTH}, "those that are pruned with them are untested too"
    assert len(results) + len(outlook.untested) == outlook.figures["cells"]
    assert all(each.stands in {other.cell for other in results} for each in pruned)
    last = max(event.t for event in world.events if isinstance(event, MatrixCellEnded))
    assert last < ends_at + 10.0


async def test_without_time_nothing_is_tried_but_placebos(tmp_path: Path) -> None:
    outlook, results = await conducted(tmp_path, World(refusing), Wanted(kinds=KINDS, pace=PACE, ends_at=0.0))

    assert results == []
    assert [each.kind for each in outlook.untested] == [Kind.REFUSED] * 2 + [Kind.RESET] * 2


async def test_a_change_to_a_service_touches_the_edges_from_and_to_it(tmp_path: Path) -> None:
    _, of_ads = await conducted(tmp_path, World(refusing), Wanted(kinds=KINDS, changed="ads", pace=PACE))
    assert {each.cell.edge for each in of_ads} == {"web->ads"}

    _, of_web = await conducted(tmp_path, World(refusing), Wanted(kinds=KINDS, changed="web", pace=PACE))
    assert {each.cell.edge for each in of_web} == {"web->stock", "web->ads"}


def with_a_stand_in(world: World) -> Reply:
    """The house steps in for the advertisements, and nobody for it."""
    faults = world.faults()
    if "web->ads" not in faults:
        return Reply(crosses=("web->ads",))
    return Reply(status=503 if "web->house" in faults else 200, crosses=("web->ads", "web->house"))


async def test_what_an_earlier_run_came_to_is_not_tried_again_and_what_it_found_is_gone_on_with(tmp_path: Path) -> None:
    wanted = Wanted(kinds=KINDS, pace=PACE)
    whole, first = await conducted(tmp_path, World(with_a_stand_in), wanted, DESCRIPTION)
    assert whole.journeys[0].under_fault == ("web->house",)
    earlier = tuple(replace(each, taken_from="yesterday") for each in first if each.cell.edge == "web->ads")
    world = World(with_a_stand_in)
    outlook, results = await conducted(tmp_path, world, replace(wanted, earlier=earlier), DESCRIPTION)

    assert {each.cell for each in results} == {each.cell for each in first}
    assert {each.taken_from for each in results if each.cell.edge == "web->ads"} == {"yesterday"}
    assert {each.taken_from for each in results if each.cell.edge == "web->house"} == {""}
    assert outlook.figures["cells of an earlier run"] == 2.0
    told = [event.finding for event in world.events if isinstance(event, FindingMade)]
    assert len(told) == len(results) + 1, "their findings are those of this run too"


async def test_what_an_earlier_run_did_not_know_is_tried_again(tmp_path: Path) -> None:
    _, first = await conducted(tmp_path, World(refusing), Wanted(kinds=KINDS, pace=PACE), DESCRIPTION)
    unknown = tuple(replace(each, verdict=Verdict.UNKNOWN, taken_from="yesterday") for each in first)
    _, results = await conducted(
        tmp_path, World(refusing), Wanted(kinds=KINDS, pace=PACE, earlier=unknown), DESCRIPTION
    )

    assert {each.taken_from for each in results} == {""}


async def test_an_edge_that_others_cross_all_the_time_gets_cells(tmp_path: Path) -> None:
    world = World(refusing, beats={"web->stock": 3.0})
    outlook, results = await conducted(tmp_path, world, Wanted(kinds=(Kind.RESET,), pace=PACE), DESCRIPTION)

    assert outlook.journeys[0].edges == ("web->stock", "web->ads")
    assert [each.verdict for each in results] == [Verdict.PASS, Verdict.PASS]


async def test_beats_alone_are_no_edge_of_a_journey_however_many(tmp_path: Path) -> None:
    world = World(lambda _world: Reply(crosses=("web->ads",)), beats={"web->stock": 3.0, "web->house": 50.0})
    outlook, _ = await conducted(tmp_path, world, Wanted(kinds=(Kind.RESET,), pace=PACE), DESCRIPTION)

    assert outlook.journeys[0].edges == ("web->ads",)
    assert outlook.journeys[0].under_fault == ()
