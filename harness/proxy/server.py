"""One Toxiproxy server: started from a configuration file, restarted from it, asked whether it lives."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.clock import Clock
from harness.errors import ProxyError
from harness.model.process import Process, ProcessSpec, Spawner
from harness.proxy.patience import at_work, patiently
from harness.proxy.signs import answers

LOOPBACK = "127.0.0.1"
READY_WITHIN_S = 10.0
POLL_EVERY_S = 0.01
HANGS_AFTER_S = 1.0
"""Of silence, as `patiently` counts it; foreign servers, which can't be seen to be starved, get longer."""
FOREIGN_HANGS_AFTER_S = 3.0
CHANGED_WITHIN_S = 3.0
"""How long a change, or the restart that follows one that stalls, may take before the server counts as hanging."""
ASKED_AT_MOST = 3
"""Times whether it lives, when somebody restarts it while it is asked."""
KILL_WITHIN_S = 5.0
STOP_GRACE_S = 1.0

ENVIRONMENT = {"LOG_LEVEL": "warn", "GOMAXPROCS": "1"}
"""One scheduler thread serves one consumer: waking others costs a hop more than it gains (75 µs instead of 25).

With bodies of 200 KB and consumers that time out, taking a toxic off stalls more often so (smaller ones: never seen).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerConfig:
    """A listener as Toxiproxy's configuration file has it."""

    name: str
    listen: str
    upstream: str
    enabled: bool

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.listen.rpartition(":")[2])


class ToxiproxyServer:
    """The server of one consumer service. `listeners` gives the configuration as it should be now."""

    def __init__(  # noqa: PLR0913 -- each is a thing of its own, and named
        self,
        *,
        name: str,
        binary: Path,
        spawner: Spawner,
        directory: Path,
        port: int,
        listeners: Callable[[], list[ListenerConfig]],
        clock: Clock,
        host: str = LOOPBACK,
    ) -> None:
        self.name = name
        from harness.proxy.client import ToxiproxyClient  # not needed where nothing has a proxy, and slow to import

        self.client = ToxiproxyClient(port, host=host)
        self.changing = asyncio.Lock()
        """Held while listeners or toxics are changed, and during a restart."""
        self._binary = binary
        self._spawner = spawner
        self._directory = directory
        self._port = port
        self._host = host
        self._listeners = listeners
        self._clock = clock
        self._process: Process | None = None
        self._restarts = 0

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._directory / f"{self.name}.log"

    async def start(self) -> None:
        """Start it; returns when all its listeners are as configured.

        Raises:
            ProxyError: when it dies or is not ready in time; the message names ports that are taken.
        """
        wanted = self._listeners()
        config = self._directory / f"{self.name}.json"
        config.write_text(json.dumps([asdict(listener) for listener in wanted], indent=1))
        spec = ProcessSpec(
            name=self.name,
            command=(str(self._binary), "-config", str(config), "-host", self._host, "-port", str(self._port)),
            log=str(self.log),
            env=ENVIRONMENT,
        )
        self._process = await self._spawner.spawn(spec)
        deadline = self._clock.now() + READY_WITHIN_S
        while (missing := await self._missing(wanted)) is not None:
            died = self._process.returncode is not None
            if died or missing or self._clock.now() > deadline:
                await self._kill()
                raise ProxyError(self._why_not(wanted, died=died))
            await self._clock.sleep(POLL_EVERY_S)

    async def restart(self) -> None:
        """SIGKILL it and start it again from its configuration; hold `changing` meanwhile."""
        self._restarts += 1
        await self._kill()
        await self.start()

    async def alive(self) -> bool:
        """Whether it runs and answers a question that hangs when its listeners do.

        A server that ended, or refuses, is told at once; one that gets no processor is given time.
        """
        for _ in range(ASKED_AT_MOST):
            try:
                restarts = await patiently(
                    self._unchanging(), silence_s=CHANGED_WITHIN_S, works=self._works, clock=self._clock
                )
            except TimeoutError:
                return False
            if await self._answers():
                return True
            if self._restarts == restarts:
                return False
        return False

    async def _unchanging(self) -> int:
        """Wait until nobody changes it; how often it was restarted by then."""
        async with self.changing:
            return self._restarts

    async def _answers(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        asked = answers(self._host, self._port)
        try:
            return await patiently(asked, silence_s=HANGS_AFTER_S, works=self._works, clock=self._clock)
        except TimeoutError:
            return False

    def _works(self) -> bool:
        return at_work(self._process)

    async def stop(self) -> None:
        """Stop it; nothing happens when it is gone."""
        if self._process is not None:
            await self._process.stop(STOP_GRACE_S)

    async def _kill(self) -> None:
        if self._process is None:
            return
        await self._process.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(KILL_WITHIN_S):
                await self._process.wait()
        except TimeoutError as error:
            raise ProxyError(
                f"{self.name} (pid {self._process.pid}) outlived SIGKILL by {KILL_WITHIN_S:g} s"
            ) from error

    async def _missing(self, wanted: list[ListenerConfig]) -> list[str] | None:
        """None when all are there; the missing ones when it is too late for them; empty while it isn't up."""
        try:
            found = await asyncio.to_thread(self.client.proxies)
        except ProxyError:
            return []
        # Listeners are made before the API answers: what is not there now never will be.
        missing = [
            each.name for each in wanted if each.name not in found or found[each.name].enabled is not each.enabled
        ]
        return missing or None

    def _why_not(self, wanted: list[ListenerConfig], *, died: bool) -> str:
        ports = [self._port, *(listener.port for listener in wanted)]
        taken = [str(port) for port in ports if self._host == LOOPBACK and _taken(port)]
        what = "died" if died else "was not ready with all its listeners"
        tail = self.log.read_text(errors="replace")[-500:].strip() if self.log.exists() else ""
        why = f"ports {', '.join(taken)} on {LOOPBACK} are taken: free them" if taken else f"see {self.log}: {tail}"
        return f"Toxiproxy server {self.name} {what} within {READY_WITHIN_S:g} s; {why}"


def _taken(port: int) -> bool:
    with socket.socket() as trial:
        if sys.platform != "win32":
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            trial.bind((LOOPBACK, port))
            return False
    return True
