"""Brings events from the outbox to the bus: at least once, in order, whatever becomes of the bus meanwhile."""

from __future__ import annotations

import asyncio
import logging

from kit.bus import Bus
from kit.trouble import Unavailable

from orders.store import Orders

SUBJECT = "shop.orders.placed"
POLL_S = 1.0
PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Relay:
    """Publishes what waits in the outbox."""

    def __init__(self, orders: Orders, bus: Bus, wake: asyncio.Event) -> None:
        self._orders = orders
        self._bus = bus
        self._wake = wake

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            try:
                more = await self._publish()
            except Unavailable as error:
                log.info("events wait in the outbox: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            if not more:
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _publish(self) -> bool:
        """Publish one batch; False when nothing waited."""
        published: list[int] = []
        try:
            for event in await self._orders.waiting():
                await self._bus.publish(SUBJECT, event.payload.encode(), event.event_id)
                published.append(event.seq)
        finally:
            if published:
                await self._orders.published(published)
        return bool(published)
