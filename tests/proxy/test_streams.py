"""HTTP/2 and TLS on lines that are told to carry anything: passed on unchanged, and counted as what they are."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proxy.counted import LOOPBACK, CountedLine
from harness.proxy.streams import PREFACE, Streams
from harness.runtime.certificates import Authority
from tests.certified import NOW, shown, trusted
from tests.proxy.rigs import CLOCK, Server, free_port, until

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8


def frame(kind: int, stream: int = 0, body: bytes = b"") -> bytes:
    return len(body).to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big") + body


OPENING = PREFACE + frame(SETTINGS)


def test_each_stream_is_a_request_and_its_first_headers_are_the_answer() -> None:
    streams = Streams()
    assert streams.asked(OPENING + frame(HEADERS, 1, b"abc") + frame(DATA, 1, b"x" * 300), 1.0) == (1, 0)
    assert streams.asked(frame(HEADERS, 3, b"abc") + frame(WINDOW_UPDATE, 0, b"\0\0\0\1"), 2.0) == (1, 0)
    assert streams.answered(frame(SETTINGS) + frame(PING, 0, b"12345678"), 2.5) == (0, 0.0, 0)
    assert streams.answered(frame(HEADERS, 3, b"ok") + frame(DATA, 3, b"yes") + frame(HEADERS, 3, b"end"), 3.0) == (
        1,
        1.0,
        0,
    )
    assert streams.answered(frame(HEADERS, 1, b"ok"), 5.0) == (1, 4.0, 0)
    assert streams.forget() == 0


def test_trailers_of_the_consumer_are_no_request_of_their_own() -> None:
    streams = Streams()
    assert streams.asked(OPENING + frame(HEADERS, 1) + frame(DATA, 1) + frame(HEADERS, 1), 1.0) == (1, 0)


def test_streams_that_are_reset_and_those_that_are_left_got_no_answer() -> None:
    streams = Streams()
    streams.asked(OPENING + frame(HEADERS, 1) + frame(HEADERS, 3) + frame(HEADERS, 5), 1.0)
    assert streams.asked(frame(RST_STREAM, 1, b"\0\0\0\x08"), 1.0) == (0, 1)
    assert streams.answered(frame(RST_STREAM, 3, b"\0\0\0\x07"), 1.0) == (0, 0.0, 1)
    assert (streams.unanswered, streams.forget(), streams.unanswered) == (1, 1, 0)


FRAMES = st.lists(
    st.builds(
        frame,
        st.sampled_from([DATA, HEADERS, RST_STREAM, SETTINGS, PING]),
        st.integers(min_value=1, max_value=9),
        st.binary(max_size=40),
    ),
    max_size=20,
).map(b"".join)


@given(FRAMES, st.lists(st.integers(min_value=1, max_value=30), max_size=30))
def test_it_makes_no_difference_how_the_bytes_are_cut(said: bytes, cuts: Iterable[int]) -> None:
    whole, pieces, rest = Streams(), Streams(), OPENING + said
    expected = whole.asked(OPENING + said, 1.0)
    found = (0, 0)
    for cut in cuts:
        piece, rest = rest[:cut], rest[cut:]
        opened, given_up = pieces.asked(piece, 1.0)
        found = found[0] + opened, found[1] + given_up
    opened, given_up = pieces.asked(rest, 1.0)
    assert expected == (found[0] + opened, found[1] + given_up)
    assert whole.unanswered == pieces.unanswered


@asynccontextmanager
async def counted(port: int, protocol: str = "http") -> AsyncIterator[tuple[int, CountedLine]]:
    entry = free_port()
    line = CountedLine(name="a->b", protocol=protocol, listen=(LOOPBACK, entry), to=(LOOPBACK, port), now=CLOCK.now)
    line.bind()
    line.accept()
    yield entry, line
    line.close()


ANSWERS = frame(SETTINGS) + frame(HEADERS, 1, b"ok") + frame(DATA, 1, b"body") + frame(HEADERS, 3, b"ok")


@pytest.mark.loopback
@pytest.mark.parametrize("protocol", ["http", "tcp"])
@pytest.mark.parametrize("greeting", [b"", frame(SETTINGS)])
async def test_a_connection_of_grpc_passes_unchanged_and_its_calls_are_counted(protocol: str, greeting: bytes) -> None:
    asked = OPENING + frame(HEADERS, 1, b"call") + frame(HEADERS, 3, b"call") + frame(HEADERS, 5, b"never answered")
    server = await Server(ends=b"never answered", answers=lambda _: ANSWERS, greeting=greeting).start()
    async with counted(server.port, protocol) as (port, line):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        assert await reader.readexactly(len(greeting)) == greeting
        writer.write(asked)
        assert await reader.readexactly(len(ANSWERS)) == ANSWERS
        assert bytes(server.received) == asked
        writer.close()
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
    await server.stop()
    assert figures is not None
    assert (figures["requests"], figures["answers"], figures["aborted"]) == (3, 2, 1)
    assert (figures["bytes_up"], figures["bytes_down"]) == (len(asked), len(greeting + ANSWERS))


@pytest.mark.loopback
async def test_calls_that_are_cut_are_counted_as_such() -> None:
    server = await Server(ends=b"never comes").start()
    async with counted(server.port) as (port, line):
        _reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(OPENING + frame(HEADERS, 1) + frame(HEADERS, 3))
        await until(lambda: line.count.tally.requests == 2)
        assert line.cut() == 1
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
        writer.close()
    await server.stop()
    assert figures is not None
    assert (figures["requests"], figures["answers"], figures["aborted"]) == (2, 0, 2)


@pytest.mark.loopback
@pytest.mark.parametrize("protocol", ["http", "tcp"])
async def test_tls_passes_untouched_on_a_line_that_is_not_told_of_it(protocol: str, tmp_path: Path) -> None:
    authority = Authority(NOW)
    server = await Server(tls=shown(authority.issue("b", NOW), tmp_path)).start()
    trust = ssl.create_default_context(cafile=trusted(authority, tmp_path))
    async with counted(server.port, protocol) as (port, line):
        reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=trust, server_hostname="b")
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.transport.abort()
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
    await server.stop()
    assert figures is not None
    assert (figures["connections"], figures["requests"], figures["answers"]) == (1, 3, 3)
