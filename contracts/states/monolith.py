"""States of the monolith: its products are there from the start."""

from __future__ import annotations

from asking import reads

STATES = {
    "the old shop has a product": reads("/legacy/products/{sku}", expect=200),
    "the old shop lacks a product": reads("/legacy/products/{sku}", expect=404),
}
