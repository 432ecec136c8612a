"""Ten ways to ask what a bakery's page is worth while its prices are broken: `pytest docs/examples/pytest`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from random import Random
from urllib.request import urlopen

import pytest

from harness.testing import Breakable, Load, SystemUnderTest, black_hole, down, latency, pause, reset, truncate
from harness.testing.marks import MatrixCell

Edge = Callable[[str, str], Breakable]
KINDS = (down(), reset(), truncate(after_bytes=0), black_hole())


def page(system: SystemUnderTest) -> bytes:
    """What a customer sees, through the proxy on her edge."""
    with urlopen(system.url(), timeout=5) as answer:
        return bytes(answer.read())


@pytest.fixture
def well_again(system: SystemUnderTest) -> Iterator[None]:
    """An invariant: whatever a test broke, afterwards the page is whole."""
    yield
    assert page(system) == b"A bun: 42"


def test_1_slow_prices_cost_no_page(edge: Edge, load: Load) -> None:
    """A fault for as long as the `with` lasts, and the customers' journeys measured meanwhile."""
    load.drive(rate=40)
    with edge("front", "prices").under(latency("1s")):
        during = load.measure("2s")
    assert during.errors < "1%"
    assert during.degraded > "90%"


@pytest.mark.chaos(latency("1s"), edge="front->prices")
@pytest.mark.slo("look", errors="1%", p99="2s", over="2s")
def test_2_the_same_in_markers(load: Load) -> None:
    """The fault is in force while the body runs; then the objective is measured under it."""
    load.drive(rate=40)


@pytest.mark.cells(edges=["front->prices"], kinds=["refused", "latency"])
def test_3_cells_of_the_matrix(cell: MatrixCell) -> None:
    """One test for each cell: two visits under the fault, judged as `harness chaos matrix` judges them."""
    assert cell.visit()


def test_4_a_visit_under_a_fault_of_ones_own(edge: Edge) -> None:
    """Like a cell, with any fault; what came of it says why when it is false."""
    assert edge("front", "prices").visit("look", under=truncate(after_bytes=20))


async def test_5_beside_asyncio(system: SystemUnderTest, edge: Edge) -> None:
    """The fixtures are synchronous, and work in a test that is not."""
    with edge("front", "prices").under(down()):
        pages = await asyncio.gather(*[asyncio.to_thread(page, system) for _ in range(3)])
    assert pages == [b"A bun: on request"] * 3


def test_6_chance_that_can_be_repeated(system: SystemUnderTest, edge: Edge) -> None:
    """What is drawn with the run's seed is drawn again with `--chaos-seed`."""
    assert system.run is not None
    fault = Random(system.run.seed).choice(KINDS)  # noqa: S311 -- chance that can be repeated is what is wanted
    with edge("front", "prices").under(fault):
        assert page(system) == b"A bun: on request"


@pytest.mark.usefixtures("well_again")
@pytest.mark.chaos(pause(), instance="prices")
def test_7_a_frozen_instance_and_an_invariant(system: SystemUnderTest) -> None:
    """A fault may act on an instance, too; the fixture asks once it is healed."""
    assert page(system) == b"A bun: on request"


def test_8_what_is_in_force_can_be_asked(system: SystemUnderTest, edge: Edge) -> None:
    """Faults can be nested; each is healed when its `with` ends."""
    with edge("customers", "front").under(latency("50ms")), edge("front", "prices").under(latency("20ms")):
        broken = [str(each.injection.target) for each in system.in_force]
        assert page(system) == b"A bun: 42"
    assert broken == ["customers → front", "front → prices"]
    assert system.in_force == ()


def test_9_without_the_system() -> None:
    """All others are skipped by `--chaos=off`; this one never costs anything."""
    assert b"A bun: 42".startswith(b"A bun")


@pytest.mark.skipif("SHOW_A_FAILURE" not in os.environ, reason="fails on purpose; set SHOW_A_FAILURE to see it")
def test_10_a_failure_keeps_its_files(edge: Edge) -> None:
    """The reports stay in the run's directory, and the summary says where, and with which seed."""
    result = edge("customers", "front").visit("look", under=down())
    assert result.held, result
    raise AssertionError("on purpose")
