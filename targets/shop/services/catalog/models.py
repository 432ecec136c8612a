"""What the catalog is asked and what it answers."""

from __future__ import annotations

from typing import Annotated

from kit.words import PRINTABLE, Prose, Sku, Strict
from pydantic import Field

Name = Annotated[str, Field(max_length=100, pattern=PRINTABLE, examples=["Sturdy kettle 1"])]
Category = Annotated[str, Field(max_length=30, pattern=r"^[a-z]+$", examples=["kitchen"])]


class ProductText(Strict):
    """What can be changed of a product."""

    name: Name
    description: Prose
    category: Category


class Product(Strict):
    """A product as customers see it, without its price."""

    sku: Sku
    name: Name
    description: Prose
    category: Category


class ProductPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[Product]
    next: str | None
