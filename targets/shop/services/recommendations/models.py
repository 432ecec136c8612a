"""What recommendations answers, and the events that it learns from."""

from __future__ import annotations

from typing import Literal

from kit.consumer import EventModel
from kit.words import Sku, Strict, Tolerant, Uuid


class Recommendations(Strict):
    """What goes with a product, the best first; with `catalog` in `degraded` some of it may no longer exist."""

    sku: Sku
    items: list[Sku]
    degraded: list[Literal["catalog"]]


class OrderedLine(Tolerant):
    """The part of an order's line that matters here."""

    sku: Sku


class OrderPlaced(EventModel):
    """Which products were bought together."""

    order_id: Uuid
    items: list[OrderedLine]


class OrderCancelled(EventModel):
    """An order that is not to be learnt from, perhaps told of before it was placed."""

    order_id: Uuid
