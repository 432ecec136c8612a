"""The conducting of a matrix: which cells, in which order, what is healed, waited for and restarted."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checkers.telling import HARDEST
from harness.engine.cell import Pace
from harness.engine.kinds import known_kinds
from harness.engine.matrix import Matrix, Wanted
from harness.model.events import FindingMade, MatrixCellEnded, MatrixEnded
from harness.model.matrix import KINDS, CellVerdict, FirstFault, Kind, Outlook, Rule
from harness.model.system import Need
from harness.model.verdict import Verdict
from harness.model.visits import Trouble
from tests.engine.grounds import DESCRIPTION, Behaviour, Reply, World, topology

PACE = Pace(visits=2, restart=True)


def refusing(world: World) -> Reply:
    """Stock is needed, and its loss is answered with 503."""
    return Reply(status=503, document="") if "web->stock" in world.faults() else Reply()


async def conducted(  # noqa: PLR0913 -- all by keyword: what is asked for
    tmp_path: Path,
    world: World,
    *,
    kinds: tuple[Kind, ...] = (),
    edges: tuple[str, ...] = (),
    pace: Pace = PACE,
    description: str = DESCRIPTION,
) -> tuple[Outlook, dict[tuple[str, Kind], CellVerdict]]:
    """The outlook, and the cells by edge and kind."""
    matrix = Matrix(world.ground(topology(tmp_path, description)), Wanted(kinds=kinds, edges=edges, pace=pace))
    outlook = await matrix.run()
    assert not world.in_force, "everything is healed"
    return outlook, {(each.cell.edge, each.cell.kind): each for each in matrix.results}


async def test_each_kind_on_each_edge_that_is_crossed_is_tried_after_a_placebo(tmp_path: Path) -> None:
    world = World(refusing)
    outlook, cells = await conducted(tmp_path, world)

    assert [kind for _, kind in cells] == [Kind.PLACEBO, *(kind for kind in HARDEST if kind in known_kinds(KINDS))]
    assert {edge for edge, _ in cells} == {"", "web->stock"}
    assert {each.verdict for each in cells.values()} == {Verdict.PASS}
    assert outlook.journeys[0].edges == ("web->stock",)
    assert outlook.journeys[0].not_seen == ("web->ads", "web->house")
    assert [each.proposed for each in outlook.proposals] == [Need.HARD]
    assert sum(isinstance(each, MatrixCellEnded) for each in world.events) == len(cells)
    assert sum(isinstance(each, FindingMade) for each in world.events) == len(cells)
    assert isinstance(world.events[-1], MatrixEnded)


async def test_a_journey_that_fails_without_a_fault_makes_everything_unknown_and_breaks_nothing(tmp_path: Path) -> None:
    world = World(lambda _world: Reply(status=500))
    outlook, cells = await conducted(tmp_path, world)

    assert {each.verdict for each in cells.values()} == {Verdict.UNKNOWN}
    assert {each.findings[0].rule for each in cells.values()} == {Rule.UNCLEAN}
    assert "500" in outlook.journeys[0].trouble
    assert outlook.proposals[0].proposed is None


async def test_a_placebo_that_is_not_as_before_makes_all_cells_unknown(tmp_path: Path) -> None:
    def by_any_injection(world: World) -> Reply:
        return Reply(status=500) if world.in_force else Reply()

    _, cells = await conducted(tmp_path, World(by_any_injection))

    assert cells["", Kind.PLACEBO].findings[0].rule is Rule.PLACEBO
    assert {each.verdict for each in cells.values()} == {Verdict.UNKNOWN}


async def test_a_journey_that_crosses_no_edge_is_unknown(tmp_path: Path) -> None:
    outlook, cells = await conducted(tmp_path, World(lambda _world: Reply(crosses=("customers->web",))))

    assert [each.verdict for each in cells.values()] == [Verdict.UNKNOWN]
    assert "crosses no edge" in cells["", Kind.PLACEBO].reason
    assert outlook.journeys[0].edges == ()


async def test_a_cell_whose_edge_is_not_crossed_while_the_fault_is_in_force_is_unknown(tmp_path: Path) -> None:
    def cached(world: World) -> Reply:
        return Reply(crosses=()) if world.faults() else Reply()

    _, cells = await conducted(tmp_path, World(cached), kinds=(Kind.RESET, Kind.LATENCY))

    for kind in (Kind.RESET, Kind.LATENCY):
        assert cells["web->stock", kind].findings[0].rule is Rule.NOT_CROSSED


STORE = DESCRIPTION.replace("  stock: {owner: us, run: {command: [stock]}}\n", "").replace(
    "edges:", "stores:\n  stock: {owner: us, kind: redis}\nedges:"
)


@pytest.mark.parametrize(("asks_again_a_second", "rule"), [(0.5, None), (0.0, Rule.NOT_CROSSED)])
async def test_a_store_whose_connection_was_cut_is_broken_until_somebody_asks_again(
    tmp_path: Path, asks_again_a_second: float, rule: Rule | None
) -> None:
    def once_cut_goes_without(world: World) -> Reply:
        return Reply(crosses=()) if world.faults() else Reply()

    world = World(once_cut_goes_without, beats={"web->stock": asks_again_a_second})
    _, cells = await conducted(tmp_path, world, kinds=(Kind.RESET,), description=STORE)

    cell = cells["web->stock", Kind.RESET]
    assert (cell.findings[0].rule if cell.findings else None) == rule
    assert cell.verdict is (Verdict.UNKNOWN if rule else Verdict.PASS), cell.reason


async def test_where_nothing_counts_every_edge_is_tried_and_only_what_is_felt_is_judged(tmp_path: Path) -> None:
    outlook, cells = await conducted(tmp_path, World(refusing, counted=False), kinds=(Kind.RESET,))

    assert cells["web->stock", Kind.RESET].verdict is Verdict.PASS
    assert cells["web->ads", Kind.RESET].findings[0].rule is Rule.NOT_CROSSED
    assert outlook.journeys[0].counted is False


def with_a_stand_in(world: World) -> Reply:
    """Advertisements come from the house when they can't be had, and without both it is a 500."""
    faults = world.faults()
    if "web->ads" not in faults:
        return Reply(crosses=("web->ads",))
    if "web->house" in faults:
        return Reply(status=500, crosses=("web->ads", "web->house"))
    return Reply(crosses=("web->ads", "web->house"))


