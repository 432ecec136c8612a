"""What happened to an order, one fact each, as it's stored: the only truth about an order, never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Literal

from kit.words import CardToken, Cents, Line, Strict, Uuid

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The customer of orders from the time when orders did not ask for one."""


class Step(StrEnum):
    """What is done for an order, and what takes it back."""

    QUOTE = "quote"
    SCORE = "score"
    RESERVE = "reserve"
    CHARGE = "charge"
    CONFIRM = "confirm"
    SHIP = "ship"
    CANCEL_SHIPMENT = "cancel-shipment"
    REFUND = "refund"
    RELEASE = "release"
    DONE = "done"


class OrderAccepted(Strict):
    """The order is on record."""

    customer_id: Uuid
    items: tuple[Line, ...]
    card_token: CardToken
    currency: Literal["EUR"]


class StepDone(Strict):
    """A step was carried out; `without` names the services whose part is missing."""

    step: Step
    total_cents: Cents | None = None
    without: tuple[str, ...] = ()


class OrderFlagged(Strict):
    """The order goes on without a clean score: a person or a later score has to look at it."""

    why: str
    without: tuple[str, ...] = ()


class OrderGivenUp(Strict):
    """The order won't be, or won't stay; `undo` is what has to be taken back, in this order."""

    reason: str
    by: Literal["shop", "customer"]
    undo: tuple[Step, ...]


class StepUndone(Strict):
    """Something was taken back."""

    step: Step


class TakenUp(Strict):
    """An instance goes on with an order that another one, or itself before a restart, has left."""

    by: str


Fact = OrderAccepted | StepDone | OrderFlagged | OrderGivenUp | StepUndone | TakenUp
Older = Mapping[str, object]

FACTS: dict[str, tuple[int, type[Fact]]] = {
    "OrderAccepted": (2, OrderAccepted),
    "StepDone": (2, StepDone),
    "OrderFlagged": (1, OrderFlagged),
    "OrderGivenUp": (1, OrderGivenUp),
    "StepUndone": (2, StepUndone),
    "TakenUp": (1, TakenUp),
}
"""Each type with the version that is written now."""


def _accepted_v1(old: Older) -> Older:
    """It knew neither customers nor currencies, and said `card`."""
    return {"customer_id": NOBODY, "currency": "EUR", "items": old["items"], "card_token": old["card"]}


def _step_done_v1(old: Older) -> Older:
    """It said `name` and `total`."""
    return {"step": old["name"], "total_cents": old.get("total")}


def _step_undone_v1(old: Older) -> Older:
    """It said `name`."""
    return {"step": old["name"]}


UPCASTS: dict[tuple[str, int], Callable[[Older], Older]] = {
    ("OrderAccepted", 1): _accepted_v1,
    ("StepDone", 1): _step_done_v1,
    ("StepUndone", 1): _step_undone_v1,
}
"""How a payload of one version becomes one of the next; these stay for as long as such payloads are stored."""


def stored(fact: Fact) -> tuple[str, int, str]:
    """Type, schema version and payload of a fact to be stored."""
    name = type(fact).__name__
    return name, FACTS[name][0], fact.model_dump_json()


def read(name: str, schema_version: int, payload: str) -> Fact:
    """A stored fact as of now, whatever version it was written by.

    Raises:
        ValueError: a newer version of this service has written it, or nobody has.
    """
    if name not in FACTS:
        message = f"expected one of {', '.join(FACTS)}, found a fact {name!r} in the history of an order"
        raise ValueError(message)
    current, model = FACTS[name]
    if schema_version > current:
        message = f"expected {name} of version {current} at most, found version {schema_version}"
        raise ValueError(message)
    while schema_version < current:
        payload = json.dumps(UPCASTS[name, schema_version](json.loads(payload)))
        schema_version += 1
    return model.model_validate_json(payload)
