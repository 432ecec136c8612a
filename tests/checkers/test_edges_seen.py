from __future__ import annotations

from harness.checkers.edges_seen import edges_seen
from harness.model.span import SpanKind
from tests.checkers.histories import shop
from tests.checkers.spans import Telling


def test_edges_are_seen_with_their_calls_stores_and_what_is_not_declared() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 100)
    to_orders = telling.asked("gateway", "orders", 5, 25, parent=root, error="connection reset")
    again = telling.asked("gateway", "orders", 30, 90, parent=root)
    orders = telling.served("orders", 31, 89, parent=again)
    sneaky = telling.asked("orders", "recommendations", 32, 40, parent=orders)
    telling.served("recommendations", 33, 39, parent=sneaky)
    telling.told(
        "payments",
        SpanKind.CLIENT,
        50,
        60,
        parent=telling.served("payments", 45, 70, parent=telling.asked("orders", "", 44, 71, parent=orders)),
        attributes={"db.system": "postgresql", "db.namespace": "orders", "deadline_ms": "250"},
    )
    assert to_orders
    seen = {each.name: each for each in edges_seen(telling.spans, shop())}
    assert set(seen) == {"gateway->orders", "orders->recommendations", "orders->payments", "payments->db"}
    first = seen["gateway->orders"]
    assert (first.count, first.failed, first.traces, first.declared, first.store) == (2, 1, 1, True, False)
    assert [round(each, 3) for each in first.durations_s] == [0.02, 0.06]
    assert first.median_s == first.durations_s[1]
    assert not seen["orders->recommendations"].declared
    store = seen["payments->db"]
    assert (store.store, store.declared, store.deadline_s) == (True, True, 0.25)


def test_names_that_services_have_for_themselves_are_those_of_the_topology() -> None:
    telling = Telling()
    root = telling.served("Gateway", 0, 100)
    telling.asked("Gateway", "ORDERS", 5, 25, parent=root)
    assert [each.name for each in edges_seen(telling.spans, shop())] == ["gateway->orders"]


def test_calls_that_hold_spans_of_their_attempts_are_not_counted_twice() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 100)
    outer = telling.asked("gateway", "orders", 5, 95, parent=root)
    for start in (10, 50):
        telling.served(
            "orders", start + 1, start + 9, parent=telling.asked("gateway", "", start, start + 10, parent=outer)
        )
    assert [(each.name, each.count) for each in edges_seen(telling.spans, shop())] == [("gateway->orders", 2)]


def test_a_message_is_no_call() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 100)
    telling.told("orders", SpanKind.SERVER, 5, 9, parent=root, attributes={"messaging.system": "?"})
    assert edges_seen(telling.spans, shop()) == ()
