"""An instance that somebody else started, as a process: watched, and signalled by the means that there are."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from harness.clock import Clock
from harness.errors import DeployError, HarnessError
from harness.runtime.attach.means import Means
from harness.runtime.attach.undo import Undo
from harness.runtime.supervised import LOST

LOOK_S = 0.25
"""How often it is looked whether an instance is there."""
LOOK_FOR_END_S = 0.02
GONE_LOOKS = 2
"""How often in a row it must be away: one that is started anew by others may be so for a moment."""
ENDS_WITHIN_S, STARTS_WITHIN_S = 10.0, 60.0


class Held:
    """See `harness.model.process.Process`; nobody knows with which code it ends."""

    def __init__(self, name: str, pid: int, means: Means, *, undo: Undo, clock: Clock) -> None:
        self._name = name
        self._pid = pid
        self._means = means
        self._undo = undo
        self._clock = clock
        self._ended = asyncio.Event()
        self._watch = asyncio.create_task(self._look(), name=f"look after {name}")

    @classmethod
    async def take(cls, name: str, means: Means, *, undo: Undo, clock: Clock) -> Held:
        """Look after one that is there; raises DeployError when it is not."""
        if not await means.alive():
            raise DeployError(f"{name}: expected it to run already, and nothing is there; start it, then try again")
        return cls(name, await means.pid(), means, undo=undo, clock=clock)

    @classmethod
    async def start(cls, name: str, means: Means, *, undo: Undo, clock: Clock) -> Held:
        """As `take`, after starting it where nobody else did."""
        if not await means.alive():
            await means.start()
            await _until(means, name, clock, alive=True)
        held = await cls.take(name, means, undo=undo, clock=clock)
        undo.forget(name)
        return held

    @property
    def pid(self) -> int:
        """See `Process`; 0 when nobody can know."""
        return self._pid

    @property
    def returncode(self) -> int | None:
        """See `Process`."""
        return LOST if self._ended.is_set() else None

    async def wait(self) -> int:
        """See `Process`."""
        await self._ended.wait()
        return LOST

    async def signal(self, number: int) -> None:
        """Kill, freeze or resume it.

        Raises:
            DeployError: if nothing says how, or nothing says how that is taken back.
        """
        match number:
            case signal.SIGKILL:
                self._undo.note(self._name, await self._means.undoing("kill"))
                await self._means.kill()
                await self._gone()
            case signal.SIGSTOP:
                self._undo.note(self._name, await self._means.undoing("pause"))
                await self._means.pause()
            case signal.SIGCONT:
                await self._means.resume()
                self._undo.forget(self._name)
            case _:
                raise DeployError(f"{self._name}: expected to kill, freeze or resume it, found signal {number}")

    async def stop(self, grace_s: float = 5.0) -> int:
        """End it, because it is to be started again."""
        del grace_s
        self._undo.note(self._name, await self._means.undoing("kill"))
        await self._means.end()
        await self._gone()
        return LOST

    async def let_go(self) -> None:
        """Look after it no more."""
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch

    async def _gone(self) -> None:
        await _until(self._means, self._name, self._clock, alive=False)
        self._ended.set()

    async def _look(self) -> None:
        away = 0
        while away < GONE_LOOKS and not self._ended.is_set():
            await self._clock.sleep(LOOK_S)
            try:
                away = 0 if await self._means.alive() else away + 1
            except HarnessError:
                continue
        self._ended.set()


async def _until(means: Means, name: str, clock: Clock, *, alive: bool) -> None:
    within_s = STARTS_WITHIN_S if alive else ENDS_WITHIN_S
    deadline = clock.now() + within_s
    while await means.alive() is not alive:
        if clock.now() > deadline:
            wanted = "be there" if alive else "be gone"
            raise DeployError(f"{name}: expected it to {wanted} within {within_s:g} s, it is not")
        await clock.sleep(LOOK_FOR_END_S)
