from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.errors import HarnessError, Inconclusive
from harness.model.observation import Outcome
from harness.testing import kill, latency
from harness.testing.marks import cells_of, plan_of
from harness.testing.system import SystemUnderTest
from tests.testing.conftest import TOPOLOGY, FakeStage

EDGE = {"edge": "gateway->recommendations"}
SLOW = ((latency("1s"),), EDGE)


def asked(**options: object) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    return (), options


def test_a_plan_tells_what_it_would_do() -> None:
    plan = plan_of(
        [SLOW, ((kill(),), {"instance": ("recommendations", 2)})], [(("browse",), {"p99": "800ms"})], TOPOLOGY
    )
    assert str(plan) == (
        "gateway → recommendations under latency 1 s; recommendations-2 under SIGKILL; browse p99 < 800ms"
    )


def test_a_marker_without_a_fault_is_only_a_name() -> None:
    assert plan_of([((), {})], [], TOPOLOGY).breaks == ()


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        ((), EDGE, "expected a fault and where it acts"),
        (("latency",), EDGE, "expected a fault and where it acts"),
        ((latency("1s"),), {}, "expected a fault and where it acts"),
        ((latency("1s"),), {"instance": "gateway"}, "expected latency on an edge"),
        ((kill(),), EDGE, "expected kill on an instance"),
        ((latency("1s"),), {"edge": "gateway->recomendations"}, "did you mean 'gateway->recommendations'"),
        ((latency("1s"),), {"edge": 7}, "expected an edge as in"),
        ((kill(),), {"instance": ("gateway", 2)}, "no instance gateway-2; there is gateway"),
        ((kill(),), {"instance": "nobody"}, "none of that name"),
    ],
)
def test_a_fault_that_the_system_cannot_have_is_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(HarnessError, match=told):
        plan_of([(arguments, options)], [], TOPOLOGY)


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        ((), {}, "expected slo to bound"),
        ((), {"p42": "1s"}, "found p42"),
        (("brwose",), {"errors": "1%"}, "did you mean 'browse'"),
        (("browse", "checkout"), {"errors": "1%"}, "expected one journey or none"),
        ((), {"errors": "1%", "over": "1 h"}, "at most"),
    ],
)
def test_an_objective_that_cannot_be_measured_is_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(HarnessError, match=told):
        plan_of([], [(arguments, options)], TOPOLOGY)


def test_the_fault_is_in_force_until_the_objectives_were_measured(
    stage: FakeStage, under_test: SystemUnderTest
) -> None:
    with plan_of([SLOW], [asked(errors="1%")], TOPOLOGY).held(under_test):
        stage.deeds.append("the test")
    assert [each.split(" ")[0] for each in stage.deeds] == ["inject", "the", "drive", "heal"]
    assert under_test.broke == ["gateway → recommendations under latency 1 s"]


def test_all_objectives_that_were_missed_are_told(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.outcomes = {Outcome.OK: 15, Outcome.FAILED: 5}
    plan = plan_of([], [asked(errors="1%", p99="50ms"), (("browse",), {"degraded": "5%"})], TOPOLOGY)
    with pytest.raises(AssertionError) as told, plan.held(under_test):
        pass
    assert [line.split(" (")[0] for line in str(told.value).splitlines()] == ["all: 25% < 1%", "all: 100 ms < 50ms"]


def test_too_little_load_decides_nothing(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.outcomes = {Outcome.OK: 1}
    with (
        pytest.raises(Inconclusive, match="at least 30 samples"),
        plan_of([], [asked(errors="1%")], TOPOLOGY).held(under_test),
    ):
        pass


def test_nothing_is_measured_when_the_body_failed(stage: FakeStage, under_test: SystemUnderTest) -> None:
    with pytest.raises(ValueError, match="mine"), plan_of([SLOW], [asked(errors="1%")], TOPOLOGY).held(under_test):
        raise ValueError("mine")
    assert [each.split(" ")[0] for each in stage.deeds] == ["inject", "heal"]


def test_cells_are_all_that_the_edges_can_have() -> None:
    found = cells_of({"journeys": ["browse"], "edges": ["gateway->recommendations"]}, TOPOLOGY)
    assert ("browse", "gateway->recommendations", "refused") in found
    assert len(found) == len(set(found)) > 6
    assert len(cells_of({}, TOPOLOGY)) == 4 * len(found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kinds": ["latncy"]}, "did you mean 'latency'"),
        ({"edges": ["a->b"]}, "no such one of edges"),
        ({"kind": ["latency"]}, "found kind"),
    ],
)
def test_cells_that_there_are_not_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        cells_of(options, TOPOLOGY)
