from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.fault import EdgeTarget, InstanceTarget
from harness.model.quantity import Duration
from harness.model.span import SpanKind
from harness.model.topology import Topology
from tests.checkers.histories import PAYMENTS, RECOMMENDATIONS, shop
from tests.checkers.spans import Telling, blame_of

DB = EdgeTarget(consumer="payments", provider="db")


def with_deadlines(**seconds: float) -> Topology:
    """The small shop, with deadlines of some edges, by their providers."""
    system = shop().system
    edges = tuple(
        edge.model_copy(update={"deadline": Duration(seconds[edge.provider])}) if edge.provider in seconds else edge
        for edge in system.edges
    )
    return replace(shop(), system=system.model_copy(update={"edges": edges}))


def checkout(
    telling: Telling, *, payments_ms: float, error: str = "no answer", orders: int = 503, gateway: int = 503
) -> Telling:
    """customers → gateway → orders → payments, which gives no answer in so many milliseconds."""
    end = payments_ms
    root = telling.served("gateway", 0, end + 30, status=gateway)
    to_orders = telling.asked("gateway", "orders", 5, end + 25, parent=root, error="it says: no", name="POST")
    served = telling.served("orders", 10, end + 20, parent=to_orders, status=orders)
    telling.asked("orders", "payments", 15, 15 + payments_ms, parent=served, error=error, name="POST")
    return telling


def test_a_call_that_overran_its_deadline_is_its_consumers_fault() -> None:
    found = blame_of(checkout(Telling(), payments_ms=5000), with_deadlines(payments=2.0), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge, found.silent) == ("orders", "orders->payments", ())
    assert found.why == "orders gave up on payments after 5.0 s (deadline 2.0 s)"


def test_whoever_passes_a_clean_refusal_on_is_not_to_blame_for_what_lies_deeper() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 90, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 85, parent=root, error="it says: no")
    orders = telling.served("orders", 10, 80, parent=to_orders, status=503)
    to_payments = telling.asked("orders", "payments", 15, 75, parent=orders, error="it says: no")
    payments = telling.served("payments", 20, 70, parent=to_payments, status=503)
    telling.told(
        "payments",
        SpanKind.CLIENT,
        25,
        65,
        parent=payments,
        bad=True,
        error="connection reset",
        attributes={"db.system": "postgresql"},
    )
    found = blame_of(telling, shop(), DB)
    assert found is not None
    assert (found.service, found.edge, found.first) == ("payments", "payments->db", "")
    assert "payments gave up on db after 40 ms: connection reset" in found.why


def test_who_turns_a_refusal_from_below_into_a_500_is_to_blame() -> None:
    found = blame_of(checkout(Telling(), payments_ms=50, orders=500), shop(), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("orders", "orders->payments")
    assert "answered 500 instead of a clean refusal" in found.why
    above = blame_of(checkout(Telling(), payments_ms=50, gateway=500), shop(), PAYMENTS)
    assert above is not None
    assert (above.service, above.edge, above.first) == ("gateway", "gateway->orders", "orders->payments")


def test_who_fails_for_want_of_what_it_can_do_without_is_to_blame() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 90, status=503)
    telling.asked("gateway", "recommendations", 5, 85, parent=root, error="no answer")
    found = blame_of(telling, shop(), RECOMMENDATIONS)
    assert found is not None
    assert (found.service, found.edge) == ("gateway", "gateway->recommendations")
    assert "the edge is soft" in found.why


