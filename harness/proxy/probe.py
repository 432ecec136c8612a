"""A question put straight to a listener, and what came of it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from harness.clock import Clock
from harness.errors import ProxyError
from harness.model.marks import mark_lines
from harness.proxy.tls_wire import TlsWire

LOOPBACK = "127.0.0.1"
ANSWER_LIMIT = 1 << 20
"""A probe reads no more bytes than that of one answer."""
READ_BYTES = 65536
FIRST_BYTES = 16
Octets = bytes
"""Where `bytes` is the name of how many there were."""
KEEPS_FOR_S = 0.3
"""A provider that says nothing is well when it has kept the connection for so long."""

_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:.*chunked", re.IGNORECASE | re.MULTILINE)


class Outcome(StrEnum):
    """How a probe ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    SILENT = "no answer"
    DISTRUSTED = "not trusted"
    """It spoke, but not TLS, or with a certificate that doesn't hold."""


class Life(StrEnum):
    """What a provider does when it is asked, if it is well."""

    SPEAKS = "speaks"
    GREETS = "greets"
    """It speaks first, and answers nothing that we know to ask."""
    HANGS_UP = "hangs up"
    RESETS = "resets"
    """It hangs up with a RST, of which a proxy may make a FIN."""
    KEEPS = "keeps the connection"
    """It says nothing at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How long to wait for an answer, and whether to ask on until more than so many bytes came back."""

    within_s: float
    beyond_bytes: int = 0
    hangs_up: bool = False
    """Ask nothing, say at once that nothing more comes, and wait for the other end to close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a probe saw: the bytes that came back until it ended, and when that was."""

    outcome: Outcome
    port: int
    bytes: int
    took_s: float
    host: str = LOOPBACK
    why: str = ""
    """Why it is not trusted."""
    begins: Octets = field(default=b"", repr=False)
    """The first bytes that came back, as they are meant."""
    life: Life = Life.SPEAKS

    def __str__(self) -> str:
        """A line of evidence: `connect refused on 127.0.0.1:20011`."""
        match self.outcome:
            case Outcome.ANSWERED if self.life is not Life.SPEAKS:
                what = f"{self.life}, as without a fault,"
            case Outcome.ANSWERED:
                what = f"answered in {self.took_s * 1000:.0f} ms"
            case Outcome.REFUSED:
                what = "connect refused"
            case Outcome.RESET | Outcome.CLOSED:
                what = f"{self.outcome} after {self.bytes} bytes"
            case Outcome.SILENT:
                what = f"no answer within {self.took_s:.2g} s"
            case Outcome.DISTRUSTED:
                what = f"not trusted ({self.why})"
        return f"{what} on {self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """How a protocol is asked for a sign of life: `ask` gives the bytes of each turn, `whole` knows an answer's end."""

    ask: Callable[[int, Question], bytes]
    whole: Callable[[bytes], bool]
    greeting: Callable[[bytes], bool] | None = None
    """For providers that speak first."""
    tls: bool = False
    """Whether all that is said within TLS; its bytes are counted as they come over the line."""
    life: Life = Life.SPEAKS


class Wire(Protocol):
    """A connection on which a protocol is spoken."""

    received: int
    """Bytes that came over it."""

    def write(self, data: bytes) -> None:
        """Send."""
        ...

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        ...


