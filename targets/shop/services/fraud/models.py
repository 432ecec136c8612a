"""What fraud is asked, what it answers, and what it reads of others' events."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.consumer import EventModel
from kit.words import Cents, Strict, Uuid
from pydantic import Field


class ScoreRequest(Strict):
    """An order that is about to be paid."""

    order_id: Uuid
    customer_id: Uuid
    total_cents: Cents


class Score(Strict):
    """How suspicious the order is; asked again, the same."""

    order_id: Uuid
    score: Annotated[int, Field(ge=0, le=100)]
    decision: Literal["accept", "review"]


class ScoredOrder(Strict):
    """A score as the list shows it; `placed` counts how often its OrderPlaced took effect."""

    order_id: Uuid
    customer_id: Uuid
    total_cents: Cents
    score: Annotated[int, Field(ge=0, le=100)]
    decision: Literal["accept", "review"]
    source: Literal["call", "event"]
    placed: Annotated[int, Field(ge=0)]


class ScorePage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[ScoredOrder]
    next: str | None


class OrderPlaced(EventModel):
    """What fraud reads of an order that was placed."""

    order_id: Uuid
    customer_id: Uuid
    total_cents: Cents