async def test_an_edge_that_is_crossed_under_a_fault_only_gets_cells_under_that_fault(tmp_path: Path) -> None:
    world = World(with_a_stand_in)
    outlook, cells = await conducted(tmp_path, world, kinds=(Kind.REFUSED, Kind.RESET))
    second = cells["web->house", Kind.RESET]

    assert outlook.journeys[0].under_fault == ("web->house",)
    assert second.cell.first == FirstFault(edge="web->ads", kind=Kind.REFUSED)
    assert second.findings[0].rule is Rule.ERROR
    assert cells["web->ads", Kind.RESET].usable


async def test_what_crosses_without_any_visit_is_no_edge_of_the_journey(tmp_path: Path) -> None:
    class Beating(World):
        """A heartbeat crosses an edge a hundred times a second."""

        async def counts(self) -> dict[str, int] | None:
            return {**self.crossed, "web->house": round(self.clock.t * 100)}

    outlook, _ = await conducted(tmp_path, Beating(refusing), kinds=(Kind.RESET,))

    assert outlook.journeys[0].edges == ("web->stock",)
    assert outlook.journeys[0].under_fault == ()


def fetching(world: World) -> Reply:
    """Whatever is visited: every five seconds four requests cross an edge; and under one fault visits take long."""
    took_s = 10.0 if world.faults().get("web->ads") == "half-open" else 0.5
    spent = world.memory["spent"] = world.memory.get("spent", 0.0) + took_s
    world.crossed["web->house"] = 4 * int(spent / 5)
    return Reply(crosses=("web->stock", "web->ads"), took_s=took_s)


async def test_what_is_fetched_once_in_a_while_is_opened_by_no_fault(tmp_path: Path) -> None:
    kinds = (Kind.TRUNCATE_HEAD, Kind.HTML_200, Kind.STATUS_500, Kind.MALFORMED, Kind.RESET, Kind.HALF_OPEN)
    outlook, cells = await conducted(tmp_path, World(fetching), kinds=kinds, edges=("web->stock", "web->ads"))

    assert outlook.journeys[0].edges == ("web->stock", "web->ads")
    assert cells["web->ads", Kind.HALF_OPEN].samples
    assert outlook.journeys[0].under_fault == ()


