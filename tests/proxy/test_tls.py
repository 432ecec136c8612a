"""Lines with TLS: how the relay counts what it can't read, and what a probe sees."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.proxy.counted import LOOPBACK, CountedLine
from harness.proxy.probe import Outcome, Question, Seen, probe
from harness.proxy.records import ClientRecords
from harness.runtime.certificates import Authority, Issued
from tests.certified import LONG_AGO, NOW, shown, trusted
from tests.proxy.rigs import CLOCK, Server, client, free_port, until

HELLO, CHANGE, FINISHED_1_2 = b"\x16\x03\x01\x00\x02hi", b"\x14\x03\x03\x00\x01\x01", b"\x16\x03\x03\x00\x03end"
CONTENT = b"\x17\x03\x03\x00\x20" + bytes(32)
FAREWELL = b"\x17\x03\x03\x00\x13" + bytes(19)
AUTHORITY = Authority(NOW)
ISSUED = AUTHORITY.issue("catalog", NOW)


def requests_in(*chunks: bytes) -> list[bool]:
    records = ClientRecords()
    return [records.requests(chunk) for chunk in chunks]


def test_in_tls_1_3_the_first_content_ends_the_handshake_and_what_follows_are_requests() -> None:
    assert requests_in(HELLO, CHANGE + CONTENT, CONTENT, CONTENT) == [False, False, True, True]
    assert requests_in(HELLO, CHANGE + CONTENT + CONTENT) == [False, True]


def test_in_tls_1_2_all_content_is_a_request() -> None:
    assert requests_in(HELLO, FINISHED_1_2 + CHANGE + FINISHED_1_2, CONTENT) == [False, False, True]


def test_a_farewell_is_no_request() -> None:
    assert requests_in(HELLO, CONTENT, CONTENT, FAREWELL) == [False, False, True, False]


def test_records_are_told_however_their_bytes_are_cut() -> None:
    said = HELLO + CHANGE + CONTENT + CONTENT + FAREWELL
    for size in (1, 3, 7, 50):
        chunks = [said[at : at + size] for at in range(0, len(said), size)]
        assert sum(requests_in(*chunks)) == 1, size


def test_what_is_no_tls_is_never_a_request() -> None:
    assert requests_in(b"GET / HTTP/1.1\r\n\r\n", CONTENT, CONTENT) == [False, False, False]


@asynccontextmanager
async def counted(server: Server) -> AsyncIterator[tuple[int, CountedLine]]:
    await server.start()
    port = free_port()
    line = CountedLine(
        name="a->b", protocol="https", listen=(LOOPBACK, port), to=(LOOPBACK, server.port), now=CLOCK.now
    )
    line.bind()
    line.accept()
    yield port, line
    line.close()
    await server.stop()


@pytest.fixture
def serving(tmp_path: Path) -> ssl.SSLContext:
    context = shown(ISSUED, tmp_path)
    context.num_tickets = 0
    return context


@pytest.fixture
def trust(tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=trusted(AUTHORITY, tmp_path))


@pytest.mark.loopback
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_handshake_is_a_part_of_the_first_request(
    serving: ssl.SSLContext, trust: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    trust.maximum_version = version
    async with counted(Server(tls=serving)) as (port, line):
        async with client(port, trust) as consumer:
            for _ in range(3):
                assert await consumer.get() == b"ok"
            consumer.writer.close()
            await consumer.writer.wait_closed()
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
        assert figures is not None
        found = {name: figures[name] for name in ("connections", "requests", "answers", "aborted")}
        assert found == {"connections": 1, "requests": 3, "answers": 3, "aborted": 0}


@pytest.mark.loopback
async def test_a_handshake_that_is_not_answered_is_an_attempt_that_failed(trust: ssl.SSLContext) -> None:
    async with counted(Server(ends=b"never")) as (port, line):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), client(port, trust):
                pass
        await until(lambda: not line.count.live)
        figures = line.count.tally.take()
        assert figures is not None
        assert (figures["requests"], figures["answers"], figures["aborted"]) == (1, 0, 1)


async def seen(server: Server, trust: Path | None, *, beyond: int = 0) -> Seen:
    server.port = free_port()
    await server.start()
    try:
        question = Question(within_s=5.0, beyond_bytes=beyond)
        return await probe(server.port, "https", question, clock=CLOCK, trust=trust)
    finally:
        await server.stop()


@pytest.mark.loopback
@pytest.mark.parametrize("beyond", [0, 4096])
async def test_a_probe_gets_an_answer_over_tls(serving: ssl.SSLContext, tmp_path: Path, beyond: int) -> None:
    found = await seen(Server(tls=serving), trusted(AUTHORITY, tmp_path), beyond=beyond)
    assert found.outcome is Outcome.ANSWERED
    assert found.bytes > beyond


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("issued", "why"),
    [
        (AUTHORITY.issue("catalog", LONG_AGO), "certificate has expired"),
        (Authority(NOW).issue("catalog", NOW), "unable to get local issuer certificate"),
    ],
)
async def test_a_probe_says_why_it_does_not_trust(tmp_path: Path, issued: Issued, why: str) -> None:
    found = await seen(Server(tls=shown(issued, tmp_path)), trusted(AUTHORITY, tmp_path))
    assert found.outcome is Outcome.DISTRUSTED
    assert why in str(found)


@pytest.mark.loopback
async def test_a_probe_of_a_provider_that_speaks_no_tls_is_no_answer(tmp_path: Path) -> None:
    plain = Server(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert (await seen(plain, trusted(AUTHORITY, tmp_path))).outcome is Outcome.DISTRUSTED
