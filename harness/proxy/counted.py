"""A listener whose connections are passed on to an address, and counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.proxy.bent import PEEPHOLE_FOR_S, BentLine, Held
from harness.proxy.crossing import RESET_ON_CLOSE, Crossing, LineCount
from harness.proxy.lanes import Force

if TYPE_CHECKING:
    from harness.proxy.stage import LineStage

LOOPBACK = "127.0.0.1"
Address = tuple[str, int]
BACKLOG = 512
TOLD = "told"
"""Who refuses connections because the controller says so; others are keys of bends."""
FILES_EXHAUSTED_PAUSE_S = 0.1
CONNECT_WITHIN_S = 10.0


class CountedLine:
    """A listener whose connections are passed on to an address, and counted."""

    def __init__(self, *, name: str, protocol: str, listen: Address, to: Address, now: Callable[[], float]) -> None:
        self.name = name
        self.count = LineCount(protocol=protocol, now=now)
        self.bent = BentLine(name, self.count, down=self.refuse, up=self.accept)
        self._unseen = LineCount(protocol=protocol, now=now)
        """Counts what probes do, which nobody is told of."""
        self._listen_at = listen
        self._to = to
        self._listener = socket.socket()
        self._accepting = False
        self._refused_by: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._peepholes: set[Callable[[], None]] = set()

    @property
    def stage(self) -> LineStage | None:
        """What reads HTTP on the line, from the next request of every connection on while it is on."""
        return self.count.stage

    @stage.setter
    def stage(self, stage: LineStage) -> None:
        self.count.stage = stage

    def read_on(self) -> int:
        """Have the connections that are open already read from their next request on; gives their number."""
        return sum([crossing.read_on() for crossing in list(self.count.live)])

    def bind(self) -> None:
        """Take the port; raises OSError when it is taken."""
        self._listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._listen_at)

    def accept(self, by: str = TOLD) -> None:
        """Listen (again), unless somebody else refuses."""
        self._refused_by.discard(by)
        if self._accepting or self._refused_by:
            return
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.listen(BACKLOG)
        self._accepting = True
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept_all)

    def refuse(self, by: str = TOLD) -> int:
        """Let the kernel refuse connections while the port stays ours; gives the number of live ones that were cut."""
        self.turn_away(by)
        return self.cut()

    def turn_away(self, by: str = TOLD) -> None:
        """Let the kernel refuse connections while the port stays ours; the live ones go on.

        Linux takes a socket that is shut down out of listening without giving its port away,
        and SO_REUSEADDR is taken back so that nobody else can bind it meanwhile.
        """
        self._refused_by.add(by)
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
        self.bent.set((), RESET_ON_CLOSE)
        for close in list(self._peepholes):
            close()
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
        """Let a connection of the consumer meet what it is to meet."""
        self.count.tally.connections += 1
        known = self.bent.known
        chosen = self.bent.choose() if known else ()
        if await self._held(consumer, chosen, self.count):
            return
        crossing = Crossing(self.count)
        if await self._connected(crossing, consumer):
            if not self._accepting or crossing.cut:
                crossing.reset()
                return
            crossing.meet(self.bent.still(chosen, known))
            crossing.connect()

    async def _held(self, consumer: socket.socket, chosen: tuple[Force, ...], count: LineCount) -> bool:
        """Whether something that is in force keeps the connection from its provider."""
        holding = next((force for force in chosen if force.bend.holds or force.bend.resets), None)
        if holding is None:
            return False
        if holding.bend.resets:
            count.tally.fail()
            holding.requests += 1
            consumer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            consumer.close()
            return True
        consumer.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        held = Held(holding, count, self.bent.let_go)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: held, consumer)
        except OSError:
            consumer.close()
            return True
        self.bent.hold(held, RESET_ON_CLOSE)
        return True

    async def _connected(self, crossing: Crossing, consumer: socket.socket) -> bool:
        """Connect to the provider's side first; what the consumer says meanwhile waits in the kernel."""
        loop = asyncio.get_running_loop()
        count = crossing.line
        provider = socket.socket()
        try:
            for each in (consumer, provider):
                each.setblocking(False)  # noqa: FBT003 -- the standard library's signature
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await loop.sock_connect(provider, self._to)
        except OSError:  # TimeoutError is one
            count.tally.fail()
            consumer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            consumer.close()
            provider.close()
            return False
        count.live.add(crossing)
        try:
            await loop.create_connection(lambda: crossing.provider, sock=provider)
            await loop.connect_accepted_socket(lambda: crossing.consumer, consumer)
        except OSError:
            crossing.reset()
            consumer.close()
            count.live.discard(crossing)
            return False
        return True

    def peephole(self) -> int:
        """Listen for one probe, which meets all that is in force and is counted nowhere; gives the port."""
        listener = socket.socket()
        listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        listener.bind((self._listen_at[0], 0))
        listener.listen(1)
        loop = asyncio.get_running_loop()
        port = int(listener.getsockname()[1])

        def close() -> None:
            timer.cancel()
            loop.remove_reader(listener.fileno())
            listener.close()
            self._peepholes.discard(close)

        def look() -> None:
            try:
                consumer, _address = listener.accept()
            except OSError:
                return
            close()
            task = loop.create_task(self._show(consumer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        timer = loop.call_later(PEEPHOLE_FOR_S, close)
        self._peepholes.add(close)
        loop.add_reader(listener.fileno(), look)
        return port

    async def _show(self, probe: socket.socket) -> None:
        """Pass a probe on."""
        chosen = self.bent.all_anew()
        if not await self._held(probe, chosen, self._unseen):
            crossing = Crossing(self._unseen)
            if await self._connected(crossing, probe):
                crossing.meet(chosen)
                crossing.connect()