def seldom_with_a_stand_in(world: World) -> Reply:
    """Usable without either; of the visits under both faults only the first two ask the house."""
    both = "web->house" in world.faults()
    asked = world.memory["asked"] = world.memory.get("asked", 0.0) + both
    asks_the_house = "web->ads" in world.faults() and asked <= 2
    return Reply(crosses=("web->ads", "web->house") if asks_the_house else ("web->ads",), degraded=both)


async def test_an_edge_that_nothing_crosses_any_more_was_opened_by_no_fault(tmp_path: Path) -> None:
    world = World(seldom_with_a_stand_in)
    kinds = (Kind.HTML_200, Kind.STATUS_500, Kind.MALFORMED)
    outlook, cells = await conducted(tmp_path, world, kinds=kinds, pace=Pace(visits=2, restart=False))

    assert [each for each in world.said if "after all" in each] == [
        "  browse does not cross web->house after all when web->ads html-200"
    ]
    assert [kind for edge, kind in cells if edge == "web->house"] == [Kind.HTML_200], "what met the fault is told"
    assert outlook.journeys[0].under_fault == ()


def with_a_breaker(opens_for_s: float) -> Behaviour:
    """The breaker opens at the first failure, for so long."""

    def behaves(world: World) -> Reply:
        if world.clock.t < world.memory.get("open until", 0.0):
            return Reply(status=503, document="", crosses=())
        if "web->stock" in world.faults():
            world.memory["open until"] = world.clock.t + opens_for_s
            return Reply(status=503, document="")
        return Reply()

    return behaves


async def test_a_breaker_is_waited_for_before_the_next_cell(tmp_path: Path) -> None:
    world = World(with_a_breaker(5.0))
    _, cells = await conducted(tmp_path, world)

    assert {each.verdict for each in cells.values()} == {Verdict.PASS}
    recovered = cells["web->stock", Kind.RESET].recovered_s
    assert recovered is not None
    assert 4.0 < recovered < 6.0
    assert world.restarts == 0


async def test_state_that_does_not_go_away_is_red_and_services_are_restarted(tmp_path: Path) -> None:
    world = World(with_a_breaker(1e9))
    _, cells = await conducted(tmp_path, world, kinds=(Kind.RESET, Kind.LATENCY))

    for kind in (Kind.RESET, Kind.LATENCY):
        assert [each.rule for each in cells["web->stock", kind].findings] == [Rule.RECOVERY]
        assert cells["web->stock", kind].restarted
        assert cells["web->stock", kind].trials == 2, "what is red is repeated"
    assert world.restarts == 4


async def test_without_restarts_what_follows_a_leak_is_unknown(tmp_path: Path) -> None:
    world = World(with_a_breaker(1e9))
    _, cells = await conducted(tmp_path, world, kinds=(Kind.RESET, Kind.LATENCY), pace=Pace(visits=2, restart=False))

    assert cells["web->stock", Kind.LATENCY].verdict is Verdict.FAIL
    assert cells["web->stock", Kind.RESET].findings[0].rule is Rule.UNCLEAN
    assert "web->stock latency" in cells["web->stock", Kind.RESET].reason
    assert world.restarts == 0


async def test_a_system_that_can_not_be_restarted_keeps_its_finding_and_what_follows_is_unknown(tmp_path: Path) -> None:
    world = World(with_a_breaker(1e9), restartable=False)
    _, cells = await conducted(tmp_path, world, kinds=(Kind.RESET, Kind.LATENCY))

    assert [each.rule for each in cells["web->stock", Kind.LATENCY].findings] == [Rule.RECOVERY]
    assert cells["web->stock", Kind.RESET].findings[0].rule is Rule.UNCLEAN
    assert "could not be restarted: nothing says how" in cells["web->stock", Kind.RESET].reason


async def test_an_edge_without_a_proxy_is_unknown_and_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    world = World(refusing, counted=False, without_proxy=frozenset({"web->ads", "web->house"}))
    _, cells = await conducted(tmp_path, world, kinds=(Kind.RESET,))

    assert cells["", Kind.PLACEBO].verdict is Verdict.PASS
    assert cells["web->stock", Kind.RESET].verdict is Verdict.PASS
    assert cells["web->ads", Kind.RESET].findings[0].rule is Rule.HARNESS


async def test_an_instance_that_dies_is_red_and_services_are_restarted(tmp_path: Path) -> None:
    def dying(world: World) -> Reply:
        if "reset" in world.faults().values():
            world.deaths.append("web-1 ended with 1")
        return refusing(world)

    world = World(dying)
    _, cells = await conducted(tmp_path, world, kinds=(Kind.RESET,))

    assert [each.rule for each in cells["web->stock", Kind.RESET].findings] == [Rule.DIED]
    assert world.restarts == cells["web->stock", Kind.RESET].trials == 1


