"""How calls are named by what was heard while a journey ran."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.checkers.alike import Call
from harness.engine.calls import named, operation, seen
from harness.engine.hearing import Heard
from harness.model.changes import KeptExchange

ENTRY = "customers->web"


def heard(t: float, edge: str, method: str, path: str) -> Heard:
    exchange = KeptExchange(
        line=edge,
        t=t,
        method=method,
        path=path,
        request_headers=(),
        request_body=b"",
        status=200,
        headers=(),
        body=b"",
        cut=False,
    )
    return Heard(edge=edge, exchange=exchange)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/products/sku-0001", "GET /products/{}"),
        ("/products", "GET /products"),
        ("/orders/8b097d70-c7fa-5cc3-b6e4-9c88b64b26cd/items", "GET /orders/{}/items"),
        ("/search?q=tea&limit=20", "GET /search?limit&q"),
    ],
)
def test_an_operation_is_told_without_the_names_of_things(path: str, told: str) -> None:
    assert operation("GET", path) == told


def test_a_call_belongs_to_the_request_within_which_it_was_answered() -> None:
    calls = named(
        [
            heard(1.0, "web->users", "POST", "/sessions"),
            heard(1.1, ENTRY, "POST", "/sessions"),
            heard(1.2, "web->stock", "GET", "/stock/1"),
            heard(1.3, "web->stock", "GET", "/stock/2"),
            heard(1.4, ENTRY, "GET", "/products/1"),
            heard(1.5, "web->ads", "POST", "/seen"),
        ],
        ENTRY,
    )

    assert calls == {
        ("POST /sessions", "web->users", "POST /sessions"): 1,
        ("POST /sessions", ENTRY, "POST /sessions"): 1,
        ("GET /products/{}", "web->stock", "GET /stock/{}"): 2,
        ("GET /products/{}", ENTRY, "GET /products/{}"): 1,
    }


LOOK, FIND, BEAT = (("GET /", "web->stock", "GET /stock"), ("GET /", "web->find", "GET /find"), ("GET /", "a->b", "G"))
HEARD = frozenset({"web->stock", "web->find", "a->b", ENTRY})


def test_what_one_visit_lacks_is_the_journeys_and_what_one_has_is_not() -> None:
    visits = [Counter([LOOK, FIND]), Counter([LOOK]), Counter([LOOK, FIND]), Counter([FIND, BEAT])]
    found = seen(["web->stock", "web->find", "a->b"], visits, HEARD, "web")

    assert found["web->stock"].calls == {Call(*LOOK)}
    assert found["web->find"].calls == {Call(*FIND)}
    assert found["a->b"].calls == found["a->b"].perhaps == frozenset()


def test_what_a_service_asks_its_store_follows_from_what_it_is_asked() -> None:
    asked = ("GET /", ENTRY, "GET /")
    visits = [Counter([LOOK, asked])] * 3
    found = seen(["stock->postgres", "web->redis", "mails->bus"], visits, HEARD, "web")

    assert found["stock->postgres"].calls == {Call(*LOOK)}
    assert found["web->redis"].calls == {Call(*asked)}
    assert found["mails->bus"].calls == frozenset(), "nobody calls it, so nothing is known"


def test_the_second_of_two_calls_is_another_than_the_first() -> None:
    found = seen(["web->stock"], [Counter([LOOK, LOOK])] * 3, HEARD, "web")

    assert found["web->stock"].calls == {Call(*LOOK), Call(*LOOK, nth=2)}
