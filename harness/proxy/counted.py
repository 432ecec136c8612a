"""A listener whose connections are passed on to an address, and counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.proxy.crossing import RESET_ON_CLOSE, Crossing, LineCount

if TYPE_CHECKING:
    from harness.proxy.stage import LineStage

LOOPBACK = "127.0.0.1"
Address = tuple[str, int]
BACKLOG = 512
FILES_EXHAUSTED_PAUSE_S = 0.1
CONNECT_WITHIN_S = 10.0


class CountedLine:
    """A listener whose connections are passed on to an address, and counted."""

    def __init__(self, *, name: str, protocol: str, listen: Address, to: Address, now: Callable[[], float]) -> None:
        self.name = name
        self.count = LineCount(protocol=protocol, now=now)
        self.stage: LineStage | None = None
        """Reads HTTP on connections that are opened while it is on."""
        self._listen_at = listen
        self._to = to
        self._listener = socket.socket()
        self._accepting = False
        self._tasks: set[asyncio.Task[None]] = set()

    def bind(self) -> None:
        """Take the port; raises OSError when it is taken."""
        self._listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._listen_at)

    def accept(self) -> None:
        """Listen (again)."""
        if self._accepting:
            return
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.listen(BACKLOG)
        self._accepting = True
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept_all)

    def refuse(self) -> int:
        """Let the kernel refuse connections while the port stays ours; gives the number of live ones that were cut."""
        self.turn_away()
        return self.cut()

    def turn_away(self) -> None:
        """Let the kernel refuse connections while the port stays ours; the live ones go on.

        Linux takes a socket that is shut down out of listening without giving its port away,
        and SO_REUSEADDR is taken back so that nobody else can bind it meanwhile.
        """
        if self._accepting:
            self._accepting = False
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def cut(self) -> int:
        """Reset all live connections; gives their number."""
        crossings = list(self.count.live)
        for crossing in crossings:
            crossing.abandon()
            crossing.reset()
        return len(crossings)

    def close(self) -> None:
        """Stop for good."""
        self.refuse()
        self._listener.close()

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
            task = loop.create_task(self._pass_on(consumer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _pause_accepting(self, loop: asyncio.AbstractEventLoop) -> None:
        """No file descriptor is left: the backlog waits, instead of this loop spinning."""
        descriptor = self._listener.fileno()
        loop.remove_reader(descriptor)

        def again() -> None:
            if self._accepting:
                loop.add_reader(descriptor, self._accept_all)

        loop.call_later(FILES_EXHAUSTED_PAUSE_S, again)

    async def _pass_on(self, consumer: socket.socket) -> None:
        """Connect to the provider's side first; what the consumer says meanwhile waits in the kernel."""
        loop = asyncio.get_running_loop()
        self.count.tally.connections += 1
        provider = socket.socket()
        crossing = Crossing(self.count, self.stage if self.stage is not None and self.stage.on else None)
        try:
            for each in (consumer, provider):
                each.setblocking(False)  # noqa: FBT003 -- the standard library's signature
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await loop.sock_connect(provider, self._to)
        except OSError:  # TimeoutError is one
            self.count.tally.requests += 1
            self.count.tally.aborted += 1
            consumer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            consumer.close()
            provider.close()
            return
        self.count.live.add(crossing)
        try:
            await loop.create_connection(lambda: crossing.provider, sock=provider)
            await loop.connect_accepted_socket(lambda: crossing.consumer, consumer)
        except OSError:
            crossing.reset()
            consumer.close()
            self.count.live.discard(crossing)
            return
        if not self._accepting or crossing.cut:
            crossing.reset()
            return
        crossing.connect()
