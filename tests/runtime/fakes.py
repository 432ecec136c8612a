"""What the tests of the runtime share: small systems, processes to watch, and a mesh without faults."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from harness.model.system import Edge, InstanceSpec, Need, Restart, Run, Scaling, Service, Store, StoreKind, System
from harness.model.topology import InstanceId, Topology
from harness.proxy.mesh import LinePlan

SERVICE = """
import http.server, os, signal, sys

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("SAYS", "").encode()
        self.send_response(503 if os.environ.get("NEVER_READY") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

def serve():
    if os.environ.get("DIES"):
        print("the configuration is missing", flush=True)
        sys.exit(7)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers) as server:
        server.serve_forever()

if __name__ == "__main__":
    serve()
"""


class Ends:
    """Processes that a test waits for to be gone; ask for it while they run."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._descriptors = {os.pidfd_open(pid): pid for pid in pids}

    def left_after(self, seconds: float) -> list[int]:
        """The processes that are still there after so long; returns as soon as there is none."""
        left = dict(self._descriptors)
        while left:
            ended, _, _ = select.select(list(left), (), (), seconds)
            if not ended:
                break
            for descriptor in ended:
                del left[descriptor]
        for descriptor in self._descriptors:
            os.close(descriptor)
        return sorted(left.values())


def system_of(  # noqa: PLR0913 -- what tests vary
    root: Path,
    *,
    run: Run,
    front_env: dict[str, str] | None = None,
    back_env: dict[str, str] | None = None,
    back: Sequence[InstanceSpec] = (InstanceSpec(),),
    stores: dict[str, Store] | None = None,
    restart: Restart = Restart.NEVER,
    scaling: Scaling | None = None,
) -> Topology:
    """Two services, front → back, and whatever stores; the services' code is written to `root`."""
    (root / "service.py").write_text(textwrap.dedent(SERVICE), encoding="utf-8")
    env = {"PORT": "{port}"}
    stores = stores or {}
    system = System(
        system="pair",
        entry="front",
        services={
            "front": Service(owner="one", run=run, env=env | (front_env or {})),
            "back": Service(
                owner="two",
                run=run,
                env=env | (back_env or {}),
                instances=tuple(back),
                restart=restart,
                scaling=scaling,
            ),
        },
        stores=stores,
        edges=(
            Edge(consumer="front", provider="back", need=Need.HARD),
            *(Edge(consumer="back", provider=name, need=Need.HARD) for name in stores),
        ),
    )
    return Topology(system=system, root=str(root), start_order=((*stores,), ("back",), ("front",)))


POSTGRES = Store(kind=StoreKind.POSTGRES, databases=("back", "front"))
REDIS = Store(kind=StoreKind.REDIS)
NATS = Store(kind=StoreKind.NATS)


@dataclass
class FakeMesh:
    """Lines that only pass bytes on, and refuse when they are told to."""

    plans: Sequence[LinePlan]
    servers: dict[str, asyncio.Server] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """All that it was told to do with instances."""
    passing: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def start(cls, plans: Sequence[LinePlan], *, control_ports: Callable[[], int], **_: object) -> Self:
        """All lines listen."""
        assert control_ports() > 0
        mesh = cls(plans)
        for plan in plans:
            await mesh._listen(plan)
        return mesh

    async def hide(self, provider: InstanceId) -> None:
        """Refuse on its lines."""
        self.hidden.append(provider.name)
        self.told.append(f"hide {provider}")
        for plan in self.plans:
            if plan.line.provider == provider and plan.line.name in self.servers:
                await self._end(self.servers.pop(plan.line.name))

    async def turn_away(self, provider: InstanceId) -> None:
        """Refuse newcomers on its lines."""
        self.told.append(f"turn away {provider}")
        for plan in self.plans:
            if plan.line.provider == provider and plan.line.name in self.servers:
                await self._end(self.servers.pop(plan.line.name))

    async def show(self, provider: InstanceId) -> None:
        """Accept on its lines."""
        self.told.append(f"show {provider}")
        if provider.name in self.hidden:
            self.hidden.remove(provider.name)
        for plan in self.plans:
            if plan.line.provider == provider and plan.line.name not in self.servers:
                await self._listen(plan)

    async def stop(self) -> None:
        """Nothing listens."""
        for server in self.servers.values():
            await self._end(server)

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        await server.wait_closed()

    async def _listen(self, plan: LinePlan) -> None:
        async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                back_reader, back_writer = await asyncio.open_connection("127.0.0.1", plan.upstream_port)
                await asyncio.gather(_pass(reader, back_writer), _pass(back_reader, writer))
            writer.close()

        self.servers[plan.line.name] = await asyncio.start_server(on_connection, "127.0.0.1", plan.entry_port)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        writer.close()


async def until(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for something that tells nobody when it comes true."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 -- files and other processes have no events
            await asyncio.sleep(0.005)
