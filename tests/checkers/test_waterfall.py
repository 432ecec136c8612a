from __future__ import annotations

from harness.checkers.waterfall import LINES_LIMIT, waterfall
from tests.checkers.histories import shop
from tests.checkers.spans import TRACE, Telling


def test_a_trace_is_shown_as_a_tree_with_times_and_errors() -> None:
    telling = Telling()
    root = telling.served("gateway", 1000, 1100, status=503)
    to_orders = telling.asked("gateway", "orders", 1005, 1095, parent=root, error="it says: no")
    orders = telling.served("orders", 1010, 1090, parent=to_orders, status=503)
    telling.asked("orders", "payments", 1015, 1045, parent=orders, error="connection reset")
    telling.asked("orders", "payments", 1050, 1085, parent=orders, error="no answer")
    told, *lines = waterfall(telling.spans, shop())
    assert told == f"trace {TRACE}:"
    assert [" ".join(line.split()) for line in lines] == [
        "customers → gateway + 0 ms 100 ms 503 ✗",
        "gateway → orders + 5 ms 90 ms it says: no ✗",
        "orders → payments + 15 ms 70 ms no answer, after 2 attempts ✗",
    ]
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, 4, 6]


def test_of_a_long_trace_the_failures_are_shown_in_any_case() -> None:
    telling = Telling()
    root = telling.served("gateway", 0, 900)
    for number in range(30):
        error = "no answer" if number == 29 else ""
        telling.asked("gateway", "orders", number * 10, number * 10 + 9, parent=root, error=error)
    lines = waterfall(telling.spans, shop())
    assert len(lines) == LINES_LIMIT + 2
    assert "no answer" in lines[-2]
    assert lines[-1] == "  … and 17 more calls"


def test_without_spans_there_is_nothing_to_show() -> None:
    assert waterfall((), shop()) == ()
