"""Taking instances out and putting them back, while those who call them go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from harness.clock import Clock
from harness.errors import DeployError
from harness.proxy.mesh import Mesh
from harness.runtime.instance import Instance
from harness.runtime.logs import last_lines

LOOK_S = 0.02
"""How often an instance that drains is asked whether it still listens."""
LOOK_WITHIN_S = 0.5


class Turnover:
    """Shows instances to their consumers once they can serve, and hides them once they can't.

    Args:
        mesh: tells the lines, which are there before the first instance is.
        clock: the run's.
    """

    def __init__(self, mesh: Callable[[], Mesh], *, clock: Clock) -> None:
        self._mesh = mesh
        self._clock = clock

    async def start(self, instance: Instance) -> None:
        """Start it; returns when it is ready and its lines accept again.

        Raises:
            DeployError: if it dies or does not become ready; then its lines refuse.
        """
        await instance.start()
        await self._mesh().show(instance.id)
        if not instance.alive:  # it died meanwhile, and its lines may have been hidden before they were shown
            await self._mesh().hide(instance.id)
            raise DeployError(
                f"{instance.name} died just after it was ready; "
                f"last lines of {instance.log}:\n{last_lines(instance.log)}"
            )

    async def retire(self, instance: Instance) -> None:
        """Let it drain and end it; returns when it is gone and its lines refuse.

        Its lines are as they were while it listens, since a service that drains serves those who have not heard of it
        yet. Then they turn away newcomers, and what is under way goes on to its end.
        """
        stopping = asyncio.create_task(instance.stop(gently=True), name=f"stop {instance.name}")
        try:
            while not stopping.done() and await _listens(instance.host, instance.port):
                await self._clock.sleep(LOOK_S)
            if not stopping.done():
                await self._mesh().turn_away(instance.id)
        finally:
            await asyncio.wait([stopping])
        stopping.result()
        await self._mesh().hide(instance.id)


async def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError):  # TimeoutError is one
        async with asyncio.timeout(LOOK_WITHIN_S):
            _reader, writer = await asyncio.open_connection(host, port)
        writer.transport.abort()
        return True
    return False
