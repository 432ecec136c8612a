"""What payments is asked and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import CardToken, Cents, KeyText, Strict, Uuid
from pydantic import Field


class ChargeRequest(Strict):
    """What to charge for an order."""

    order_id: Uuid
    amount_cents: Cents
    card_token: CardToken


class Charge(Strict):
    """What was charged; it stays `captured` in this answer, whatever came after."""

    charge_id: Uuid
    order_id: Uuid
    amount_cents: Cents
    status: Literal["captured"]


class Refund(Strict):
    """What was given back in all: nothing for an order that was never charged."""

    order_id: Uuid
    refunded_cents: Annotated[int, Field(ge=0)]


class LedgerEntry(Strict):
    """A charge as the ledger shows it."""

    charge_id: Uuid
    order_id: Uuid
    amount_cents: Cents
    idempotency_key: KeyText
    refunded: bool


class LedgerPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[LedgerEntry]
    next: str | None
