"""What a probe sees of listeners that behave, and that don't."""

from __future__ import annotations

import pytest

from harness.errors import ProxyError
from harness.proxy.probe import TALKS, Outcome, Question, Seen, probe
from tests.proxy.rigs import CLOCK, Server, answer, free_port

pytestmark = pytest.mark.loopback

HEAD = b"HTTP/1.1 200 OK\r\n"


async def ask(server: Server, protocol: str = "http", *, beyond: int = 0) -> Seen:
    server.port = free_port()
    await server.start()
    try:
        return await probe(server.port, protocol, Question(within_s=0.2, beyond_bytes=beyond), clock=CLOCK)
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("protocol", "server"),
    [
        ("http", Server(answers=lambda _asked: b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")),
        ("http", Server(answers=lambda _asked: HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
        ("http", Server(answers=lambda _asked: HEAD + b"\r\n")),
        ("postgres", Server(answers=lambda _asked: b"S", ends=b"\x16\x2f")),
        ("redis", Server(answers=lambda _asked: b"-NOAUTH\r\n", ends=b"PING\r\n")),
        ("nats", Server(greeting=b"INFO {}\r\n", answers=lambda _asked: b"-ERR 'no'\r\n", ends=b"PING\r\n")),
    ],
)
async def test_any_whole_answer_is_an_answer(protocol: str, server: Server) -> None:
    assert (await ask(server, protocol)).outcome is Outcome.ANSWERED


async def test_an_answer_that_stops_short_is_no_answer() -> None:
    seen = await ask(Server(answers=lambda _asked: HEAD + b"Content-Length: 9\r\n\r\nshort"))

    assert seen.outcome is Outcome.SILENT
    assert seen.bytes == len(HEAD) + 26


async def test_a_provider_that_should_greet_and_does_not_is_silent() -> None:
    assert (await ask(Server(), "nats")).outcome is Outcome.SILENT


async def test_nobody_there_is_refused() -> None:
    seen = await probe(free_port(), "http", Question(within_s=0.2), clock=CLOCK)

    assert seen.outcome is Outcome.REFUSED
    assert str(seen) == f"connect refused on 127.0.0.1:{seen.port}"


@pytest.mark.parametrize("beyond", [0, 10, 500])
async def test_it_asks_on_until_enough_bytes_came_back(beyond: int) -> None:
    server = Server()
    seen = await ask(server, beyond=beyond)

    assert seen.outcome is Outcome.ANSWERED
    assert server.requests == beyond // len(answer(b"ok")) + 1


async def test_postgres_is_asked_on_by_a_startup_message_that_is_well_formed() -> None:
    said: list[bytes] = []

    def answers(asked: bytes) -> bytes:
        said.append(asked)
        return b"N" if len(said) == 1 else b"E\x00\x00\x00\x08oops"

    server = Server(answers=answers, ends=b"\x16\x2f")
    await server.start()
    server.ends = b"\x16\x2f"
    try:
        seen = await probe(server.port, "postgres", Question(within_s=0.2, beyond_bytes=1), clock=CLOCK)
    finally:
        await server.stop()
    startup = bytes(server.received[8:])

    assert seen.bytes >= 1
    assert int.from_bytes(startup[:4], "big") == len(startup)


async def test_a_protocol_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ProxyError, match="http, https, postgres, redis, nats, tcp; found 'smtp'"):
        await probe(1, "smtp", Question(within_s=0.1), clock=CLOCK)


def test_http_is_asked_without_a_wish_to_close() -> None:
    # A provider that closes after its answer would end the connection through a black hole of replies.
    assert b"close" not in TALKS["http"].ask(0, Question(within_s=1.0)).lower()
