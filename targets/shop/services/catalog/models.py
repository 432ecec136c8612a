"""What the catalog answers."""

from __future__ import annotations

from kit.words import Sku, Strict


class Product(Strict):
    """A product as customers see it, without its price."""

    sku: Sku
    name: str
    description: str


class ProductPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[Product]
    next: str | None
