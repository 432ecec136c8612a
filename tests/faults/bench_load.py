"""What loads the line of `bench_faults`, each in a process of its own: a provider of large answers, and who asks it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.proxy.rigs import Server, answer, get

PATIENCE_S = 0.25
"""After so long a client gives up."""
READY_WITHIN_S = 20.0


@dataclass(eq=False)
class Elsewhere(Server):
    """A provider in another process, as providers are."""

    size: int = 0
    _running: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def start(self) -> Server:
        await self._running.enter_async_context(worker("serve", self.port, self.size))
        return self

    async def stop(self) -> None:
        await self._running.aclose()


@asynccontextmanager
async def worker(does: str, port: int, figure: float) -> AsyncIterator[None]:
    """One of these processes, from when it is ready."""
    command = (sys.executable, "-m", "tests.faults.bench_load", does, str(port), str(figure))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_WITHIN_S):
            assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _serve(port: int, size: int) -> None:
    large, small = answer(bytes(size)), answer(b"ok")
    server = Server(port=port, answers=lambda asked: small if b"/livez" in asked else large)
    await server.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _ask(port: int) -> None:
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        await get(port, within_s=PATIENCE_S)


async def _ask_on(port: int, rate: float) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as asking:
        while True:
            asking.create_task(_ask(port))
            await asyncio.sleep(1 / rate)


def main() -> None:
    """Serve or ask until killed."""
    does, port, figure = sys.argv[1:]
    asyncio.run(_serve(int(port), int(figure)) if does == "serve" else _ask_on(int(port), float(figure)))


if __name__ == "__main__":
    main()
