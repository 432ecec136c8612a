"""What the tests of proxies and faults stand on: processes, ports, small servers, a running mesh."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.clock import SystemClock
from harness.model.fault import InstanceTarget
from harness.model.observation import CrossingSecond
from harness.model.process import ProcessSpec
from harness.model.topology import InstanceId, LineId
from harness.proxy.mesh import LinePlan, Mesh
from harness.runtime.ports import PortPool
from tests.fakes import LocalProcess, run_locally

CLOCK = SystemClock()
HOST = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)


class LocalSpawner:
    def __init__(self) -> None:
        self.processes: dict[str, LocalProcess] = {}

    async def spawn(self, spec: ProcessSpec) -> LocalProcess:
        self.processes[spec.name] = await run_locally(spec)
        return self.processes[spec.name]

    async def kill(self, name: str) -> None:
        await self.processes[name].signal(signal.SIGKILL)
        await self.processes[name].wait()

    async def freeze(self, name: str) -> None:
        await self.processes[name].signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.processes[name].pid}/stat")
        await until(lambda: status.read_text().rsplit(")", 1)[1].split()[0] == "T")

    async def kill_all(self) -> None:
        for name in self.processes:
            await self.kill(name)


POOL = PortPool(range(10_000, 19_999))


def free_port() -> int:
    """A port below the ephemeral range that nobody has, held until the test ends."""
    return POOL.take()


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Peer(asyncio.Protocol):
    """One connection of a server: by default HTTP with keep-alive, one answer for each request without a body."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.peers.add(self)
        if self.server.greeting:
            transport.write(self.server.greeting)

    def data_received(self, data: bytes) -> None:
        self.server.received += data
        self.buffer += data
        while self.server.ends in self.buffer:
            asked, _, self.buffer = self.buffer.partition(self.server.ends)
            self.server.requests += 1
            self.transport.write(self.server.answers(asked))

    def eof_received(self) -> bool:
        self.server.eofs += 1
        return self.server.keeps_half_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.peers.discard(self)
        self.server.ended.append(exc)


@dataclass(eq=False)
class Server:
    port: int = field(default_factory=free_port)
    answers: Callable[[bytes], bytes] = lambda _asked: answer(b"ok")
    ends: bytes = b"\r\n\r\n"
    greeting: bytes = b""
    keeps_half_open: bool = False
    tls: ssl.SSLContext | None = None
    requests: int = 0
    eofs: int = 0
    received: bytearray = field(default_factory=bytearray)
    peers: set[Peer] = field(default_factory=set)
    ended: list[Exception | None] = field(default_factory=list)
    listening: asyncio.Server | None = None

    async def start(self) -> Server:
        loop = asyncio.get_running_loop()
        self.listening = await loop.create_server(lambda: Peer(self), HOST, self.port, ssl=self.tls)
        return self

    async def stop(self) -> None:
        if self.listening is not None:
            self.listening.close()
            self.listening = None
        for peer in list(self.peers):
            peer.transport.abort()
        await settled()

    def pause(self) -> None:
        """Freeze: its kernel accepts, and nothing is answered."""
        self.frozen_answers, self.answers = self.answers, lambda _asked: b""

    def resume(self) -> None:
        self.answers = self.frozen_answers


async def settled() -> None:
    """Let callbacks that are due run."""
    for _ in range(3):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for something that another process brings about; fails when it does not come."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 -- another process has no event of ours
                await asyncio.sleep(0.005)
    except TimeoutError:
        # The loop itself may have come too late to look.
        if not condition():
            raise


def line_id(consumer: str, provider: str) -> LineId:
    def instance(name: str) -> InstanceId:
        service, _, index = name.partition("-")
        return InstanceId(service=service, index=int(index or 1))

    return LineId(consumer=instance(consumer), provider=instance(provider))


@dataclass(eq=False)
class Rig:
    """A running mesh with one server a provider."""

    mesh: Mesh
    plans: dict[str, LinePlan]
    servers: dict[str, Server]
    spawner: LocalSpawner
    crossings: list[CrossingSecond]
    directory: Path

    def entry(self, line: str) -> int:
        return self.plans[line].entry_port

    def total(self, line: str, figure: str) -> float:
        return sum(float(getattr(each, figure)) for each in self.crossings if each.line == line)

    async def kill(self, instance: InstanceTarget) -> None:
        await self.servers[str(instance)].stop()
        await self.mesh.hide(InstanceId(service=instance.service, index=instance.index))

    async def start(self, instance: InstanceTarget) -> None:
        await self.servers[str(instance)].start()
        await self.mesh.show(InstanceId(service=instance.service, index=instance.index))

    async def pause(self, instance: InstanceTarget) -> None:
        self.servers[str(instance)].pause()

    async def resume(self, instance: InstanceTarget) -> None:
        self.servers[str(instance)].resume()

    async def ready(self, instance: InstanceTarget) -> bool:
        return self.servers[str(instance)].listening is not None


@asynccontextmanager
async def rig(  # noqa: PLR0913 -- what tests vary
    binary: Path,
    directory: Path,
    lines: Mapping[str, Server],
    *,
    relay: bool = True,
    protocol: str = "http",
    trust: Path | None = None,
) -> AsyncIterator[Rig]:
    """A mesh with the lines `consumer->provider` to servers, which are started and stopped with it."""
    spawner = LocalSpawner()
    crossings: list[CrossingSecond] = []
    plans = {}
    servers = {}
    for name, server in lines.items():
        consumer, _, provider = name.partition("->")
        proxy = free_port()
        line = line_id(consumer, provider)
        plans[line.name] = LinePlan(
            line=line,
            protocol=protocol,
            upstream_port=server.port,
            proxy_port=proxy,
            entry_port=free_port() if relay else proxy,
        )
        servers[line.provider.name] = server
    try:
        for server in {id(each): each for each in servers.values()}.values():
            await server.start()
        mesh = await Mesh.start(
            list(plans.values()),
            binary=binary,
            spawner=spawner,
            directory=directory,
            control_ports=free_port,
            clock=CLOCK,
            run_began=CLOCK.now(),
            relay=relay,
            trust=trust,
            on_crossing=crossings.append,
        )
        try:
            yield Rig(mesh, plans, servers, spawner, crossings, directory)
        finally:
            await mesh.stop()
    finally:
        await spawner.kill_all()
        for server in servers.values():
            await server.stop()


@dataclass(eq=False)
class Client:
    """A connection of a consumer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def get(self, within_s: float = 5.0) -> bytes:
        """Ask by HTTP on this connection; the body."""
        self.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(within_s):
            head = await self.reader.readuntil(b"\r\n\r\n")
            return await self.reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))

    def reset(self) -> None:
        found = self.writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()


@asynccontextmanager
async def client(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(HOST, port, ssl=tls)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()
        await settled()


async def get(port: int, within_s: float = 5.0) -> bytes:
    """Ask on a connection of its own."""
    async with client(port) as consumer:
        return await consumer.get(within_s)
