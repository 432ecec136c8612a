"""Moves shipments on as time passes: some time after its order was placed one leaves, and then arrives."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from kit.trouble import Unavailable

from shipping.store import Shipments

LOOK_S = 0.2
POLL_S = 1.0
"""How often it's looked whether something waits, when nobody has said so."""
PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Courier:
    """Carries what is due."""

    def __init__(self, shipments: Shipments, told: asyncio.Event, *, dispatch_s: float, delivery_s: float) -> None:
        self._shipments = shipments
        self._told = told
        self._dispatch_s = dispatch_s
        self._delivery_s = delivery_s

    async def run(self) -> None:
        """Work until cancelled; `told` is set when there is something for the outbox."""
        while True:
            self._shipments.wake.clear()
            try:
                waiting = await self._shipments.waiting(dispatch_s=self._dispatch_s, delivery_s=self._delivery_s)
                due = [each for each in waiting if each.wait_s <= 0]
                if due:
                    await self._shipments.move(due)
                    self._told.set()
            except Unavailable as error:
                log.info("shipments wait: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            if waiting:
                await asyncio.sleep(LOOK_S)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._shipments.wake.wait()
