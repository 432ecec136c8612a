"""What the cart is asked and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import Line, Quantity, Strict, Uuid
from pydantic import BeforeValidator, Field

MOST_ITEMS = 20
"""Different products in one cart; as many as an order takes."""


def _digits(value: object) -> object:
    """A header is text; only plain digits become a number."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16 else value  # noqa: PLR2004 -- more digits than the limit below allows


Version = Annotated[int, Field(ge=0, le=2**53, examples=[0])]
VersionHeader = Annotated[Version, BeforeValidator(_digits)]
Missing = Literal["cart", "prices"]
"""`cart`: no majority of the store has agreed; `prices`: the last known ones, or none."""


class QuantityRequest(Strict):
    """How many of a product the cart shall hold."""

    quantity: Quantity


class CartContent(Strict):
    """A customer's cart; who sends `version` back, with changes too, never sees an older one."""

    customer_id: Uuid
    items: list[Line]
    total_cents: Annotated[int, Field(ge=0)] | None
    currency: Literal["EUR"]
    degraded: list[Missing]
    version: Version
