"""The relay: faithful to the bytes and to how connections end, and counting them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import ProxyError
from harness.model.fault import EdgeTarget
from harness.model.process import Process
from harness.proxy.control import RelayControl
from harness.proxy.patience import at_work
from harness.proxy.relay import RelayLine
from tests.proxy.rigs import CLOCK, HOST, LocalSpawner, Rig, Server, answer, client, free_port, get, rig, until

pytestmark = pytest.mark.loopback

LINE = "gateway-1->catalog-1"
SPRING_BYTES = 200 << 20
PIECE = bytes(1 << 16)
LOOKS = 20
STILL_WITHIN_S = 30.0
"""For some megabytes through two processes of a machine that may be busy."""


@dataclass(eq=False)
class Spring(Server):
    """Its answer is long, and made piece by piece as it is taken."""

    poured: int = 0
    waits: bool = False

    async def start(self) -> Spring:
        self.listening = await asyncio.start_server(self._pour, HOST, self.port)
        return self

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SPRING_BYTES)
        with suppress(ConnectionError):
            while self.poured < SPRING_BYTES:
                self.waits = False
                writer.write(PIECE)
                self.poured += len(PIECE)
                self.waits = True
                await writer.drain()
        writer.close()


class Bare:
    """A relay straight before a server, without Toxiproxy, whose habits at the end of a connection differ."""

    def __init__(self, server: Server, protocol: str = "http") -> None:
        self.server = server
        self.protocol = protocol
        self.entry = free_port()
        self.spawner = LocalSpawner()
        self.rows: list[object] = []

    async def start(self, directory: Path) -> RelayControl:
        await self.server.start()
        return await RelayControl.start(
            [RelayLine(name=LINE, protocol=self.protocol, listen=self.entry, to=self.server.port)],
            spawner=self.spawner,
            directory=directory,
            run_began=CLOCK.now(),
            on_crossing=self.rows.append,
        )

    def total(self, figure: str) -> float:
        return sum(float(getattr(row, figure)) for row in self.rows)

    async def stop(self, control: RelayControl) -> None:
        await control.stop()
        await self.spawner.kill_all()
        await self.server.stop()


async def test_exchanges_on_a_kept_connection_are_counted_with_their_bytes_and_times(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        for _ in range(3):
            assert await consumer.get() == b"ok"
    await bare.stop(control)

    assert bare.total("connections") == 1
    assert bare.total("requests") == bare.total("answers") == 3
    assert bare.total("aborted") == 0
    assert bare.total("bytes_up") == 3 * len(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert bare.total("bytes_down") == 3 * len(answer(b"ok"))
    assert 0 < bare.total("answer_ms_sum") < 3000


async def test_a_request_in_two_parts_is_one_request(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        consumer.writer.write(b"GET / HTTP/1.1\r\n")
        await until(lambda: bare.server.received.endswith(b"1.1\r\n"))
        consumer.writer.write(b"Host: x\r\n\r\n")
        await consumer.reader.readuntil(b"ok")
    await bare.stop(control)

    assert (bare.total("requests"), bare.total("answers")) == (1, 1)


async def test_the_greeting_of_a_provider_that_speaks_first_answers_nothing(tmp_path: Path) -> None:
    bare = Bare(Server(greeting=b"INFO {}\r\n", answers=lambda _asked: b"PONG\r\n", ends=b"PING\r\n"), "nats")
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        assert await consumer.reader.readline() == b"INFO {}\r\n"
        consumer.writer.write(b"PING\r\n")
        assert await consumer.reader.readline() == b"PONG\r\n"
    await bare.stop(control)

    assert (bare.total("requests"), bare.total("answers"), bare.total("aborted")) == (1, 1, 0)


async def test_a_farewell_that_nobody_answers_is_no_aborted_request(tmp_path: Path) -> None:
    bare = Bare(Server(), "postgres")
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        await consumer.get()
        consumer.writer.write(b"X\x00\x00\x00\x04")
        consumer.writer.write_eof()
        await consumer.reader.read()
    await bare.stop(control)

    assert (bare.total("requests"), bare.total("aborted")) == (1, 0)


async def test_a_consumer_that_gives_up_is_an_aborted_request_without_an_answer(tmp_path: Path) -> None:
    bare = Bare(Server(answers=lambda _asked: b""))
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        consumer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: bare.server.requests == 1)
    await until(lambda: len(bare.server.ended) == 1)
    await bare.stop(control)

    assert (bare.total("requests"), bare.total("answers"), bare.total("aborted")) == (1, 0, 1)


async def test_a_reset_of_the_provider_reaches_the_consumer_as_a_reset(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        await consumer.get()
        peer = next(iter(bare.server.peers))
        peer.transport.get_extra_info("socket").setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        peer.transport.abort()
        with pytest.raises(ConnectionResetError):
            await consumer.reader.read()
    await bare.stop(control)


async def test_a_reset_of_the_consumer_reaches_the_provider_as_a_reset(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        await consumer.get()
        consumer.reset()
        await until(lambda: len(bare.server.ended) == 1)
    assert isinstance(bare.server.ended[0], ConnectionResetError)
    await bare.stop(control)


async def test_a_half_close_is_passed_on_and_the_other_half_stays_open(tmp_path: Path) -> None:
    bare = Bare(Server(keeps_half_open=True))
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        await consumer.get()
        consumer.writer.write_eof()
        await until(lambda: bare.server.eofs == 1)
        peer = next(iter(bare.server.peers))
        peer.transport.write(b"late")
        peer.transport.close()
        assert await consumer.reader.read() == b"late"
    await bare.stop(control)


async def test_a_provider_that_refuses_means_a_reset_and_an_aborted_attempt(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    await bare.server.stop()
    with pytest.raises(ConnectionResetError):  # asyncio may hear of it before it has heard that it is connected
        async with client(bare.entry) as consumer:
            await consumer.reader.read()
    await bare.stop(control)

    assert (bare.total("connections"), bare.total("requests"), bare.total("aborted")) == (1, 1, 1)


async def test_a_line_that_refuses_cuts_its_connections_keeps_its_port_and_accepts_again(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        await consumer.get()
        assert await control.tell("refuse", LINE) == 1
        with pytest.raises(ConnectionResetError):
            await consumer.reader.read()
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            await get(bare.entry)
        assert await control.tell("refuse", LINE) == 0
    with pytest.raises(OSError, match="in use"):
        await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", bare.entry)
    await control.tell("accept", LINE)
    assert await get(bare.entry) == b"ok"
    await bare.stop(control)


async def test_what_a_consumer_does_not_read_is_not_hoarded(tmp_path: Path) -> None:
    spring = Spring()
    bare = Bare(spring)
    control = await bare.start(tmp_path)
    relay = bare.spawner.processes["relay"]
    async with client(bare.entry) as consumer:
        consumer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await _still(spring, relay)
        # What the relay would not take was never made; it holds no more than its marks.
        assert 0 < spring.poured < SPRING_BYTES // 2
        assert _resident(relay.pid) < 100 << 20
        before = spring.poured
        head = await consumer.reader.readuntil(b"\r\n\r\n")
        assert str(SPRING_BYTES).encode() in head
        for _ in range(before // len(PIECE)):
            assert await consumer.reader.readexactly(len(PIECE)) == PIECE
        await until(lambda: spring.poured > before, within_s=STILL_WITHIN_S)
    await bare.stop(control)


async def _still(spring: Spring, relay: Process) -> None:
    """Come back when the spring waits for the relay, and the relay, which has nothing to do, for its consumer."""
    seen: list[int] = []

    def same() -> bool:
        if not spring.waits or at_work(relay):
            seen.clear()
        seen.append(spring.poured)
        return seen[-LOOKS:] == [spring.poured] * LOOKS

    await until(same, within_s=STILL_WITHIN_S)


def _resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_it_ends_when_its_controller_goes_away(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    assert control._writer is not None
    control._writer.transport.abort()
    async with asyncio.timeout(5):
        await bare.spawner.processes["relay"].wait()
    await bare.stop(control)


async def test_its_death_is_noticed(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    assert await control.alive()
    await bare.spawner.processes["relay"].signal(signal.SIGKILL)
    await bare.spawner.processes["relay"].wait()

    assert not await control.alive()
    with pytest.raises(ProxyError, match="relay"):
        await control.tell("cut", LINE)
    await bare.stop(control)


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    bare = Bare(Server())
    bare.entry = bare.server.port

    with pytest.raises(ProxyError, match=rf"port {bare.entry} .*{LINE}.*in use"):
        await bare.start(tmp_path)
    await bare.spawner.kill_all()
    await bare.server.stop()


async def test_a_directory_with_a_long_name_is_no_obstacle(tmp_path: Path) -> None:
    directory = tmp_path / ("long-" * 20) / ("name-" * 20)
    directory.mkdir(parents=True)
    bare = Bare(Server())
    control = await bare.start(directory)
    assert await get(bare.entry) == b"ok"
    await bare.stop(control)


async def test_each_second_is_told_when_it_is_over(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server()}) as running:
        await get(running.entry(LINE))
        await until(lambda: bool(running.crossings), within_s=3)
        await _one_more(running)
        assert running.total(LINE, "requests") == 2
    seconds = [each.second for each in running.crossings]
    assert seconds == sorted(set(seconds))


async def _one_more(running: Rig) -> None:
    await get(running.entry(LINE))
    await until(lambda: running.total(LINE, "requests") == 2, within_s=3)
    assert running.mesh.lines(EdgeTarget(consumer="gateway", provider="catalog"))[0].name == LINE


async def test_what_crossed_so_far_is_delivered_before_a_flush_is_answered(tmp_path: Path) -> None:
    bare = Bare(Server())
    control = await bare.start(tmp_path)
    async with client(bare.entry) as consumer:
        await consumer.get()
        await control.tell("flush")
        seen = bare.total("requests")
        await consumer.get()
    await bare.stop(control)

    assert seen == 1
    assert bare.total("requests") == bare.total("answers") == 2