async def test_a_command_that_was_refused_and_done_is_red(tmp_path: Path) -> None:
    def lying(world: World) -> Reply:
        world.orders += 1
        refused = "web->stock" in world.faults()
        return Reply(method="POST", status=503 if refused else 201)

    _, cells = await conducted(tmp_path, World(lying), kinds=(Kind.RESET,))

    assert [each.rule for each in cells["web->stock", Kind.RESET].findings] == [Rule.STATE]


async def test_a_command_that_was_refused_and_not_done_passes(tmp_path: Path) -> None:
    def honest(world: World) -> Reply:
        if "web->stock" in world.faults():
            return Reply(method="POST", status=503)
        world.orders += 1
        return Reply(method="POST", status=201)

    _, cells = await conducted(tmp_path, World(honest), kinds=(Kind.RESET,))

    assert cells["web->stock", Kind.RESET].verdict is Verdict.PASS
    assert "state looked at: orders" in cells["web->stock", Kind.RESET].remarks


async def test_a_latency_is_beyond_the_deadline_and_an_edge_seen_soft_must_not_be_waited_for(tmp_path: Path) -> None:
    """Other kinds showed that the answer needs no stock; then a wait for it is wrong, if below the deadline too."""

    def soft_but_patient(world: World) -> Reply:
        late = world.faults().get("web->stock") == "latency"
        return Reply(took_s=0.95 if late else 0.01)

    edges = "  - {from: web, to: stock, need: hard, deadline: 700 ms}"
    file = topology(tmp_path)
    assert file.edges["web->stock"].deadline is None
    text = (tmp_path / "system.yaml").read_text().replace("  - {from: web, to: stock, need: hard}", edges)
    world = World(soft_but_patient)
    matrix = Matrix(world.ground(topology(tmp_path, text)), Wanted(pace=PACE, kinds=(Kind.REFUSED, Kind.LATENCY)))
    await matrix.run()
    found = {each.cell.kind: each for each in matrix.results}

    assert found[Kind.REFUSED].usable
    assert [each.rule for each in found[Kind.LATENCY].findings] == [Rule.SLOW]


async def test_visits_that_hang_long_are_not_repeated_for_ever(tmp_path: Path) -> None:
    def hanging(world: World) -> Reply:
        if "web->stock" in world.faults():
            return Reply(status=None, trouble=Trouble.TIMEOUT, took_s=60.0)
        return Reply()

    _, cells = await conducted(tmp_path, World(hanging), kinds=(Kind.RESET,), pace=Pace(visits=5, restart=True))

    assert cells["web->stock", Kind.RESET].samples == cells["web->stock", Kind.RESET].trials == 2
    assert cells["web->stock", Kind.RESET].findings[0].rule is Rule.HANG


async def test_a_fault_that_does_not_bite_is_unknown_and_healed(tmp_path: Path) -> None:
    world = World(refusing)
    matrix = Matrix(world.ground(topology(tmp_path)), Wanted(pace=PACE, kinds=(Kind.RESET,)))
    world.bites = False
    await matrix.run()

    assert {each.verdict for each in matrix.results} == {Verdict.UNKNOWN}
    assert not world.in_force


async def test_a_relay_that_is_gone_in_the_midst_makes_the_rest_unknown_and_heals_all(tmp_path: Path) -> None:
    def until_reset(world: World) -> Reply:
        world.relay_gone = "reset" in world.faults().values()
        return refusing(world)

    _, cells = await conducted(tmp_path, World(until_reset), kinds=(Kind.RESET, Kind.REFUSED))

    assert cells["web->stock", Kind.RESET].findings[0].rule is Rule.HARNESS
    assert cells["web->stock", Kind.REFUSED].verdict is Verdict.PASS


@pytest.mark.parametrize("edge", ["web->ads", "web->house"])
async def test_an_edge_that_was_asked_for_is_tried_though_nothing_crosses_it(tmp_path: Path, edge: str) -> None:
    _, cells = await conducted(tmp_path, World(refusing), kinds=(Kind.RESET,), edges=(edge,))

    assert cells[edge, Kind.RESET].findings[0].rule is Rule.NOT_CROSSED
    assert ("web->stock", Kind.RESET) not in cells