def test_a_caller_that_gives_up_before_its_provider_does_shows_inverted_timeouts() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 1020, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 1005, parent=root, error="no answer within 1000 ms")
    orders = telling.served("orders", 10, 3020, parent=to_orders, status=503)
    telling.asked("orders", "payments", 15, 3015, parent=orders, error="no answer within 3000 ms")
    found = blame_of(telling, with_deadlines(orders=1.0, payments=3.0), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("orders", "orders->payments")
    assert "the timeouts are inverted (deadlines 1.0 s over 3.0 s)" in found.why


def hasty(telling: Telling, *, served_ms: float, status: int, cut: bool = False, starts_ms: float = 10) -> Telling:
    """The gateway gives up on orders after 200 ms, which waits for payments and ends after so many milliseconds."""
    root = telling.served("gateway", 0, 220, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 205, parent=root, error="no answer within 200 ms")
    orders = telling.served("orders", starts_ms, served_ms, parent=to_orders, status=status)
    error = "CancelledError" if cut else "no answer within 250 ms"
    telling.asked("orders", "payments", starts_ms + 5, served_ms - 5, parent=orders, error=error)
    return telling


def test_a_caller_that_gives_up_on_a_provider_that_answers_well_later_is_to_blame() -> None:
    found = blame_of(hasty(Telling(), served_ms=300, status=200), with_deadlines(orders=0.8, payments=0.25), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("gateway", "gateway->orders")
    assert "gateway gave up on orders after 200 ms (deadline 800 ms), which answered well 95 ms later" in found.why


def test_a_provider_that_was_cut_off_while_it_waited_is_not_to_blame_for_that() -> None:
    told = hasty(Telling(), served_ms=215, status=500, cut=True)
    found = blame_of(told, with_deadlines(orders=0.8, payments=0.25), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("gateway", "gateway->orders")
    assert "which still waited for payments" in found.why


def test_a_caller_that_waited_as_agreed_is_not_hasty() -> None:
    told = hasty(Telling(), served_ms=215, status=500, cut=True)
    found = blame_of(told, with_deadlines(orders=0.2, payments=0.25), PAYMENTS)
    assert found is not None
    assert found.service == "orders"
    late = blame_of(hasty(Telling(), served_ms=215, status=500, cut=True), with_deadlines(payments=0.1), PAYMENTS)
    assert late is not None
    assert late.service == "orders"


def test_a_request_that_was_late_on_its_way_makes_nobody_hasty() -> None:
    told = hasty(Telling(), served_ms=400, status=200, starts_ms=180)
    found = blame_of(told, with_deadlines(orders=0.8, payments=0.25), PAYMENTS)
    assert found is not None
    assert "answered well" not in found.why


def test_a_retry_storm_is_told_with_all_who_retried() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 1000, status=503)
    for outer in range(3):
        start = 10 + outer * 300
        to_orders = telling.asked("gateway", "orders", start, start + 250, parent=root, error="it says: no")
        orders = telling.served("orders", start + 5, start + 245, parent=to_orders, status=503)
        for inner in range(3):
            begin = start + 10 + inner * 60
            telling.asked("orders", "payments", begin, begin + 50, parent=orders, error="connection reset")
    found = blame_of(telling, shop(), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge, found.first) == ("gateway", "gateway->orders", "orders->payments")
    expected = (
        "a retry storm: 9 calls of payments for one request; retried by gateway (3 attempts) and orders (3 attempts)"
    )
    assert found.why == expected


def test_two_attempts_are_no_storm() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 300, status=503)
    for start in (10, 110):
        telling.asked("gateway", "orders", start, start + 90, parent=root, error="connection reset")
    found = blame_of(telling, shop())
    assert found is not None
    assert found.why == "gateway gave up on orders in 2 attempts after 190 ms: connection reset"


def test_of_two_faults_the_one_that_the_customer_suffered_from_is_to_blame() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 600, status=503)
    telling.asked("gateway", "recommendations", 5, 55, parent=root, error="no answer")
    to_orders = telling.asked("gateway", "orders", 60, 590, parent=root, error="it says: no")
    orders = telling.served("orders", 65, 585, parent=to_orders, status=503)
    telling.asked("orders", "payments", 70, 580, parent=orders, error="no answer")
    found = blame_of(telling, shop(), RECOMMENDATIONS, PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("orders", "orders->payments")


def test_what_was_broken_off_because_something_else_failed_is_not_to_blame() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 100, status=503)
    telling.asked("gateway", "recommendations", 5, 60, parent=root, error="cancelled")
    telling.asked("gateway", "orders", 5, 62, parent=root, error="connection reset")
    found = blame_of(telling, shop())
    assert found is not None
    assert found.edge == "gateway->orders"


def test_an_open_breaker_leaves_no_span_of_the_call_that_it_saved() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 30, status=503)
    telling.asked("gateway", "recommendations", 1, 29, parent=root, error="CancelledError")
    found = blame_of(telling, shop(), EdgeTarget(consumer="gateway", provider="orders"))
    assert found is not None
    assert (found.service, found.edge, found.inferred, found.silent) == ("gateway", "gateway->orders", True, ())


def test_nobody_is_to_blame_for_a_fallback_that_worked() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 100)
    telling.asked("gateway", "recommendations", 5, 55, parent=root, error="no answer")
    assert blame_of(telling, shop(), RECOMMENDATIONS) is None


def test_an_attempt_that_was_made_good_is_not_the_cause() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 400, status=503)
    telling.asked("gateway", "orders", 5, 55, parent=root, error="connection reset")
    telling.asked("gateway", "orders", 60, 90, parent=root)
    telling.asked("gateway", "recommendations", 95, 390, parent=root, error="no answer")
    found = blame_of(telling, shop())
    assert found is not None
    assert found.edge == "gateway->recommendations"


def test_an_error_that_no_call_explains_was_born_where_it_was_answered() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 90, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 85, parent=root, error="it answered 500")
    telling.served("orders", 10, 80, parent=to_orders, status=500)
    found = blame_of(telling, shop())
    assert found is not None
    assert (found.service, found.edge) == ("orders", "gateway->orders")
    assert found.why == "orders answered 500 by itself: no call of its own had failed"
    alone = Telling()
    alone.served("gateway", 0, 90, status=500)
    found = blame_of(alone, shop())
    assert found is not None
    assert (found.service, found.edge) == ("gateway", "customers->gateway")


