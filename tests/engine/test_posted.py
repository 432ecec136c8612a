"""What is heard in a cell: where a repetition could be told, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checkers.alike import Call, Seen
from harness.checkers.clean_class import CleanClass
from harness.engine.familiar import Familiar
from harness.engine.hearing import Heard
from harness.engine.posted import Posted
from harness.model.matrix import Cell, Kind
from tests.checkers.test_twice import order, posted
from tests.engine.grounds import Reply, World, topology

EDGE = "web->stock"
CALL = Call("POST /checkout", EDGE, "POST /orders")


class Ears:
    """Listens, and hears the same order twice at each look."""

    def __init__(self) -> None:
        self.edges: list[str] = []
        self.open = False

    def on(self, edges: Sequence[str]) -> Ears:
        self.edges = [*edges]
        return self

    async def start(self) -> None:
        self.open = True

    async def take(self) -> list[Heard]:
        assert self.open
        return [Heard(edge=EDGE, exchange=posted(order(name), trace="")) for name in "ab"]

    async def stop(self) -> None:
        self.open = False


async def heard(tmp_path: Path, kind: Kind, seen: dict[str, Seen]) -> tuple[Ears, tuple[str, ...]]:
    ears = Ears()
    ground = replace(World(lambda _world: Reply()).ground(topology(tmp_path)), hearing=ears.on)
    known = Familiar(journey="browse", clean=CleanClass(journey="browse"), deadline_s=1.0, seen=seen)
    async with Posted(ground, known, Cell(journey="browse", edge=EDGE, kind=kind)) as listening:
        await listening.visited()
    assert not ears.open
    return ears, listening.twice(alone=True)


async def test_a_cell_whose_provider_works_hears_what_is_posted_on_its_edge(tmp_path: Path) -> None:
    ears, told = await heard(tmp_path, Kind.MALFORMED, {EDGE: Seen(calls=frozenset({CALL}))})

    assert ears.edges == [EDGE]
    assert "order_id is a, then b" in told[0]


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        pytest.param(Kind.RESET, {EDGE: Seen(calls=frozenset({CALL}))}, id="no answer can be heard"),
        pytest.param(Kind.MALFORMED, {}, id="nothing is known of clean visits"),
        pytest.param(
            Kind.MALFORMED,
            {EDGE: Seen(calls=frozenset({CALL, replace(CALL, nth=2)}))},
            id="clean visits post it twice",
        ),
    ],
)
async def test_where_nothing_could_be_told_nobody_listens(tmp_path: Path, kind: Kind, seen: dict[str, Seen]) -> None:
    ears, told = await heard(tmp_path, kind, seen)

    assert (ears.edges, told) == ([], ())
