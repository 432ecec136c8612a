from dataclasses import replace

import pytest

from harness.checkers.blame import NOBODY, Blame, at_customers, blamed, of_service
from harness.model.experiment import Role
from harness.model.fault import InstanceTarget, Target
from tests.checkers.histories import CUSTOMERS, LOST_PAYMENTS, PAYMENTS, RECOMMENDATIONS, experiment, history, shop


@pytest.mark.parametrize(
    ("target", "journey", "edge", "service", "owner"),
    [
        (RECOMMENDATIONS, "browse", "gateway->recommendations", "gateway", "edge"),
        (PAYMENTS, "checkout", "orders->payments", "orders", "orders"),
        (CUSTOMERS, "browse", "customers->gateway", "gateway", "edge"),
        (LOST_PAYMENTS, "checkout", "orders->payments", "orders", "orders"),
        (LOST_PAYMENTS, None, "orders->payments", "orders", "orders"),
        (InstanceTarget(service="db"), "checkout", "payments->db", "payments", "payments"),
        (InstanceTarget(service="gateway"), "browse", "customers->gateway", "gateway", "edge"),
    ],
)
def test_who_should_have_coped(target: Target, journey: str | None, edge: str, service: str, owner: str) -> None:
    expected = Blame(edge=edge, service=service, owner=owner, inferred=True)
    assert blamed(history(experiment(target)), journey) == expected


def test_without_a_fault_nobody_had_to_cope() -> None:
    clean = history()
    assert blamed(replace(clean, experiment=replace(clean.experiment, injections=()))) == NOBODY


@pytest.mark.parametrize(
    ("target", "broken"),
    [(CUSTOMERS, True), (InstanceTarget(service="gateway"), True), (RECOMMENDATIONS, False), (LOST_PAYMENTS, False)],
)
def test_the_customers_own_connection_is_broken_by_faults_at_the_entry_only(target: Target, *, broken: bool) -> None:
    assert at_customers(history(experiment(target))) is broken


def test_a_placebo_breaks_nothing_even_at_the_entry() -> None:
    assert not at_customers(history(experiment(CUSTOMERS, role=Role.PLACEBO)))


def test_a_service_that_certainly_did_it_has_the_edge_from_its_caller() -> None:
    assert of_service(shop(), "payments", caller="orders").edge == PAYMENTS.edge
    assert of_service(shop(), "payments", caller="gateway").edge == ""
