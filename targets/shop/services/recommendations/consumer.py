"""Learns from OrderPlaced, at least once each, and counts each once."""

from __future__ import annotations

import asyncio
import logging

from kit.bus import Bus
from kit.trouble import Unavailable
from nats.aio.msg import Msg
from pydantic import ValidationError

from recommendations.models import OrderPlaced
from recommendations.store import Together

SUBJECT = "shop.orders.placed"
DURABLE = "recommendations"
PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Consumer:
    """Takes events from the bus until it is cancelled; the bus and Redis may come and go meanwhile."""

    def __init__(self, bus: Bus, together: Together) -> None:
        self._bus = bus
        self._together = together

    async def run(self) -> None:
        """Consume for ever."""
        while True:
            try:
                subscription = await self._bus.subscribe(SUBJECT, DURABLE)
                while True:
                    for message in await self._bus.fetch(subscription):
                        await self._take(message)
            except Unavailable as error:
                log.warning("events wait: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def _take(self, message: Msg) -> None:
        """Count one event, then acknowledge it; what can't be read never will, and is put aside."""
        try:
            event = OrderPlaced.model_validate_json(message.data)
        except ValidationError as error:
            log.error("an event on %s can't be read: %s", message.subject, error)  # noqa: TRY400 -- no trace needed
            await self._bus.settle(message, usable=False)
            return
        await self._together.learn(event)
        await self._bus.settle(message)
