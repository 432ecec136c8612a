"""A system that somebody else runs: two services, and a Toxiproxy between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.clock import SystemClock
from harness.model.events import Event
from harness.model.system import Attached, AttachedProxy, Edge, Need, Service, System
from harness.model.topology import Topology
from harness.proxy.client import Api, ToxiproxyClient
from harness.runtime.attach.deployment import AttachedDeployment, deploy
from tests.proxy.rigs import free_port
from tests.runtime.fakes import until

CLOCK = SystemClock()
SERVICE = Path(__file__).with_name("a_service.py")
LINE = "front-1->back-1"


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """Where all of it is."""

    directory: Path
    api: int
    front: int
    back: int
    proxy: int

    @property
    def client(self) -> ToxiproxyClient:
        """Their Toxiproxy."""
        return ToxiproxyClient(self.api)

    def toxics(self) -> list[str]:
        """The names of all toxics on the proxy, whoever put them on."""
        found: dict[str, Any] = Api(self.api).ask("GET", "/proxies/to back")
        return sorted(toxic["name"] for toxic in found["toxics"])

    def pid(self, name: str) -> int:
        """The process id of a service."""
        return int((self.directory / f"{name}.pid").read_text())

    def command(self, name: str) -> tuple[str, ...]:
        """How a service is started."""
        port = str(self.front if name == "front" else self.back)
        asks = (f"http://127.0.0.1:{self.proxy}/",) if name == "front" else ()
        return (sys.executable, str(SERVICE), port, str(self.directory / f"{name}.pid"), *asks)

    def topology(self, *, told: Attached | None = None, proxies: bool = True) -> Topology:
        """How the system is described; `told` is what is said of the back."""
        api = f"http://127.0.0.1:{self.api}"
        on_edge = (AttachedProxy(api=api, proxy="to back"),) if proxies else ()
        front = Attached(addresses=(f"http://127.0.0.1:{self.front}",))
        back = told or Attached(addresses=(f"http://127.0.0.1:{self.back}",))
        system = System(
            system="strangers",
            entry="front",
            services={
                "front": Service(owner="one", attach=front, ready="/health"),
                "back": Service(owner="two", attach=back, ready="tcp"),
            },
            edges=(Edge(consumer="front", provider="back", need=Need.HARD, proxies=on_edge),),
        )
        return Topology(system=system, root=str(self.directory), start_order=(("back",), ("front",)))

    def with_means(self) -> Attached:
        """The back, told how it is killed, frozen and started."""
        return Attached(
            addresses=(f"http://127.0.0.1:{self.back}",),
            pid_file="back.pid",
            start=self.command("back"),
        )


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """As somebody else does: nothing of the harness looks after it."""
    return subprocess.Popen(command, env=os.environ | {"LOG_LEVEL": "error"}, stdout=subprocess.PIPE)


@asynccontextmanager
async def strangers(toxiproxy: Path, directory: Path) -> AsyncIterator[Strangers]:
    """All of it, up while the body runs."""
    found = Strangers(directory=directory, api=free_port(), front=free_port(), back=free_port(), proxy=free_port())
    server = start([str(toxiproxy), "-host", "127.0.0.1", "-port", str(found.api)])
    services = {name: start(found.command(name)) for name in ("front", "back")}
    try:
        await until(found.client.running)
        found.client.create(f"127.0.0.1:{found.back}", "to back", f"127.0.0.1:{found.proxy}")
        await until(lambda: all((directory / f"{name}.pid").exists() for name in services))
        yield found
    finally:
        for name in services:
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                os.kill(found.pid(name), signal.SIGKILL)
        for each in (server, *services.values()):
            each.kill()
            each.communicate()


@dataclass
class Heard:
    """What was told."""

    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


@asynccontextmanager
async def attached(
    topology: Topology, directory: Path, heard: Heard | None = None
) -> AsyncIterator[AttachedDeployment]:
    """The harness, attached while the body runs."""
    heard = heard or Heard()
    run = directory / "20260101-000000-abcd"
    (run / "logs").mkdir(parents=True)
    deployment = await deploy(
        topology,
        directory=run,
        supervisor=NOBODY,
        toxiproxy=Path(),
        clock=CLOCK,
        run_began=CLOCK.now(),
        progress=heard.lines.append,
        on_event=heard.events.append,
        ready_within_s=30.0,
    )
    try:
        yield deployment
    finally:
        await deployment.stop()


NOBODY: Any = None
"""Who grants processes to the runtime that asks for none."""


async def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for something that another process brings about."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 -- another process has no event of ours
            await asyncio.sleep(0.02)
