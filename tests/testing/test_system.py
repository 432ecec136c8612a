"""Edges and instances under a fault, and the load measured, on a stage without a system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError, HealError, Inconclusive, LoadError, ProxyError
from harness.faults import down, kill, latency
from harness.model.events import InjectionArmed, InjectionHealed
from harness.model.observation import Outcome
from harness.testing.system import SystemUnderTest

if TYPE_CHECKING:
    from tests.testing.conftest import FakeStage

DURING = "during, gateway → recommendations under latency 1 s"


def test_a_measurement_says_what_was_in_force(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.outcomes = {Outcome.OK: 12, Outcome.DEGRADED: 4, Outcome.FAILED: 3, Outcome.UNKNOWN: 1}

    with under_test.edge("gateway", "recommendations").under(latency("1s")):
        during = under_test.load.measure("10s")

    assert [repr(during.errors), repr(during.degraded), repr(during["browse"].p99)] == [
        f"20% ({DURING}, n = 200)",
        f"20% ({DURING}, n = 200)",
        f"100 ms ({DURING}, browse, n = 160)",
    ]


def test_without_a_fault_it_says_so(under_test: SystemUnderTest) -> None:
    assert repr(under_test.load.measure("2s").errors) == "0% (no fault in force, n = 40)"


def test_the_first_seconds_of_a_load_are_not_measured(stage: FakeStage, under_test: SystemUnderTest) -> None:
    assert under_test.load.measure("2s").window.start >= 3.5
    assert under_test.load.measure("2s").window.start < stage.time


def test_the_load_is_driven_as_the_description_weighs_it_and_goes_on(
    stage: FakeStage, under_test: SystemUnderTest
) -> None:
    under_test.load.measure("2s")
    under_test.load.measure("2s")

    assert stage.deeds == ["drive"]
    assert stage.load == (20.0, {"browse": 9.0, "checkout": 1.0})


def test_the_load_rests_once(stage: FakeStage, under_test: SystemUnderTest) -> None:
    under_test.load.drive(rate=5, weights={"browse": 1})
    under_test.load.rest()
    under_test.load.rest()

    assert stage.deeds == ["drive", "quiesce"]


def test_a_journey_that_nobody_knows_is_refused(under_test: SystemUnderTest) -> None:
    with pytest.raises(LoadError, match="found bake"):
        under_test.load.drive(weights={"bake": 1})
    with pytest.raises(KeyError, match="browse, checkout"):
        under_test.load.measure("2s")["bake"]


def test_journeys_that_never_end_are_errors(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.never_ending = 5

    measured = under_test.load.measure("10s")

    assert repr(measured.errors) == "20% (no fault in force, n = 250)"
    with pytest.raises(Inconclusive, match="50 journeys have not ended"):
        assert measured["browse"].errors < "1%"


def test_journeys_that_never_end_are_errors_of_the_only_one_that_is_driven(
    stage: FakeStage, under_test: SystemUnderTest
) -> None:
    stage.never_ending = 5
    under_test.load.drive(weights={"browse": 1})

    assert under_test.load.measure("10s")["browse"].errors == "20%"


def test_a_generator_that_can_not_keep_up_proves_nothing(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.dropped = 4

    with pytest.raises(Inconclusive, match="nobody free for 40 of 240 journeys"):
        assert under_test.load.measure("10s").errors < "1%"


def test_a_fault_that_nothing_met_proves_nothing(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.crossing = 0

    with under_test.edge("gateway", "recommendations").under(latency("1s")):
        during = under_test.load.measure("10s")

    with pytest.raises(Inconclusive, match="0 requests met gateway → recommendations under latency 1 s"):
        assert during.errors < "1%"


def test_a_fault_that_leaves_nothing_to_count_is_believed_when_requests_came_before_it(
    under_test: SystemUnderTest,
) -> None:
    edge = under_test.edge("gateway", "recommendations")
    with edge.under(down()):
        first = under_test.load.measure("10s")
    with edge.under(down()):
        second = under_test.load.measure("10s")

    with pytest.raises(Inconclusive, match="measure once without the fault before"):
        assert first.errors < "1%"
    assert second.errors < "1%"


def test_a_fault_is_healed_when_the_test_fails(stage: FakeStage, under_test: SystemUnderTest) -> None:
    with (
        pytest.raises(AssertionError, match="of the test"),
        under_test.edge("gateway", "recommendations").under(latency("1s")),
    ):
        raise AssertionError("of the test")

    assert stage.deeds == ["inject gateway → recommendations under latency 1 s", "heal test-1"]
    assert under_test.in_force == ()


def test_a_fault_is_in_the_journal_from_arming_to_healing(stage: FakeStage, under_test: SystemUnderTest) -> None:
    with under_test.edge("gateway", "recommendations").under(latency("1s")):
        stage.time = 7.0

    armed, healed = stage.journal
    assert isinstance(armed, InjectionArmed)
    assert isinstance(healed, InjectionHealed)
    assert (armed.t, armed.injection, armed.armed.in_force) == (0.5, "test-1", True)
    assert (healed.t, healed.injection, healed.healed.verified) == (7.0, "test-1", True)
    assert armed.what == healed.what == "gateway → recommendations under latency 1 s"


def test_a_fault_that_can_not_be_armed_is_in_the_journal_too(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.refuses = True

    with pytest.raises(ProxyError):
        under_test.edge("gateway", "recommendations").under(latency("1s")).__enter__()

    armed, _ = stage.journal
    assert isinstance(armed, InjectionArmed)
    assert (armed.armed.in_force, armed.armed.evidence) == (False, "no answer")


def test_a_fault_that_is_not_in_force_is_inconclusive_and_healed(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.bites = False

    with pytest.raises(Inconclusive, match="is not in force: the probe's words"):
        under_test.edge("gateway", "recommendations").under(latency("1s")).__enter__()

    assert stage.deeds[-1] == "heal test-1"


def test_a_fault_that_can_not_be_armed_is_healed(stage: FakeStage, under_test: SystemUnderTest) -> None:
    stage.refuses = True

    with pytest.raises(ProxyError):
        under_test.edge("gateway", "recommendations").under(latency("1s")).__enter__()

    assert stage.deeds[-1] == "heal test-1"


def test_a_heal_that_is_not_verified_is_told_even_after_a_failure(
    stage: FakeStage, under_test: SystemUnderTest
) -> None:
    stage.heals = False

    with (
        pytest.raises(HealError, match="was not taken back for sure: still there") as raised,
        under_test.instance("recommendations", 2).under(kill()),
    ):
        raise AssertionError("of the test")

    assert str(raised.value.__context__) == "of the test"


def test_only_the_lines_of_an_instance_can_be_meant(under_test: SystemUnderTest) -> None:
    edge = under_test.edge("gateway", "recommendations")

    with edge.only(provider=2).under(latency("1s")):
        assert [sorted(fault.lines) for fault in under_test.in_force] == [["gateway-1->recommendations-2"]]
    with pytest.raises(HarnessError, match="found recommendations-3; known: recommendations-1, recommendations-2"):
        edge.only(provider=3)


def test_faults_can_be_in_force_together(under_test: SystemUnderTest) -> None:
    under_test.load.measure("2s")
    with (
        under_test.edge("gateway", "recommendations").under(latency("1s")),
        under_test.instance("recommendations", 2).under(kill()),
    ):
        during = under_test.load.measure("2s")

    assert during.circumstances == f"{DURING} and recommendations-2 under SIGKILL"


@pytest.mark.parametrize(("consumer", "provider"), [("gateway", "bakery"), ("recommendations", "gateway")])
def test_an_unknown_edge_is_refused_with_those_that_there_are(
    under_test: SystemUnderTest, consumer: str, provider: str
) -> None:
    with pytest.raises(HarnessError, match="known: customers->gateway, gateway->recommendations"):
        under_test.edge(consumer, provider)


def test_a_fault_on_the_wrong_kind_of_thing_is_refused(stage: FakeStage, under_test: SystemUnderTest) -> None:
    with pytest.raises(HarnessError, match="kill acts on an instance"):
        under_test.edge("gateway", "recommendations").under(kill())

    assert stage.deeds == []


def test_the_address_of_customers_is_another_than_that_of_a_service_itself(under_test: SystemUnderTest) -> None:
    assert under_test.url() == "http://127.0.0.1:1"
    assert under_test.url("gateway") == "http://127.0.0.1:2/gateway"
    with pytest.raises(HarnessError, match="no service 'gatway'; did you mean 'gateway'"):
        under_test.url("gatway")
