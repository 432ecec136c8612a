"""What is told of every experiment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.measuring import measured
from harness.model.measures import EdgeCalls
from harness.model.observation import Window, WindowKind
from harness.model.quantity import Share
from harness.model.system import Objectives
from tests.checkers.histories import FAULT, PAYMENTS, WINDOWS, Each, crossing_seconds, experiment, history, shop

WARM_UP = Window(kind=WindowKind.WARM_UP, start=20.0, end=30.0)
BAD = {"browse": Each(ok=0, failed=10), "checkout": Each(ok=0, failed=10)}


def test_users_who_suffer_as_long_as_the_fault_lasts_suffer_no_longer() -> None:
    found = measured(history(fault=BAD))
    assert found is not None
    assert (found.fault_s, found.suffered_s, found.amplification) == (20.0, 20.0, 1.0)
    assert found.recovery_s == pytest.approx(0.9)


def test_what_never_gets_well_amplifies_for_as_long_as_it_was_watched() -> None:
    found = measured(history(fault=BAD, recovery=BAD))
    assert found is not None
    assert (found.suffered_s, found.amplification, found.recovery_s) == (40.0, 2.0, None)


def test_nobody_suffers_on_a_clear_day() -> None:
    found = measured(history())
    assert found is not None
    assert (found.suffered_s, found.amplification) == (0.0, 0.0)


def test_goodput_and_the_degraded_share_are_told_of_each_journey() -> None:
    found = measured(history(fault={"browse": Each(ok=4, degraded=4, failed=2)}))
    assert found is not None
    browse, checkout = found.journeys
    assert (browse.degraded_share, browse.goodput, browse.goodput_before, browse.bad) == (0.5, 8.0, 10.0, 40)
    assert (checkout.degraded_share, checkout.goodput, checkout.bad) == (0.0, 10.0, 0)
    assert browse.budget_share is None


def test_the_budget_that_was_spent_is_a_part_of_thirty_days() -> None:
    system = shop().system
    journeys = dict(system.journeys)
    objectives = Objectives(availability=Share(0.999))
    journeys["browse"] = journeys["browse"].model_copy(update={"objectives": objectives})
    topology = replace(shop(), system=system.model_copy(update={"journeys": journeys}))
    found = measured(replace(history(fault=BAD), topology=topology))
    assert found is not None
    assert found.journeys[0].budget_share == pytest.approx(200 / (0.001 * 10 * 30 * 86400))


def test_calls_for_each_journey_are_told_of_the_faulted_edge_and_of_those_before_it() -> None:
    rows = [
        *crossing_seconds(WARM_UP, "orders-1->payments-1", requests=10),
        *crossing_seconds(FAULT, "orders-1->payments-1", requests=5),
        *crossing_seconds(FAULT, "gateway-1->orders-1", requests=2),
    ]
    seen = replace(history(experiment(PAYMENTS)), windows=(WARM_UP, *WINDOWS), crossings=tuple(rows))
    found = measured(seen)
    assert found is not None
    assert found.calls == (
        EdgeCalls(edge="orders->payments", before=0.5, during=0.25),
        EdgeCalls(edge="gateway->orders", before=0.0, during=0.1),
    )
    assert [each.times for each in found.calls] == [0.5, None]


def test_without_a_fault_there_is_nothing_to_tell() -> None:
    assert measured(replace(history(), windows=WINDOWS[:1])) is None
