"""What search is asked and what it answers."""

from __future__ import annotations

from typing import Annotated

from kit.consumer import EventModel
from kit.words import PRINTABLE, Sku, Strict
from pydantic import Field

Query = Annotated[str, Field(max_length=100, pattern=PRINTABLE, examples=["kettle"])]


class Hit(Strict):
    """A product that was found."""

    sku: Sku
    name: str


class HitPage(Strict):
    """A page of what was found, the best first; `next` is the address of the one after it."""

    items: list[Hit]
    next: str | None


class ProductChanged(EventModel):
    """What search needs of the catalog's event."""

    sku: Sku
    name: str
    description: str
    category: str
    version: int
