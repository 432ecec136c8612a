from dataclasses import replace

import pytest

from harness.checkers.blame import NOBODY, Blame, at_customers, blamed, of_service
from harness.model.experiment import Role
from harness.model.fault import InstanceTarget, Target
from harness.model.history import History
from harness.model.observation import CrossingSecond, Outcome
from harness.model.span import JourneyTrace
from tests.checkers.histories import CUSTOMERS, LOST_PAYMENTS, PAYMENTS, RECOMMENDATIONS, experiment, history, shop
from tests.checkers.spans import Telling


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


def failing(trace: str, *, provider: str, start_ms: float) -> Telling:
    """A checkout that failed since the gateway, or orders behind it, had no answer."""
    telling = Telling(trace=trace)
    root = telling.served("gateway", start_ms, start_ms + 100, status=503)
    to_orders = telling.asked("gateway", "orders", start_ms + 5, start_ms + 95, parent=root, error="it says: no")
    if provider == "payments":
        served = telling.served("orders", start_ms + 10, start_ms + 90, parent=to_orders, status=503)
        telling.asked("orders", "payments", start_ms + 15, start_ms + 85, parent=served, error="no answer")
    return telling


def with_spans(*telling: Telling, outcome: Outcome = Outcome.FAILED, took_s: float = 0.2) -> History:
    traces = tuple(
        JourneyTrace(t=31.0 + n, journey="checkout", outcome=outcome, took_s=took_s, trace=each.trace)
        for n, each in enumerate(telling)
    )
    spans = tuple(span for each in telling for span in each.spans)
    return replace(history(experiment(RECOMMENDATIONS)), spans=spans, traces=traces)


def test_spans_prove_it_whatever_was_injected() -> None:
    found = blamed(with_spans(failing("a" * 32, provider="payments", start_ms=31_000)), "checkout")
    assert (found.edge, found.service, found.owner) == ("orders->payments", "orders", "orders")
    expected = "checkout failed: orders gave up on payments after 70 ms: no answer; "
    assert found.reason.startswith(expected + "owner: payments' caller orders, team orders")
    assert found.evidence[0] == f"trace {'a' * 32}:"
    assert "orders \N{RIGHTWARDS ARROW} payments" in found.evidence[-1]


def test_most_of_the_worst_traces_decide() -> None:
    odd = failing("a" * 32, provider="orders", start_ms=31_000)
    usual = [failing(letter * 32, provider="payments", start_ms=32_000) for letter in "bc"]
    found = blamed(with_spans(odd, *usual), "checkout")
    assert found.edge == "orders->payments"
    assert found.reason.endswith("(2 of the 3 worst traces say so)")


def test_other_journeys_and_other_times_say_nothing() -> None:
    seen = with_spans(failing("a" * 32, provider="payments", start_ms=31_000))
    assert blamed(seen, "browse").inferred
    early = replace(seen, traces=tuple(replace(each, t=5.0) for each in seen.traces))
    assert blamed(early, "checkout").inferred
    assert not blamed(seen).edge.startswith("gateway")


def test_visits_that_went_well_blame_nobody() -> None:
    found = blamed(with_spans(failing("a" * 32, provider="payments", start_ms=31_000), outcome=Outcome.OK), "checkout")
    assert (found.inferred, found.edge) == (True, RECOMMENDATIONS.edge)
    assert found.reason == "inferred from the topology: its spans blame nobody"


def test_it_is_said_when_there_are_no_spans() -> None:
    assert blamed(history(experiment(PAYMENTS))).reason == "inferred from the topology: no spans of orders"


def test_without_spans_the_proxies_tell_which_of_two_faults_was_met_first() -> None:
    row = CrossingSecond(
        second=35,
        line="orders-1->payments-1",
        connections=1,
        requests=9,
        answers=4,
        aborted=5,
        bytes_up=1,
        bytes_down=1,
        answer_ms_sum=1.0,
    )
    both = experiment(RECOMMENDATIONS)
    second = replace(both.injections[0], target=PAYMENTS)
    seen = replace(history(replace(both, injections=(*both.injections, second))), crossings=(row,))
    found = blamed(seen, "checkout")
    assert found.edge == "orders->payments"
    told = "the proxies saw 5 of 9 requests on orders->payments without an answer, first in second 35"
    assert found.reason == f"inferred from the topology: no spans of orders; {told}"
