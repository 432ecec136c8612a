"""A question put straight to a listener, and what came of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.clock import Clock
from harness.errors import ProxyError

LOOPBACK = "127.0.0.1"
ANSWER_LIMIT = 1 << 20
"""A probe reads no more bytes than that of one answer."""

_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:.*chunked", re.IGNORECASE | re.MULTILINE)


class Outcome(StrEnum):
    """How a probe ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    SILENT = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How long to wait for an answer, and whether to ask on until more than so many bytes came back."""

    within_s: float
    beyond_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a probe saw: the bytes that came back until it ended, and when that was."""

    outcome: Outcome
    port: int
    bytes: int
    took_s: float
    host: str = LOOPBACK

    def __str__(self) -> str:
        """A line of evidence: `connect refused on 127.0.0.1:20011`."""
        where = f"on {self.host}:{self.port}"
        match self.outcome:
            case Outcome.ANSWERED:
                return f"answered in {self.took_s * 1000:.0f} ms {where}"
            case Outcome.REFUSED:
                return f"connect refused {where}"
            case Outcome.RESET:
                return f"reset after {self.bytes} bytes {where}"
            case Outcome.CLOSED:
                return f"closed after {self.bytes} bytes {where}"
            case Outcome.SILENT:
                return f"no answer within {self.took_s:.2g} s {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """How a protocol is asked for a sign of life: `ask` gives the bytes of each turn, `whole` knows an answer's end."""

    ask: Callable[[int, Question], bytes]
    whole: Callable[[bytes], bool]
    greeting: Callable[[bytes], bool] | None = None
    """For providers that speak first."""


def _ask_http(_turn: int, _question: Question) -> bytes:
    # Kept alive: a provider that closed after its answer would end a connection whose answers a black hole swallows.
    return b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: harness-probe\r\n\r\n"


def _whole_http(data: bytes) -> bool:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    if length := _LENGTH.search(head):
        return len(body) >= int(length[1])
    return not _CHUNKED.search(head) or body.endswith(b"0\r\n\r\n")


_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_PROTOCOL_3 = b"\x00\x03\x00\x00"


def _ask_postgres(turn: int, question: Question) -> bytes:
    """Whether it speaks TLS; then a start-up with an option that it can't know, whose name it repeats in its answer."""
    if not turn:
        return _SSL_REQUEST
    options = b"user\0harness-probe\0_pq_.%s\0\0\0" % (b"x" * question.beyond_bytes)
    return (8 + len(options)).to_bytes(4, "big") + _PROTOCOL_3 + options


def _whole_postgres(data: bytes) -> bool:
    if data[:1] in (b"S", b"N") and len(data) == 1:
        return True
    return len(data) >= 5 and len(data) > int.from_bytes(data[1:5], "big")  # noqa: PLR2004 -- type and length


def _line(data: bytes) -> bool:
    return data.endswith(b"\r\n")


TALKS: Mapping[str, Talk] = {
    "http": Talk(ask=_ask_http, whole=_whole_http),
    "postgres": Talk(ask=_ask_postgres, whole=_whole_postgres),
    "redis": Talk(ask=lambda _turn, _question: b"PING\r\n", whole=_line),
    "nats": Talk(
        ask=lambda turn, _question: b"PING\r\n" if turn else b'CONNECT {"verbose":false}\r\nPING\r\n',
        whole=_line,
        greeting=_line,
    ),
}


async def probe(port: int, protocol: str, question: Question, *, clock: Clock, host: str = LOOPBACK) -> Seen:
    """Ask once, on a connection of its own.

    Raises:
        ProxyError: if the protocol is none of `TALKS`.
    """
    talk = TALKS.get(protocol)
    if talk is None:
        raise ProxyError(f"expected a protocol of {', '.join(TALKS)}; found {protocol!r}: it can't be probed")
    began = clock.now()
    received = bytearray()
    outcome = Outcome.ANSWERED
    try:
        async with asyncio.timeout(question.within_s):
            whole = await _converse(host, port, talk, question, received)
        outcome = Outcome.ANSWERED if whole else Outcome.CLOSED
    except ConnectionRefusedError:
        outcome = Outcome.REFUSED
    except TimeoutError:
        outcome = Outcome.SILENT
    except OSError:
        outcome = Outcome.RESET
    return Seen(outcome=outcome, port=port, bytes=len(received), took_s=clock.now() - began, host=host)


async def _converse(host: str, port: int, talk: Talk, question: Question, received: bytearray) -> bool:
    """Whether an answer came whole; False when the connection was closed before."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        if talk.greeting is not None and not await _read(reader, received, talk.greeting):
            return False
        turn = 0
        while turn == 0 or len(received) <= question.beyond_bytes:
            writer.write(talk.ask(turn, question))
            if not await _read(reader, received, talk.whole):
                return False
            turn += 1
        return True
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader, received: bytearray, whole: Callable[[bytes], bool]) -> bool:
    start = len(received)
    while len(received) - start < ANSWER_LIMIT:
        data = await reader.read(65536)
        received += data
        if not data:
            return False
        if whole(bytes(received[start:])):
            return True
    return True
