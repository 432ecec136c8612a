"""Commands that were sent again: which of them were done twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import JsonValue

from harness.checkers.alike import Call, Seen
from harness.checkers.twice import commands_made_once, done_twice
from harness.model.changes import KeptExchange
from harness.model.matrix import Kind, Rule
from tests.checkers.trials import TRIAL, failed, got, under, visit

TRACE = "0af7651916cd43dd8448eb211c80319c"
ORDER = b'{"items": ["tea"]}'


def posted(  # noqa: PLR0913 -- one keyword for each part of an exchange
    answer: JsonValue,
    *,
    t: float = 0.0,
    key: str = "",
    trace: str = TRACE,
    body: bytes = ORDER,
    status: int = 201,
    method: str = "POST",
    location: str = "",
) -> KeptExchange:
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01" if trace else "", "Idempotency-Key": key}
    return KeptExchange(
        line="web->orders",
        t=t,
        method=method,
        path="/orders",
        request_headers=tuple((name, value) for name, value in headers.items() if value),
        request_body=body,
        status=status,
        headers=(("Location", location),) if location else (),
        body=json.dumps(answer).encode(),
        cut=False,
    )


def order(name: str) -> JsonValue:
    return {"order_id": name, "at": name, "request_id": f"of {name}"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("k-1", "k-2"), "each has an Idempotency-Key of its own"),
        (("", ""), "neither has an Idempotency-Key"),
        (("k-1", "k-1"), "both have the same Idempotency-Key"),
    ],
)
def test_a_command_of_which_two_things_were_made_is_told_with_both(keys: tuple[str, str], said: str) -> None:
    first, second = posted(order("a"), key=keys[0]), posted(order("b"), key=keys[1], t=0.1)

    told = done_twice([[second, first]], alone=True)
    assert told == (f"POST /orders was sent again and accepted again (201, 201): order_id is a, then b; {said}",)
    assert done_twice([[first], [second]], alone=False), "its trace tells though it came after the visit"


def test_things_may_be_named_by_where_they_are() -> None:
    pair = [posted({}, location=f"/orders/{name}") for name in "ab"]
    assert "Location is /orders/a, then /orders/b" in done_twice([pair], alone=True)[0]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(posted(order("a"), t=0.1), id="the thing that is there already"),
        pytest.param(posted(order("b"), status=409), id="a refusal"),
        pytest.param(posted(order("b"), body=b'{"items": ["milk"]}'), id="another command"),
        pytest.param(posted(order("b"), trace="1" * 32), id="another customer's"),
        pytest.param(posted(order("b"), method="PUT"), id="what may be repeated"),
        pytest.param(posted({"at": "later", "request_id": "of b"}), id="nothing is named"),
    ],
)
def test_what_is_no_second_time_is_not_told(second: KeptExchange) -> None:
    assert done_twice([[posted(order("a")), second]], alone=True) == ()


def test_without_a_trace_only_visits_that_are_paid_alone_tell() -> None:
    pair = [posted(order("a"), trace=""), posted(order("b"), trace="")]

    assert done_twice([pair], alone=True)
    assert done_twice([pair], alone=False) == (), "two customers may want the same"
    assert done_twice([[pair[0]], [pair[1]]], alone=True) == ()


def test_commands_that_clean_visits_make_twice_are_left_out() -> None:
    once = Call("POST /checkout", "web->orders", "POST /orders")
    calls = frozenset(
        {
            once,
            Call("POST /checkout", "web->orders", "POST /lines", 1),
            Call("POST /checkout", "web->orders", "POST /lines", 2),
            Call("POST /checkout", "web->orders", "POST /events"),
            Call("POST /sessions", "web->orders", "POST /events"),
            Call("POST /checkout", "web->orders", "GET /orders"),
        }
    )
    assert commands_made_once(Seen(calls=calls)) == {"POST /orders"}
    assert commands_made_once(Seen(perhaps=calls - {once})) == frozenset()


def test_a_cell_in_which_a_command_was_done_twice_is_red() -> None:
    trial = replace(TRIAL, twice=("twice",))

    assert failed(under(visit(got(503, "")), kind=Kind.MALFORMED, trial=trial), Rule.TWICE)
