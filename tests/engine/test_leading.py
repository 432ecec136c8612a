"""Cells of a cluster's nodes, whose clients use one of them at a time and stay where they went last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.engine.cell import Pace
from harness.engine.leading import other_nodes
from harness.engine.matrix import Matrix, Wanted
from harness.errors import ProxyError
from harness.model.fault import Healed, HealedBy
from harness.model.matrix import CellVerdict, Kind, Rule
from harness.model.verdict import Verdict
from tests.engine.grounds import Behaviour, Reply, World, topology

NODES = ("a", "b", "c")
CLUSTER = """
system: small
entry: web
services:
  web: {owner: us, run: {command: [web]}}
stores:
  a: {owner: us, kind: nats, cluster: basket}
  b: {owner: us, kind: nats, cluster: basket}
  c: {owner: us, kind: nats, cluster: basket}
  lone: {owner: us, kind: redis}
edges:
  - {from: web, to: a, need: soft}
  - {from: web, to: b, need: soft}
  - {from: web, to: c, need: soft}
  - {from: web, to: lone, need: soft}
journeys:
  browse: {deadline: 1 s}
"""
KINDS = (Kind.TRUNCATE_HEAD, Kind.REFUSED, Kind.RESET)


def goes_on(world: World) -> Reply:
    """Its client goes to the next node when the one that it uses fails, and not back."""
    at = int(world.memory.get("at", 0.0))
    while f"web->{NODES[at % 3]}" in world.faults() and at < 6:
        world.crossed[f"web->{NODES[at % 3]}"] = world.crossed.get(f"web->{NODES[at % 3]}", 0) + 1
        at += 1
    world.memory["at"] = float(at % 3)
    return Reply(crosses=(f"web->{NODES[at % 3]}",))


def needs_a(world: World) -> Reply:
    """There are two more nodes, and none who goes there."""
    return Reply(status=503, document="") if "web->a" in world.faults() else Reply(crosses=("web->a",))


def never_goes_back(world: World) -> Reply:
    """Whoever could not reach two of the nodes once never gets well."""
    world.memory["ill"] = max(world.memory.get("ill", 0.0), float(len(world.faults()) > 1))
    return Reply(status=503, document="") if world.memory["ill"] else Reply(crosses=("web->a",))


async def cells(directory: Path, behaves: Behaviour, *edges: str, world: World | None = None) -> list[CellVerdict]:
    world = world or World(behaves)
    wanted = Wanted(kinds=KINDS, edges=edges, pace=Pace(visits=2, restart=False), prune=False)
    matrix = Matrix(world.ground(topology(directory, CLUSTER)), wanted)
    await matrix.run()
    assert world.faults() == {}
    return [each for each in matrix.results if each.cell.kind is not Kind.PLACEBO]


def test_the_other_nodes_are_those_that_the_consumer_has_edges_to(tmp_path: Path) -> None:
    found = topology(tmp_path, CLUSTER)

    assert other_nodes(found, "web->b") == ("web->a", "web->c")
    assert other_nodes(found, "web->lone") == ()
    assert other_nodes(found, "customers->web") == ()


@pytest.mark.parametrize("node", NODES)
async def test_each_node_is_put_to_test_wherever_the_client_went_before(tmp_path: Path, node: str) -> None:
    found = await cells(tmp_path, goes_on, f"web->{node}")

    assert [(each.cell.kind, each.verdict) for each in found] == [(kind, Verdict.PASS) for kind in KINDS]
    assert all(each.crossings for each in found)


async def test_a_client_that_uses_one_node_only_is_red_by_that_node_and_unknown_by_the_others(tmp_path: Path) -> None:
    found = await cells(tmp_path, needs_a, "web->a", "web->b")

    assert {each.verdict for each in found if each.cell.edge == "web->a"} == {Verdict.FAIL}
    others = [each for each in found if each.cell.edge == "web->b"]
    assert {each.verdict for each in others} == {Verdict.UNKNOWN}
    assert {rule.rule for each in others for rule in each.findings} == {Rule.NOT_CROSSED}


async def test_a_journey_that_leading_made_ill_is_unknown_and_says_so(tmp_path: Path) -> None:
    found = await cells(tmp_path, never_goes_back, "web->a")

    assert {each.verdict for each in found} == {Verdict.UNKNOWN}
    assert "after the other nodes of the cluster were back" in found[0].reason


@pytest.mark.parametrize("raises", [False, True])
async def test_a_node_that_was_not_seen_to_be_healed_makes_its_journey_unknown(tmp_path: Path, *, raises: bool) -> None:
    """It may be refused still, and what is seen then would be held against the other node."""

    class Stuck(World):
        async def heal(self, injection_id: str) -> Healed:
            healed = await super().heal(injection_id)
            stuck = injection_id.endswith("-led")
            if stuck and raises:
                raise ProxyError("still refused")
            return replace(healed, verified=False, by=HealedBy.REMOVED, evidence="still refused") if stuck else healed

    found = await cells(tmp_path, goes_on, "web->a", world=Stuck(goes_on))

    assert {each.verdict for each in found} == {Verdict.UNKNOWN}
    assert all("still refused" in each.reason for each in found)
