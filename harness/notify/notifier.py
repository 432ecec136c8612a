"""Tells every channel that a notice is for; whatever goes wrong there is told, and nothing more."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

from harness.clock import Clock, SystemClock
from harness.model.notice import Notice, Told
from harness.model.notifying import Channel, Notify
from harness.notify import by_apprise, webhook
from harness.notify.hidden import Keeper
from harness.notify.unsent import Unsent

MOST_S = 20.0
"""For all channels and all tries of one notice; longer than three tries of a webhook that does not answer."""

_ENVIRONMENT = re.compile(r"\{env\.(\w+)\}")

Way = Callable[[Notice, Channel], Awaitable[int]]
"""Sends a notice by a channel and gives the tries it took; raises Unsent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Made by `Notifier.of`."""

    notify: Notify
    environ: Mapping[str, str] = field(repr=False)
    clock: Clock
    way: Way

    @classmethod
    def of(
        cls, notify: Notify, *, root: Path, environ: Mapping[str, str] = os.environ, clock: Clock | None = None
    ) -> Self:
        """One for what a file declares; `root` is the folder of that file. Nothing secret is read yet."""
        clock = clock or SystemClock()
        way = partial(_send, keeper=Keeper(root=root, environ=environ), clock=clock)
        return cls(notify=notify, environ=environ, clock=clock, way=way)

    async def tell(self, notice: Notice) -> tuple[Told, ...]:
        """Tell all channels at once, and come back within `MOST_S`; raises nothing.

        Without a link of its own, the notice gets the declared one.
        """
        if not notice.link:
            notice = replace(notice, link=self._link(notice))
        channels = [channel for channel in self.notify.to if channel.takes(notice)]
        return tuple(await asyncio.gather(*(self._told(notice, channel) for channel in channels)))

    async def _told(self, notice: Notice, channel: Channel) -> Told:
        began = self.clock.now()
        tries, why_not = 1, ""
        try:
            async with asyncio.timeout(MOST_S):
                tries = await self.way(notice, channel)
        except Unsent as unsent:
            tries, why_not = unsent.tries, unsent.why
        except TimeoutError:
            why_not = f"it took longer than {MOST_S:g} s"
        except Exception as error:  # noqa: BLE001 -- whatever it is, a run does not fail for it
            # Only its kind: its message may hold an address.
            why_not = f"the harness failed ({type(error).__name__})"
        return Told(
            channel=channel.name,
            occasion=notice.occasion,
            why_not=why_not,
            tries=tries,
            took_s=round(self.clock.now() - began, 3),
        )

    def _link(self, notice: Notice) -> str:
        """Where to read on; nowhere when a variable of the link is not set."""
        link = self.notify.link
        if any(not self.environ.get(name) for name in _ENVIRONMENT.findall(link)):
            return ""
        filled = _ENVIRONMENT.sub(lambda found: self.environ[found[1]], link)
        return filled.replace("{run}", notice.run)


async def _send(notice: Notice, channel: Channel, *, keeper: Keeper, clock: Clock) -> int:
    if channel.webhook is not None:
        return await webhook.send(notice, channel.webhook, keeper=keeper, clock=clock)
    assert channel.apprise is not None  # noqa: S101 -- the description was checked for it
    await by_apprise.send(notice, channel.apprise, keeper=keeper)
    return 1
