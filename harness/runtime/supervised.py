"""The processes that a supervisor grants, as the harness holds them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.model.process import ProcessSpec

LOST = -signal.SIGKILL
"""The return code of processes whose supervisor is gone: it took them along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkSpec:
    """A Python function to run in a process forked from one that has imported `preload`."""

    name: str
    function: str
    """`module:function`"""
    preload: tuple[str, ...]
    preload_path: tuple[str, ...] = ()
    """Directories in front of `sys.path` while `preload` is imported."""
    path: tuple[str, ...]
    """Directories in front of `sys.path` in the process itself."""
    log: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str


class Granter(Protocol):
    """Whoever grants processes to a deployment, none of which outlives the harness."""

    async def spawn(self, spec: ProcessSpec) -> SupervisedProcess:
        """Start a program; raises DeployError when that fails."""
        ...

    async def fork(self, spec: ForkSpec) -> SupervisedProcess:
        """Call a Python function in a process of its own; raises DeployError when that fails."""
        ...

    async def warm(self, preload: tuple[str, ...], path: tuple[str, ...], logs: Path) -> str:
        """Have ready what processes are forked from; raises DeployError when the libraries can't be imported."""
        ...

    async def remove_at_end(self, path: Path) -> None:
        """Have a directory (absolute) removed when the harness ends, however it ends; ask before you make it."""
        ...


class SupervisedProcess:
    """A process that the supervisor started; see `harness.model.process.Process`."""

    def __init__(self, pid: int, send: Callable[[int, int], Awaitable[None]]) -> None:
        self._pid = pid
        self._send = send
        self._returncode: int | None = None
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._returncode

    def ended(self, code: int) -> None:
        """The supervisor tells that it is gone."""
        self._returncode = code
        self._ended.set()

    async def wait(self) -> int:
        """Wait for its end and give its return code."""
        await self._ended.wait()
        return LOST if self._returncode is None else self._returncode

    async def signal(self, number: int) -> None:
        """Signal its group; SIGKILL, SIGSTOP and SIGCONT reach all that descend from it."""
        if self._returncode is None:
            await self._send(self._pid, number)

    async def stop(self, grace_s: float = 5.0) -> int:
        """SIGTERM (and SIGCONT, should it be paused), then SIGKILL after the grace; gives the return code."""
        await self.signal(signal.SIGTERM)
        await self.signal(signal.SIGCONT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                return await self.wait()
        await self.signal(signal.SIGKILL)
        return await self.wait()
