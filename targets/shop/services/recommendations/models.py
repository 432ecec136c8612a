"""What recommendations answers, and the event that it learns from."""

from __future__ import annotations

from kit.consumer import EventModel
from kit.words import Sku, Strict, Tolerant


class Recommendations(Strict):
    """What others bought with a product, the most often first."""

    sku: Sku
    items: list[Sku]


class OrderedLine(Tolerant):
    """The part of an order's line that matters here."""

    sku: Sku


class OrderPlaced(EventModel):
    """The part of the event that matters here."""

    items: list[OrderedLine]
