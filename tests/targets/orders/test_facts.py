from __future__ import annotations

import json

import pytest
from kit.words import Line
from orders.facts import (
    FACTS,
    NOBODY,
    UPCASTS,
    Fact,
    OrderAccepted,
    OrderFlagged,
    OrderGivenUp,
    Step,
    StepDone,
    StepUndone,
    TakenUp,
    read,
    stored,
)

LINES = [{"sku": "sku-0001", "quantity": 2}]
NOW: list[Fact] = [
    OrderAccepted(
        customer_id=NOBODY, items=(Line(sku="sku-0001", quantity=2),), card_token="tok-visa-0001", currency="EUR"
    ),
    StepDone(step=Step.QUOTE, total_cents=1999),
    StepDone(step=Step.SHIP, without=("users",)),
    OrderFlagged(why="fraud is unavailable", without=("fraud",)),
    OrderGivenUp(reason="no", by="shop", undo=(Step.REFUND, Step.RELEASE)),
    StepUndone(step=Step.REFUND),
    TakenUp(by="orders-1"),
]


@pytest.mark.parametrize("fact", NOW)
def test_what_is_stored_now_is_read_as_it_was(fact: Fact) -> None:
    assert read(*stored(fact)) == fact


@pytest.mark.parametrize(
    ("name", "payload", "fact"),
    [
        ("OrderAccepted", {"items": LINES, "card": "tok-visa-0001"}, NOW[0]),
        ("StepDone", {"name": "quote", "total": 1999}, NOW[1]),
        ("StepDone", {"name": "charge"}, StepDone(step=Step.CHARGE)),
        ("StepUndone", {"name": "refund"}, NOW[5]),
    ],
)
def test_what_the_first_version_has_stored_is_read_as_if_it_were_of_today(
    name: str, payload: dict[str, object], fact: Fact
) -> None:
    assert read(name, 1, json.dumps(payload)) == fact


def test_every_older_version_has_its_way_to_the_next() -> None:
    assert set(UPCASTS) == {(name, older) for name, (current, _) in FACTS.items() for older in range(1, current)}


@pytest.mark.parametrize(
    ("name", "version", "why"),
    [("OrderPainted", 1, "found a fact 'OrderPainted'"), ("TakenUp", 2, "of version 1 at most")],
)
def test_what_a_newer_service_has_stored_is_refused_not_guessed(name: str, version: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(name, version, "{}")
