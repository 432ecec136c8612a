"""Learns from OrderPlaced, at least once each, and counts each once."""

from __future__ import annotations

from kit.bus import Bus
from kit.consumer import Consumer, Topic

from recommendations.models import OrderPlaced
from recommendations.store import Together


def consumer(bus: Bus, together: Together) -> Consumer:
    """What brings the events to the counts."""
    return Consumer(bus, "recommendations", [Topic("shop.orders.placed", OrderPlaced, together.learn)])
