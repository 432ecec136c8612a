"""Moves shipments on as time passes: some time after its order was placed one leaves, and then arrives."""

from __future__ import annotations

import asyncio
import logging

from kit.trouble import Unavailable

from shipping.store import Shipments

LOOK_S = 0.2
PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Courier:
    """Carries what is due."""

    def __init__(self, shipments: Shipments, wake: asyncio.Event, *, dispatch_s: float, delivery_s: float) -> None:
        self._shipments = shipments
        self._wake = wake
        self._dispatch_s = dispatch_s
        self._delivery_s = delivery_s

    async def run(self) -> None:
        """Work until cancelled; `wake` is set when there is something for the outbox."""
        while True:
            try:
                left = await self._shipments.dispatch(self._dispatch_s)
                arrived = await self._shipments.deliver(self._delivery_s)
            except Unavailable as error:
                log.info("shipments wait: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            if left or arrived:
                self._wake.set()
            await asyncio.sleep(LOOK_S)
