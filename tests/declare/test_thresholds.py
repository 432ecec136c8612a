"""Thresholds as people write them, and the column at which they are wrong."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.declare.thresholds import LIMIT_CHARACTERS, Known, parse_threshold
from harness.errors import InputError
from harness.model.bound import Bound, Measure
from harness.model.threshold import Threshold

KNOWN = Known(
    journeys=("browse", "checkout"),
    phases=("before", "during", "spike"),
    steps={"checkout": ("POST /orders",), "browse": ("GET /v1.1/products", "GET /by/<id>")},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checkout.p99 < 800ms during", ("checkout", Measure.P99, "<", 0.8, "during")),
        ("checkout.p99 < 800 ms in during", ("checkout", Measure.P99, "<", 0.8, "during")),
        ("checkout/POST /orders.p95 < 300ms", ("checkout/POST /orders", Measure.P95, "<", 0.3, "")),
        ("all.failed < 1%", ("all", Measure.FAILED, "<", 0.01, "")),
        ("browse.rate > 40/s in spike", ("browse", Measure.RATE, ">", 40.0, "spike")),
        ("browse/GET /v1.1/products.p99.9<=1.5s", ("browse/GET /v1.1/products", Measure.P99_9, "<=", 1.5, "")),
        ("browse/GET /by/<id>.max < 2s", ("browse/GET /by/<id>", Measure.MAX, "<", 2.0, "")),
        ("all/POST /orders.good >= 99%", ("all/POST /orders", Measure.GOOD, ">=", 0.99, "")),
    ],
)
def test_a_threshold_is_read(text: str, expected: tuple[str, Measure, str, float, str]) -> None:
    subject, figure, comparison, value, phase = expected
    assert parse_threshold(text, KNOWN) == Threshold(
        text=text, subject=subject, figure=figure, comparison=comparison, value=value, phase=phase
    )


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("chekout.p99 < 1s", 1, "did you mean 'checkout'?"),
        ("  chekout.p99 < 1s", 3, "unknown journey 'chekout'"),
        ("checkout.p98 < 1s", 10, "unknown figure 'p98'; did you mean 'p99'?"),
        ("checkout/POST /order.p99 < 1s", 10, "did you mean 'POST /orders'?"),
        ("all/POST /order.p99 < 1s", 5, "did you mean 'POST /orders'?"),
        ("checkout/POST /orders.unknown < 1%", 23, "a step has no share 'unknown'"),
        ("checkout.p99 < 800 during", 16, "'800' has no unit; write a limit such as '800ms'"),
        ("checkout.p99 < 1%", 16, "'1%' is no limit of 'p99'"),
        ("checkout.failed < 800ms", 19, "'800ms' is no limit of 'failed'; write a limit such as '1%'"),
        ("checkout.failed < 101%", 19, "'101%' is no limit"),
        ("browse.rate > 40/min", 15, "write a limit such as '40/s'"),
        ("checkout.p99 < -1s", 16, "expected a limit, found '-1s'"),
        ("checkout.p99 <", 15, "expected a limit;"),
        ("checkout.p99 < 800ms durin", 22, "unknown phase 'durin'; did you mean 'during'?"),
        ("checkout.p99 < 800ms in durin", 25, "unknown phase 'durin'"),
        ("checkout.p99", 13, "expected a comparison"),
        ("checkout.p99 == 1s", 14, "expected one of <, <=, >, >=, found '=='"),
        ("checkout.p99 =< 1s", 14, "found '=<'"),
        ("p99 < 1s", 1, "expected a journey (or 'all') and a figure, found 'p99'"),
        ("checkout/.p99 < 1s", 1, "expected a journey"),
        ("", 1, "expected a comparison"),
        ("x" * (LIMIT_CHARACTERS + 1), 1, "expected at most 300 characters"),
    ],
)
def test_what_is_wrong_is_told_at_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(InputError) as told:
        parse_threshold(text, KNOWN)
    assert told.value.column == column
    assert message in str(told.value)
    assert (told.value.exit_code, f"column {column}" in str(told.value)) == (2, True)


def test_names_that_are_not_known_yet_are_not_checked() -> None:
    assert parse_threshold("whatever.p99 < 1s whenever").phase == "whenever"
    assert parse_threshold("search/GET /s.p99 < 1s", Known(journeys=("search",))).step == "GET /s"


@given(st.text(alphabet=string.printable + "≤é", max_size=60))
def test_any_text_is_read_or_refused_within_itself(text: str) -> None:
    column = 1
    try:
        parse_threshold(text, KNOWN)
    except InputError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1


def test_experiments_and_load_runs_write_their_figures_alike() -> None:
    threshold = parse_threshold("checkout.p99.9 < 800ms in during")
    assert threshold.bound == Bound.parse("checkout.p99.9", "< 800ms")
    assert str(threshold) == "checkout.p99.9 < 800 ms in during"