class PlainWire:
    """Bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.received = 0

    def write(self, data: bytes) -> None:
        """See `Wire`."""
        self._writer.write(data)

    async def read(self) -> bytes:
        """See `Wire`."""
        data = await self._reader.read(READ_BYTES)
        self.received += len(data)
        return data


def _ask_http(_turn: int, _question: Question) -> bytes:
    # Kept alive: a provider that closed after its answer would end a connection whose answers a black hole swallows.
    head = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: harness-probe\r\n"
    return f"{head}{mark_lines()}\r\n".encode()


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
    "https": Talk(ask=_ask_http, whole=_whole_http, tls=True),
    "postgres": Talk(ask=_ask_postgres, whole=_whole_postgres),
    "redis": Talk(ask=lambda _turn, _question: b"PING\r\n", whole=_line),
    "nats": Talk(
        ask=lambda turn, _question: b"PING\r\n" if turn else b'CONNECT {"verbose":false}\r\nPING\r\n',
        whole=_line,
        greeting=_line,
    ),
    "tcp": Talk(ask=_ask_http, whole=bool),
}


async def probe(  # noqa: PLR0913 -- each is a thing of its own
    port: int,
    protocol: str | Talk,
    question: Question,
    *,
    clock: Clock,
    host: str = LOOPBACK,
    trust: Path | None = None,
) -> Seen:
    """Ask once, on a connection of its own; over TLS, the provider's certificate must hold against `trust`.

    Raises:
        ProxyError: if the protocol is none of `TALKS`.
    """
    talk = TALKS.get(protocol) if isinstance(protocol, str) else protocol
    if talk is None:
        raise ProxyError(f"expected a protocol of {', '.join(TALKS)}; found {protocol!r}: it can't be probed")
    began = clock.now()
    attempt = _Attempt()
    why = ""
    try:
        async with asyncio.timeout(question.within_s):
            whole = await attempt.converse(host, port, talk, question, trust)
        outcome = Outcome.ANSWERED if whole else Outcome.CLOSED
    except ConnectionRefusedError:
        outcome = Outcome.REFUSED
    except TimeoutError:
        outcome = Outcome.SILENT
    except ssl.SSLError as error:
        outcome, why = Outcome.DISTRUSTED, getattr(error, "verify_message", "") or error.reason or str(error)
    except OSError:
        outcome = Outcome.ANSWERED if talk.life is Life.RESETS else Outcome.RESET
    took_s = clock.now() - began - attempt.held_s
    return Seen(
        outcome=outcome,
        port=port,
        bytes=attempt.bytes,
        took_s=took_s,
        host=host,
        why=why,
        begins=attempt.begins,
        life=talk.life,
    )


class _Attempt:
    """One conversation, of which is known how many bytes came even when it fails."""

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self.begins = b""
        self.held_s = 0.0
        """How long the connection was only watched."""

    @property
    def bytes(self) -> int:
        return 0 if self._wire is None else self._wire.received

    async def converse(self, host: str, port: int, talk: Talk, question: Question, trust: Path | None) -> bool:
        """Whether an answer came whole; False when the connection was closed before."""
        reader, writer = await asyncio.open_connection(host, port)
        try:
            if question.hangs_up:
                self._wire = PlainWire(reader, writer)
                writer.write_eof()
                return await self._read(self._wire, lambda _: False)
            if talk.tls:
                self._wire = tls = TlsWire(reader, writer, ssl.create_default_context(cafile=trust), host)
                if not await tls.shake_hands():
                    return False
            else:
                self._wire = PlainWire(reader, writer)
            return await self._converse(self._wire, talk, question)
        finally:
            writer.transport.abort()

    async def _converse(self, wire: Wire, talk: Talk, question: Question) -> bool:
        if talk.greeting is not None and not await self._read(wire, talk.greeting):
            return False
        turn = 0
        while turn == 0 or wire.received <= question.beyond_bytes:
            if talk.life is Life.GREETS and wire.received > question.beyond_bytes:
                return True
            wire.write(talk.ask(turn, question))
            match talk.life:
                case Life.HANGS_UP | Life.RESETS:
                    return not await self._read(wire, lambda _: False)
                case Life.KEEPS:
                    return await self._keeps(wire)
                case Life.SPEAKS | Life.GREETS:
                    if not await self._read(wire, talk.whole):
                        return False
            turn += 1
        return True

    async def _keeps(self, wire: Wire) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(KEEPS_FOR_S):
                return bool(await wire.read())
        except TimeoutError:
            self.held_s = loop.time() - began
            return True

    async def _read(self, wire: Wire, whole: Callable[[Octets], bool]) -> bool:
        answer = b""
        while len(answer) < ANSWER_LIMIT:
            data = await wire.read()
            answer += data
            if len(self.begins) < FIRST_BYTES:
                self.begins = (self.begins + data)[:FIRST_BYTES]
            if not data:
                return False
            if whole(answer):
                return True
        return True
