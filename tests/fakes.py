"""Processes without a supervisor, for the tests of those who are granted some."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from harness.errors import DeployError
from harness.model.process import ProcessSpec


class LocalProcess:
    """A child of the test, in a group of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> int:
        return await self._process.wait()

    async def signal(self, number: int) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # it is gone, and asyncio has not yet heard of it
                os.killpg(self.pid, number)

    async def stop(self, grace_s: float = 5.0) -> int:
        await self.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                return await self.wait()
        await self.signal(signal.SIGKILL)
        return await self.wait()


async def run_locally(spec: ProcessSpec) -> LocalProcess:
    """Start it; whoever asks for it ends it."""
    with Path(spec.log).open("ab") as log:  # noqa: ASYNC230 -- one short call in a test
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(spec.env),
                cwd=spec.cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise DeployError(str(error)) from error
    return LocalProcess(process)
