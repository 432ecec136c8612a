"""The relay's lines on asyncio's own loop (the relay process takes uvloop where it can)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from harness.proxy.counted import LOOPBACK, CountedLine
from tests.proxy.rigs import CLOCK, Server, answer, client, free_port, get, until

pytestmark = pytest.mark.loopback


@asynccontextmanager
async def counted(server: Server, now: Callable[[], float] = CLOCK.now) -> AsyncIterator[tuple[int, CountedLine]]:
    await server.start()
    port = free_port()
    line = CountedLine(name="a->b", protocol="http", listen=(LOOPBACK, port), to=(LOOPBACK, server.port), now=now)
    line.bind()
    line.accept()
    try:
        yield port, line
    finally:
        line.close()
        await server.stop()


async def test_exchanges_are_counted_and_connections_forgotten() -> None:
    async with counted(Server()) as (port, line):
        async with client(port) as consumer:
            await consumer.get()
            await consumer.get()
            assert len(line.count.live) == 1
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
        assert figures is not None
        assert (figures["connections"], figures["requests"], figures["answers"]) == (1, 2, 2)
        assert line.count.tally.take() is None


async def test_resets_pass_in_both_directions() -> None:
    server = Server()
    async with counted(server) as (port, line):
        async with client(port) as consumer:
            await consumer.get()
            consumer.reset()
            await until(lambda: len(server.ended) == 1)
            assert isinstance(server.ended[0], ConnectionResetError)
        async with client(port) as consumer:
            await consumer.get()
            assert line.cut() == 1
            with pytest.raises(ConnectionResetError):
                await consumer.reader.read()


async def test_newcomers_are_turned_away_while_what_is_under_way_goes_on() -> None:
    async with counted(Server()) as (port, line), client(port) as consumer:
        assert await consumer.get() == b"ok"
        line.turn_away()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert await consumer.get() == b"ok"
        line.accept()
        assert await get(port) == b"ok"


async def test_half_closes_pass_and_both_make_an_end() -> None:
    server = Server(keeps_half_open=True)
    async with counted(server) as (port, line):
        async with client(port) as consumer:
            consumer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
            consumer.writer.write_eof()
            await until(lambda: server.eofs == 1)
            next(iter(server.peers)).transport.close()
            assert await consumer.reader.read() == answer(b"ok")
        await until(lambda: not line.count.live)


async def test_an_abrupt_line_makes_a_reset_of_the_provider_s_end() -> None:
    server = Server()
    async with counted(server) as (port, line), client(port) as consumer:
        await consumer.get()
        line.count.abrupt = True
        next(iter(server.peers)).transport.close()
        with pytest.raises(ConnectionResetError):
            await consumer.reader.read()


async def test_a_connection_that_the_provider_ends_before_a_word_is_an_attempt_that_failed() -> None:
    server = Server()
    async with counted(server) as (port, line):
        async with client(port) as consumer:
            await until(lambda: len(server.peers) == 1)
            next(iter(server.peers)).transport.close()
            assert await consumer.reader.read() == b""
        figures = line.count.tally.take()
        assert figures is not None
        assert (figures["requests"], figures["aborted"]) == (1, 1)


async def test_an_attempt_right_after_one_that_failed_is_told_apart_from_one_after_an_answer() -> None:
    server = Server()
    async with counted(server, now=lambda: 1.0) as (port, line):  # all is "just now", however long the machine takes
        await get(port)
        async with client(port) as consumer:
            await until(lambda: len(server.peers) == 1)
            next(iter(server.peers)).transport.abort()
            assert await consumer.reader.read() == b""
        assert line.count.tally.follow_ups.failed == 1
        await get(port)
        assert line.count.tally.follow_ups.failed_again == 1
        figures = line.count.tally.take()
        assert figures is not None
        assert figures["failed"] == 1


async def test_an_idle_connection_that_its_consumer_closes_is_no_attempt() -> None:
    server = Server()
    async with counted(server) as (port, line):
        async with client(port):
            await until(lambda: len(server.peers) == 1)
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
        assert figures is not None
        assert (figures["connections"], figures["requests"], figures["aborted"]) == (1, 0, 0)


async def test_a_hundred_consumers_at_once_are_all_served() -> None:
    async with counted(Server()) as (port, line):
        assert await asyncio.gather(*(get(port) for _ in range(100))) == [b"ok"] * 100
        await until(lambda: not line.count.live)
