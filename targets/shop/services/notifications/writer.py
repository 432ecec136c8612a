"""Writes mails as files, one for each event: the name is the event's id, so that a second attempt is no second mail."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from kit.trouble import Unavailable

from notifications.letters import envelope
from notifications.store import AT_ONCE, Mails, Waiting

POLL_S = 1.0
GATHER_S = 0.25
"""Mails are awaited for so long after the first one: a batch costs little more than a single one."""
PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Writer:
    """Brings recorded mails to the outbox directory, whatever becomes of the process meanwhile."""

    def __init__(self, mails: Mails, directory: Path) -> None:
        self._mails = mails
        self._directory = directory

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._mails.wake.clear()
            try:
                more = await self.once() == AT_ONCE
            except (Unavailable, OSError) as error:
                log.warning("mails wait: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            if not more:
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._mails.wake.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(GATHER_S)

    async def once(self) -> int:
        """Write what waits, at most `AT_ONCE` of it; how many there were."""
        waiting = await self._mails.waiting()
        if waiting:
            await asyncio.to_thread(self._write, waiting)
            await self._mails.written([mail.event_id for mail in waiting])
        return len(waiting)

    def _write(self, waiting: list[Waiting]) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        for mail in waiting:
            path = self._directory / f"{mail.event_id}.eml"
            new = path.with_suffix(".new")
            with new.open("wb") as file:
                file.write(envelope(mail.event_id, mail.order_id, mail.occurred_at, mail.letter))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
