"""How a provider of an unknown protocol is asked: learned from itself, so that a fault can be told from its manners."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.proxy.openers import OPENERS, Manners, learn
from harness.proxy.probe import TALKS, Life, Outcome, Question, Seen, Talk, probe
from harness.runtime.certificates import Authority
from tests.certified import NOW, shown
from tests.proxy.rigs import CLOCK, HOST, RESET, Server, free_port, settled

pytestmark = pytest.mark.loopback

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    port = free_port()
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def safely() -> None:
            try:
                await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        writers.append(writer)
        tasks.add(asyncio.create_task(safely()))

    server = await asyncio.start_server(begin, HOST, port, ssl=tls)
    try:
        yield port
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:  # who is cancelled before its first step closes nothing
            writer.close()
        await settled()


def opener_of(talk: Talk | None) -> str:
    assert talk is not None
    asked = talk.ask(0, Question(within_s=1.0))
    return next((name for name, opener in OPENERS.items() if opener == asked), "none")


async def ask(port: int, talk: Talk | None, within_s: float = 10.0, beyond_bytes: int = 0) -> Seen:
    assert talk is not None
    return await probe(port, talk, Question(within_s=within_s, beyond_bytes=beyond_bytes), clock=CLOCK)


def only(opener: str, answer: bytes) -> Serve:
    """A provider that answers one opener, and says nothing to all others."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            if data == OPENERS[opener]:
                writer.write(answer)

    return serve


@pytest.mark.parametrize("opener", [name for name in OPENERS if name != "tls"])
async def test_it_is_asked_by_the_words_that_it_answers(opener: str) -> None:
    answer = b"HTTP/1.1 204 No Content\r\n\r\n" if opener == "http" else b"yes"
    async with serving(only(opener, answer)) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        assert opener_of(talk) == opener
        seen = await ask(port, talk)
        assert (seen.outcome, seen.bytes) == (Outcome.ANSWERED, len(answer))


async def test_a_server_of_tls_answers_the_hello(tmp_path: Path) -> None:
    server = shown(Authority(NOW).issue("catalog", NOW), tmp_path)

    async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(never, tls=server) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        assert (await ask(port, talk)).outcome is Outcome.ANSWERED


async def test_one_that_greets_and_answers_is_known_by_both() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome\r\n")
        while await reader.read(4096):
            writer.write(b"500 what?\r\n")

    async with serving(serve) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        assert talk is not None
        assert (talk.life, talk.greeting is not None) == (Life.SPEAKS, True)
        assert (await ask(port, talk)).outcome is Outcome.ANSWERED


async def test_one_that_only_greets_is_well_when_it_greets() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()

    async with serving(serve) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        seen = await ask(port, talk)
        assert (seen.outcome, seen.life) == (Outcome.ANSWERED, Life.GREETS)
        assert (await ask(port, talk, 0.3, beyond_bytes=10)).outcome is Outcome.SILENT


async def test_one_that_hangs_up_is_well_when_it_hangs_up_and_not_when_it_is_silent() -> None:
    hangs = True

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        if not hangs:
            await asyncio.Event().wait()

    async with serving(serve) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        seen = await ask(port, talk)
        assert (seen.outcome, seen.life) == (Outcome.ANSWERED, Life.HANGS_UP)
        assert str(seen) == f"hangs up, as without a fault, on 127.0.0.1:{port}"
        hangs = False
        assert (await ask(port, talk, 0.3)).outcome is Outcome.SILENT


async def test_one_that_is_slow_at_first_is_listened_to_once_more() -> None:
    rounds = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal rounds
        if await reader.read(4096) == OPENERS["mqtt"]:
            rounds += 1
            if rounds > 1:
                writer.write(b"yes")
        await reader.read()

    async with serving(serve) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        assert (opener_of(talk), rounds) == ("mqtt", 2)


async def test_one_that_says_nothing_is_well_while_it_keeps_the_connection() -> None:
    keeps = True

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if keeps:
            await asyncio.Event().wait()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(1, 13, RESET)  # SOL_SOCKET, SO_LINGER

    async with serving(serve) as port:
        talk = await learn(HOST, port, clock=CLOCK)
        seen = await ask(port, talk)
        assert (seen.outcome, seen.life) == (Outcome.ANSWERED, Life.KEEPS)
        assert seen.took_s < 0.2  # what was only watched is no latency
        keeps = False
        assert (await ask(port, talk)).outcome in {Outcome.RESET, Outcome.CLOSED}


async def test_nothing_is_learned_of_one_that_is_dead_and_it_is_asked_again() -> None:
    manners, server = Manners(CLOCK), Server()
    assert await learn(HOST, server.port, clock=CLOCK) is None
    assert await manners.talk("tcp", HOST, server.port) is TALKS["tcp"]
    await server.start()
    talk = await manners.talk("tcp", HOST, server.port)
    assert opener_of(talk) == "http"
    await server.stop()
    assert await manners.talk("tcp", HOST, server.port) is talk


async def test_http_is_asked_for_once_and_stays_http() -> None:
    manners, server = Manners(CLOCK), await Server().start()
    assert await manners.talk("http", HOST, server.port) is TALKS["http"]
    assert await manners.talk("http", HOST, server.port) is TALKS["http"]
    assert server.requests == 1
    await server.stop()


async def test_who_waits_while_a_frozen_one_is_asked_takes_what_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.proxy.openers.HTTP_WITHIN_S", 0.05)
    manners, server = Manners(CLOCK), await Server().start()
    server.pause()
    asked = [manners.talk("http", HOST, server.port) for _ in range(8)]
    assert await asyncio.gather(*asked) == [TALKS["http"]] * 8
    assert server.requests == 1
    assert await manners.talk("http", HOST, server.port) is TALKS["http"]
    assert server.requests == 2
    await server.stop()


async def test_what_is_said_to_be_http_and_speaks_only_http_2_is_asked_in_that() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readexactly(3)) != b"PRI":
            return
        writer.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        await reader.read()

    async with serving(serve) as port:
        assert opener_of(await Manners(CLOCK).talk("http", HOST, port)) == "h2"


async def test_stores_that_are_known_are_asked_as_ever() -> None:
    assert await Manners(CLOCK).talk("redis", HOST, free_port()) is TALKS["redis"]
