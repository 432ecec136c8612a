"""Red cells are shrunk to the smallest fault that breaks them, and soft edges are asked what delay they bear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.engine.cell import Pace
from harness.engine.matrix import Matrix, Wanted
from harness.engine.milder import Milder, whole
from harness.engine.reproduction import reproduction
from harness.engine.shrinking import Shrinking, edges_to_budget
from harness.errors import HarnessError
from harness.faults import ExchangeMatch, down, latency, status, trickle, truncate
from harness.faults.edge_latency import Latency
from harness.faults.edge_truncate import Truncate
from harness.faults.exchange_status import Status
from harness.model.fault import EdgeTarget, FaultSpec
from harness.model.matrix import Cell, Kind
from harness.model.shrunk import Dial, LatencyBudget, Shrunk
from harness.model.verdict import Verdict
from tests.engine.grounds import DESCRIPTION, Behaviour, Reply, World, topology

PACE = Pace(visits=2, restart=True)
EDGE = "web->stock"


def on(world: World, edge: str = EDGE) -> FaultSpec | None:
    """What is in force on an edge."""
    found = (
        each for each in world.in_force.values() if isinstance(each.target, EdgeTarget) and each.target.edge == edge
    )
    return next((each.fault for each in found), None)


def delayed(world: World, edge: str = EDGE) -> float:
    fault = on(world, edge)
    return float(fault.delay) if isinstance(fault, Latency) else 0.0


async def conducted(
    tmp_path: Path, behaves: Behaviour, kind: Kind, description: str = DESCRIPTION
) -> tuple[Matrix, World]:
    world = World(behaves)
    matrix = Matrix(world.ground(topology(tmp_path, description)), Wanted(kinds=(kind,), edges=(EDGE,), pace=PACE))
    await matrix.run()
    return matrix, world


async def shrunk(
    tmp_path: Path, behaves: Behaviour, kind: Kind, description: str = DESCRIPTION
) -> tuple[Shrunk, Milder]:
    matrix, _ = await conducted(tmp_path, behaves, kind, description)
    red = next(each for each in matrix.results if each.cell.edge == EDGE and each.cell.kind is kind)
    assert red.verdict is Verdict.FAIL, red
    before = list(matrix.results)
    found = await Shrinking(matrix.ground, matrix.trials, lambda: False).shrink(matrix.known[0], red)
    assert matrix.results == before, "a milder fault is no cell"
    return found


async def test_a_latency_is_shrunk_to_the_delay_from_which_it_breaks(tmp_path: Path) -> None:
    found, milder = await shrunk(tmp_path, lambda world: Reply(took_s=0.01 + 2 * delayed(world)), Kind.LATENCY)

    # Each answer waits twice, and the deadline of 1 s may be exceeded by a tenth.
    assert found.smallest is not None
    assert found.holds is not None
    assert found.holds < 0.545 <= found.smallest < 0.575
    assert found.sentence == (
        f"browse breaks from {found.smallest * 1000:.4g} ms on web → stock ({found.holds * 1000:.4g} ms is borne)"
    )
    assert (found.dials, found.monotone, found.complete) == ((Dial.DELAY,), True, True)
    assert milder.fault == latency(f"{found.smallest * 1000:g} ms")


async def test_a_harsher_delay_that_is_borne_is_told(tmp_path: Path) -> None:
    """From a second on, it is given up and done without."""

    def behaves(world: World) -> Reply:
        delay = delayed(world)
        given_up = 0.3 <= delay < 1.0
        return Reply(took_s=0.02 if given_up else 0.01, status=500 if delay >= 0.1 and not given_up else 200)

    found, _ = await shrunk(tmp_path, behaves, Kind.LATENCY)

    assert not found.monotone
    assert "breaks at" in found.sentence
    assert "what is harsher is not always worse here" in found.sentence


async def test_a_cut_is_shrunk_to_the_most_bytes_that_still_break(tmp_path: Path) -> None:
    def behaves(world: World) -> Reply:
        fault = on(world)
        cut = isinstance(fault, Truncate) and fault.after_bytes < 155
        return Reply(status=500 if cut else 200)

    found, milder = await shrunk(tmp_path, behaves, Kind.TRUNCATE_HEAD)

    assert found.smallest is not None
    assert 147 <= found.smallest < 155
    assert found.sentence.startswith(
        f"browse breaks when connections on web → stock end after up to {found.smallest:.0f} bytes"
    )
    assert milder.fault == truncate(int(found.smallest))


async def test_what_breaks_however_mild_is_said_so(tmp_path: Path) -> None:
    found, _ = await shrunk(tmp_path, lambda world: Reply(status=500 if delayed(world) else 200), Kind.LATENCY)

    assert (found.smallest, found.holds) == (0.005, None)
    assert found.sentence == "browse breaks however short the delay on web → stock is: at 5 ms already"


async def test_one_instance_of_the_provider_may_be_enough(tmp_path: Path) -> None:
    two = DESCRIPTION.replace("stock: {owner: us,", "stock: {owner: us, instances: [{}, {}],")

    def behaves(world: World) -> Reply:
        targets = [each.target for each in world.in_force.values() if each.fault.kind == "reset"]
        hit = any(isinstance(each, EdgeTarget) and each.provider_index in {None, 2} for each in targets)
        return Reply(status=500 if hit else 200)

    found, milder = await shrunk(tmp_path, behaves, Kind.RESET, two)

    assert found.dials[0] is Dial.INSTANCE
    assert milder.provider_index == 2
    assert "stock-2 only" in found.fault
    assert "stock-2 only" in found.sentence


async def test_an_exchange_fault_is_shrunk_to_one_route(tmp_path: Path) -> None:
    matrix, _ = await conducted(
        tmp_path, lambda world: Reply(status=500 if isinstance(on(world), Status) else 200), Kind.STATUS_500
    )
    known, red = matrix.known[0], matrix.results[-1]
    call = next(iter(known.seen[EDGE].calls))
    calls = frozenset({replace(call, asked="GET /stock/{}?full"), replace(call, asked="GET /all")})
    known.seen = {EDGE: replace(known.seen[EDGE], calls=calls)}
    found, milder = await Shrinking(matrix.ground, matrix.trials, lambda: False).shrink(known, red)

    assert isinstance(milder.fault, Status)
    assert milder.fault.match == ExchangeMatch(method="GET", path="/all")
    assert found.dials == (Dial.ROUTE,)


async def test_without_time_nothing_is_claimed(tmp_path: Path) -> None:
    matrix, _ = await conducted(tmp_path, lambda world: Reply(took_s=0.01 + delayed(world)), Kind.LATENCY)
    found, _ = await Shrinking(matrix.ground, matrix.trials, lambda: True).shrink(matrix.known[0], matrix.results[-1])

    assert not found.complete
    assert found.tried == ()
    assert found.sentence.endswith("not searched to the end")


async def budget_of(tmp_path: Path, behaves: Behaviour, deadline: str = "") -> LatencyBudget:
    soft = DESCRIPTION.replace("to: stock, need: hard", f"to: stock, need: soft{deadline}")
    matrix, world = await conducted(tmp_path, behaves, Kind.LATENCY, soft)
    known = matrix.known[0]
    assert edges_to_budget(known, matrix.ground, matrix.results) == (EDGE,)
    found = await Shrinking(matrix.ground, matrix.trials, lambda: False).budget(known, EDGE)
    assert not world.in_force
    return found


async def test_a_soft_edge_that_is_given_up_in_time_bears_any_delay(
    tmp_path: Path,
) -> None:
    def patient(world: World) -> Reply:
        delay = delayed(world)
        return Reply(took_s=0.01 + min(delay, 0.3), degraded=delay > 0.3)

    found = await budget_of(tmp_path, patient, ", deadline: 500 ms")

    assert (found.bears_s, found.breaks_s, found.complete) == (1.25, None, True)
    assert found.full_s is not None
    assert 0.28 < found.full_s <= 0.3
    assert found.slack_s == 0.75


async def test_a_soft_edge_without_a_time_out_has_less_slack_than_its_deadline(tmp_path: Path) -> None:
    found = await budget_of(tmp_path, lambda world: Reply(took_s=0.01 + 4 * delayed(world)), ", deadline: 500 ms")

    assert found.breaks_s is not None
    assert 0.0 < found.breaks_s < 0.5
    assert found.slack_s is not None
    assert found.slack_s < 0
    assert found.reason


@pytest.mark.parametrize(
    ("milder", "said"),
    [
        (whole(Kind.LATENCY, 0.41), 'under=latency(delay="410 ms"))'),
        (Milder(fault=down(), lasts_s=0.2), 'under=down(), lasts="200 ms")'),
        (Milder(fault=truncate(94), provider_index=2), 'edge("web", "stock").only(provider=2)'),
        (
            Milder(fault=status(500, match=ExchangeMatch(method="GET", path="/a/*"))),
            'status(code=500, match=ExchangeMatch(method="GET", path="/a/*"))',
        ),
        (whole(Kind.TRICKLE, 1.25), "under=trickle("),
    ],
)
def test_the_test_that_shows_it_makes_the_same_fault(milder: Milder, said: str) -> None:
    told = Shrunk(cell=Cell(journey="buy", edge=EDGE, kind=Kind.RESET), sentence='it "breaks"; yet', replay="harness x")
    text = reproduction(told, milder, run="run-1", system=Path("system.yaml"), file=Path("repro/test_x.py"))

    assert said in text
    names: dict[str, object] = {}
    exec(compile(text, "test_x.py", "exec"), names)  # noqa: S102 -- our own text
    assert callable(names["test_buy_web_to_stock_reset"])
    makers = {"latency": latency, "down": down, "truncate": truncate, "status": status, "trickle": trickle}
    code = text.partition("under=")[2].partition(", lasts=")[0].partition(")\n    assert")[0]
    made = eval(code.rstrip(), {**makers, "ExchangeMatch": ExchangeMatch})  # noqa: S307 -- as above
    assert made.describe() == milder.fault.describe()


def test_a_route_of_what_acts_on_connections_is_refused() -> None:
    from harness.engine.milder import on_route

    with pytest.raises(HarnessError, match="can't choose"):
        on_route(whole(Kind.RESET, 1.0), "GET /")
