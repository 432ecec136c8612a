"""The door of a room: a port of 127.0.0.1 outside by which the host, and Toxiproxy, get at the service in it.

It is shut, so that the kernel refuses connections, whenever the service does not listen. Standard library only.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from typing import cast

from harness.runtime.namespaces.building import BuiltRoom
from harness.runtime.namespaces.sockets import listening_ports

LOOPBACK = "127.0.0.1"
BACKLOG = 512
LOOK_FIRST_S = 0.01
LOOK_MOST_S = 0.1
LOOK_GROWTH = 1.1
CONNECT_WITHIN_S = 5.0
FILES_EXHAUSTED_PAUSE_S = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Half(asyncio.Protocol):
    """One of the two sockets of a connection: what it reads, the other one writes, once that is there."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._other: Half | None = None
        self._early = b""
        self._ended = self._lost = False

    def join(self, other: Half) -> None:
        """From now on all goes to the other; first what came before. Both have transports by now."""
        self._other = other
        if self._early:
            other.transport.write(self._early)
            self._early = b""
        if self._ended:
            self.eof_received()
        if self._lost:
            other.transport.close()
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast("asyncio.Transport", transport)  # that of uvloop is none by its class

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._other is None:
            self._early += data
            self.transport.pause_reading()
        else:
            self._other.transport.write(data)

    def eof_received(self) -> bool:
        """The other direction goes on; after the second end nothing does, and nobody else would close."""
        self._ended = True
        other = self._other
        if other is not None and other._ended:  # noqa: SLF001 -- it is one of us
            self.transport.close()
            other.transport.close()
        elif other is not None and not other.transport.is_closing():
            other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """An end is passed on as what it is."""
        self._lost = True
        if self._other is not None and exc is not None:
            reset(self._other.transport)
        elif self._other is not None:
            self._other.transport.close()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._other is not None and not self._other.transport.is_closing():
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._other is not None and not self._other.transport.is_closing():
            self._other.transport.resume_reading()


def reset(transport: asyncio.Transport) -> None:
    """End a connection by a RST."""
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is not None and not transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


class Door:
    """Lets connections into one room."""

    def __init__(self, room: BuiltRoom, listener: socket.socket) -> None:
        self._room = room
        self._listener = listener
        self._open = False
        self._looking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def shut(self) -> None:
        """Refuse connections until the service listens (again)."""
        loop = asyncio.get_running_loop()
        if self._open:
            self._open = False
            loop.remove_reader(self._listener.fileno())
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())

    def listens(self) -> list[int]:
        """The ports on which something in the room takes connections."""
        return listening_ports(self._room.tables())

    async def _look(self) -> None:
        pause_s = LOOK_FIRST_S
        while self._room.plan.port not in self.listens():
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * LOOK_GROWTH, LOOK_MOST_S)
        self._listener.listen(BACKLOG)
        self._open = True
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept_all)

    def _accept_all(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(BACKLOG):
            try:
                consumer, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._pause_accepting(loop)
                return
            task = loop.create_task(self._let_in(consumer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _pause_accepting(self, loop: asyncio.AbstractEventLoop) -> None:
        """No file descriptor is left: the backlog waits, instead of this loop spinning."""
        loop.remove_reader(self._listener.fileno())

        def again() -> None:
            if self._open:
                loop.add_reader(self._listener.fileno(), self._accept_all)

        loop.call_later(FILES_EXHAUSTED_PAUSE_S, again)

    async def _let_in(self, consumer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            provider = await self._reach((LOOPBACK, self._room.plan.address))
        except OSError:  # TimeoutError is one
            consumer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            consumer.close()
            return
        inner, outer = Half(), Half()
        try:
            await _adopt(loop, inner, provider)
            await _adopt(loop, outer, consumer)
        except OSError:
            provider.close()
            consumer.close()
            return
        inner.join(outer)
        outer.join(inner)

    async def _reach(self, addresses: Sequence[str]) -> socket.socket:
        """A connection to the service, which may listen on one of its addresses only; raises OSError."""
        for address in addresses:
            provider = self._room.socket()
            provider.setblocking(False)  # noqa: FBT003 -- the standard library's signature
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    await asyncio.get_running_loop().sock_connect(provider, (address, self._room.plan.port))
            except ConnectionRefusedError:
                provider.close()
            except BaseException:
                provider.close()
                raise
            else:
                return provider
        self.shut()
        raise ConnectionRefusedError


async def _adopt(loop: asyncio.AbstractEventLoop, half: Half, sock: socket.socket) -> None:
    sock.setblocking(False)  # noqa: FBT003 -- as above
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await loop.connect_accepted_socket(lambda: half, sock)
