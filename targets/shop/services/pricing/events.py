"""What pricing tells the others."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

from kit.outbox import Event
from kit.words import Sku
from pydantic import Field

from pricing.models import Currency, Price, UnitCents

SUBJECT = "shop.pricing.changed"


class PriceChanged(Event):
    """A product now costs this; a price with a lower version is older, whenever it is seen."""

    sku: Sku
    amount_cents: UnitCents
    currency: Currency
    version: Annotated[int, Field(ge=1)]


def price_changed(price: Price, version: int, changed_at: dt.datetime) -> PriceChanged:
    """The event of a price's version, the same however often it is made."""
    return PriceChanged(
        event_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"pricing/prices/{price.sku}/{version}")),
        occurred_at=changed_at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        version=version,
        **price.model_dump(),
    )