def test_whose_instance_was_broken_is_not_to_blame_for_its_errors() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 90, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 85, parent=root, error="it answered 500")
    telling.served("orders", 10, 80, parent=to_orders, status=500)
    found = blame_of(telling, shop(), InstanceTarget(service="orders"))
    assert found is not None
    assert (found.service, found.edge) == ("gateway", "gateway->orders")


def test_a_clean_refusal_for_want_of_a_store_that_nobody_tells_of_is_told_from_the_topology() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 90, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 85, parent=root, error="it says: no")
    orders = telling.served("orders", 10, 80, parent=to_orders, status=503)
    to_payments = telling.asked("orders", "payments", 15, 75, parent=orders, error="it says: no")
    telling.served("payments", 20, 70, parent=to_payments, status=503)
    found = blame_of(telling, shop(), DB)
    assert found is not None
    assert (found.service, found.edge) == ("payments", "payments->db")
    assert "no span tells of it" in found.why


def test_a_service_that_sends_no_spans_is_named() -> None:
    telling = checkout(Telling(), payments_ms=800).without("orders")
    found = blame_of(telling, shop(), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge, found.silent) == ("orders", "orders->payments", ("orders",))


def test_a_service_that_only_passes_the_trace_on_is_seen_through() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 90, status=503)
    to_orders = telling.asked("gateway", "orders", 5, 85, parent=root, error="it says: no")
    telling.served("payments", 20, 70, parent=to_orders, status=500)
    found = blame_of(telling, shop(), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("payments", "orders->payments")


@pytest.mark.parametrize("lost", ["gateway", "orders"])
def test_a_request_whose_span_never_ended_is_put_together_from_its_calls(lost: str) -> None:
    telling = checkout(Telling(), payments_ms=5000)
    telling.spans = [span for span in telling.spans if span.service != lost or span.kind is not SpanKind.SERVER]
    found = blame_of(telling, with_deadlines(payments=2.0), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("orders", "orders->payments")


def test_slowness_is_followed_to_where_the_time_went() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 5000)
    to_orders = telling.asked("gateway", "orders", 5, 4990, parent=root)
    orders = telling.served("orders", 10, 4980, parent=to_orders)
    to_payments = telling.asked("orders", "payments", 15, 4970, parent=orders)
    telling.served("payments", 20, 40, parent=to_payments)
    found = blame_of(telling, shop(), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge, found.why) == ("orders", "orders->payments", "orders waited 5.0 s for payments")


def test_a_service_that_is_slow_by_itself_is_told_so() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 5000)
    to_orders = telling.asked("gateway", "orders", 5, 4990, parent=root)
    telling.served("orders", 10, 4980, parent=to_orders)
    found = blame_of(telling, shop())
    assert found is not None
    assert (found.service, found.why) == ("orders", "orders took 5.0 s by itself")


@pytest.mark.parametrize("ahead_ms", [-90_000.0, -300.0, 0.0, 300.0, 90_000.0])
def test_clocks_that_differ_change_nothing(ahead_ms: float) -> None:
    telling = Telling(clocks_ms={"orders": ahead_ms, "payments": -ahead_ms})
    root = telling.served("gateway", 0, 700, status=503)
    first = telling.asked("gateway", "orders", 5, 95, parent=root)
    telling.served("orders", 10, 90, parent=first)
    to_orders = telling.asked("gateway", "orders", 100, 690, parent=root, error="it says: no")
    orders = telling.served("orders", 105, 685, parent=to_orders, status=503)
    to_payments = telling.asked("orders", "payments", 110, 680, parent=orders, error="it says: no")
    payments = telling.served("payments", 115, 670, parent=to_payments, status=503)
    telling.asked("payments", "db", 120, 660, parent=payments, error="connection reset")
    found = blame_of(telling, with_deadlines(orders=1.0, payments=1.0), DB)
    assert found is not None
    assert (found.service, found.edge) == ("payments", "payments->db")


def test_work_after_a_message_is_looked_at_when_all_requests_went_well() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 50, status=202)
    to_orders = telling.asked("gateway", "orders", 5, 45, parent=root)
    telling.served("orders", 10, 40, parent=to_orders, status=202)
    work = telling.told("orders", SpanKind.SERVER, 60, 900, parent=root, attributes={"messaging.system": "?"})
    telling.asked("orders", "payments", 65, 890, parent=work, error="no answer")
    found = blame_of(telling, shop(), PAYMENTS)
    assert found is not None
    assert (found.service, found.edge) == ("orders", "orders->payments")


def test_without_any_span_nobody_is_blamed() -> None:
    assert blame_of(Telling(), shop(), PAYMENTS) is None
