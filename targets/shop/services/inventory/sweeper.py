"""Lets go of reservations whose time is up."""

from __future__ import annotations

import asyncio
import logging

from kit.trouble import Unavailable

from inventory.store import Inventory

EVERY_S = 0.5
log = logging.getLogger(__name__)


class Sweeper:
    """Looks twice a second; several of them may run at once."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                swept = await self._inventory.sweep()
                if swept:
                    log.info("%d reservations have expired", swept)
            except Unavailable as error:
                log.info("reservations outlive their time: %s", error)
            await asyncio.sleep(EVERY_S)
