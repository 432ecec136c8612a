"""What the catalog tells the others."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

from kit.outbox import Event
from kit.words import Prose, Sku
from pydantic import Field

from catalog.models import Category, Name, Product

SUBJECT = "shop.catalog.changed"


class ProductChanged(Event):
    """A product is now like this; one with a lower version is older, whenever it is seen."""

    sku: Sku
    name: Name
    description: Prose
    category: Category
    version: Annotated[int, Field(ge=1)]


def product_changed(product: Product, version: int, changed_at: dt.datetime) -> ProductChanged:
    """The event of a product's version, the same however often it is made."""
    return ProductChanged(
        event_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"catalog/products/{product.sku}/{version}")),
        occurred_at=changed_at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        version=version,
        **product.model_dump(),
    )
