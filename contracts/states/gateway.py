"""States of the gateway: what it shows is there from the start."""

from __future__ import annotations

from asking import reads

STATES = {"a product exists": reads("/products/{sku}", expect=200)}
