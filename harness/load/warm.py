"""A generator's process that imports what it needs while nobody knows yet what it is to load.

It is started before anything else, so that as little as possible is imported here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from harness.model.process import ProcessSpec

GENERATOR = "harness.load.worker"


class WarmGenerator:
    """Started at once, and told later where its driver is; see `harness.model.process.Spawner` and `Process`.

    It ends when this process does, however that ends. It serves one driver; `close` it whatever became of it.
    """

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", GENERATOR],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # until it is told of its log; one that ends before is not made use of
            cwd="/",
            start_new_session=True,
        )

    @property
    def waits(self) -> bool:
        """Whether it is there for a driver."""
        return self._line is not None and not self._line.closed and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """See `Process`."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """See `Process`."""
        return self._popen.poll()

    async def spawn(self, spec: ProcessSpec) -> WarmGenerator:
        """Tell it where its driver is; whoever asks has seen that it waits."""
        import json

        assert self._line is not None  # noqa: S101 -- told to the type checker; it was asked for as a pipe
        told = {"directory": spec.command[-1], "log": spec.log}
        with suppress(OSError):  # it has ended meanwhile, as whoever waits for it sees
            self._line.write(json.dumps(told).encode() + b"\n")
            self._line.close()
        return self

    async def wait(self) -> int:
        """See `Process`."""
        import asyncio

        if self._popen.poll() is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            watched = os.pidfd_open(self.pid)
            try:
                loop.add_reader(watched, ended.set)
                await ended.wait()
            finally:
                loop.remove_reader(watched)
                os.close(watched)
        return self._popen.wait()

    async def signal(self, number: int) -> None:
        """See `Process`."""
        self._send(number)

    async def stop(self, grace_s: float = 5.0) -> int:
        """See `Process`."""
        import asyncio

        self._send(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                return await self.wait()
        self._send(signal.SIGKILL)
        return await self.wait()

    def close(self) -> None:
        """Nothing of it is left."""
        self._send(signal.SIGKILL)
        self._popen.wait()
        if self._line is not None:
            with suppress(OSError):
                self._line.close()

    @property
    def _line(self) -> IO[bytes] | None:
        return self._popen.stdin

    def _send(self, number: int) -> None:
        if self._popen.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
