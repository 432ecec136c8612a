import json

import pytest
from pydantic import JsonValue, ValidationError

from harness.model.invariant import AcknowledgedKept, AtMostOnce, Conserved, Invariants, Read

CHARGES: JsonValue = {"service": "payments", "path": "/charges?limit=200", "rows": "/items", "next": "/next"}
ONCE: dict[str, JsonValue] = {
    "kind": "at-most-once",
    "name": "nobody is charged twice",
    "read": "charges",
    "key": "order_id",
    "where": {"refunded": False},
    "token": "idempotency_key",
    "service": "payments",
    "caller": "orders",
}
KEPT: dict[str, JsonValue] = {
    "kind": "acknowledged-kept",
    "name": "nothing is lost",
    "operation": "place-order",
    "read": "charges",
    "key": "order_id",
    "final": {"field": "status", "values": ["confirmed"]},
    "service": "payments",
}
CONSERVED: dict[str, JsonValue] = {
    "kind": "conserved",
    "name": "it adds up",
    "per": "order_id",
    "total": {"read": "charges", "field": "amount_cents"},
    "parts": [{"read": "charges", "field": "a"}, {"read": "charges", "each": "items", "field": "b"}],
    "service": "payments",
}


def declared(*invariants: dict[str, JsonValue], charges: JsonValue = CHARGES) -> Invariants:
    text = json.dumps({"reads": {"charges": charges}, "invariants": invariants})
    return Invariants.model_validate_json(text)


def test_each_kind_is_told_by_its_name() -> None:
    kinds = [type(each) for each in declared(ONCE, KEPT, CONSERVED).invariants]
    assert kinds == [AtMostOnce, AcknowledgedKept, Conserved]


def test_reads_and_services_are_named_once() -> None:
    found = declared(ONCE, CONSERVED)
    assert found.invariants[1].reads == ("charges",)
    assert found.services == ("payments", "orders")


@pytest.mark.parametrize(
    ("invariants", "message"),
    [
        ((ONCE, ONCE), "found two invariants named 'nobody is charged twice'"),
        (({**ONCE, "read": "orders"},), r"expected a declared read \(charges\), found 'orders'"),
        (({**ONCE, "kind": "exactly-once"},), "does not match any of the expected tags"),
        (({**ONCE, "tokens": "x"},), "Extra inputs are not permitted"),
        (({**CONSERVED, "parts": []},), "at least 1 item"),
    ],
)
def test_what_makes_no_sense_is_refused(invariants: tuple[dict[str, JsonValue], ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        declared(*invariants)


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected a regular expression for 'order_id'"):
        Read(service="a", path="/", rows="", without={"order_id": "("})


def test_test_data_is_left_out() -> None:
    read = Read(service="a", path="/", rows="", without={"order_id": "0{8}-"})
    assert not read.keeps({"order_id": "00000000-1"})
    assert read.keeps({"order_id": "10000000-1"})
    assert read.keeps({})
