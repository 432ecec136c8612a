"""What payments is asked and what it answers."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from kit.words import CardToken, Cents, KeyText, Strict, Uuid
from pydantic import AfterValidator, Field

_CARD_NUMBER = re.compile(r"[0-9]{13,19}")


def _no_card_number(token: str) -> str:
    """Whatever looks like the number of a card is not taken, so that it is neither stored nor logged."""
    if _CARD_NUMBER.fullmatch(token.removeprefix("tok").replace("-", "")):
        message = "expected a token, not the number of a card"
        raise ValueError(message)
    return token


class ChargeRequest(Strict):
    """What to charge for an order."""

    order_id: Uuid
    amount_cents: Cents
    card_token: Annotated[CardToken, AfterValidator(_no_card_number)]


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
