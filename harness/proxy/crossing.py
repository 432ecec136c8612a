"""What crosses a line: connections passed on unchanged, and counted.

An exchange is told by the change of direction of the bytes: it begins with the consumer's first bytes
(or its first after the provider spoke) and is answered by the next byte of the provider.
A provider that speaks first answers nothing by it.

Over TLS, what a consumer opens a connection for is counted once, from its hello on: the handshake is a part of that
exchange, which is answered by the first byte after the request. Session tickets can't be told from an answer: with
a provider that sends them, the first answer of a connection may seem to come early.

Whatever a line is told to carry, a consumer that begins with the words of TLS or of HTTP/2 is counted as such:
of HTTP/2, each stream is an exchange. Of protocols whose two sides speak as they like (AMQP, Kafka), connections
and bytes are exact, and exchanges are as many as there were changes of direction.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.proxy.records import ClientRecords
from harness.proxy.streams import BEGINS, Streams

if TYPE_CHECKING:
    from harness.proxy.stage import LineStage, Passage

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time left: closing sends a RST."""

GREETING_BYTES = 4096
"""A provider that says more before its consumer's first word does not speak HTTP/2."""

_HELLO_OF_TLS = b"\x16\x03"

UNANSWERED: dict[str, bytes] = {"postgres": b"X\x00\x00\x00\x04", "nats": b"PONG\r\n"}
"""What a consumer says by protocol without waiting for an answer: PostgreSQL's farewell, NATS's sign of life."""


class Tally:
    """The figures of one line in the second that runs."""

    __slots__ = ("aborted", "answer_s", "answers", "bytes_down", "bytes_up", "connections", "requests")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.connections = self.requests = self.answers = self.aborted = 0
        self.bytes_up = self.bytes_down = 0
        self.answer_s = 0.0

    def take(self) -> dict[str, float] | None:
        """The figures so far, which begin anew; None when nothing was seen."""
        if not (self.connections or self.bytes_up or self.bytes_down or self.requests or self.aborted):
            return None
        figures: dict[str, float] = {
            "connections": self.connections,
            "requests": self.requests,
            "answers": self.answers,
            "aborted": self.aborted,
            "bytes_up": self.bytes_up,
            "bytes_down": self.bytes_down,
            "answer_ms_sum": self.answer_s * 1000,
        }
        self.clear()
        return figures


class LineCount:
    """What the connections of one line share."""

    __slots__ = ("abrupt", "live", "now", "tally", "tls", "unanswered")

    def __init__(self, *, protocol: str, now: Callable[[], float]) -> None:
        self.now = now
        self.unanswered = UNANSWERED.get(protocol, b"")
        self.tls = protocol == "https"
        self.tally = Tally()
        self.live: set[Crossing] = set()
        self.abrupt = False
        """Ends that come from the provider's side are passed on as RST."""


class Side(asyncio.Protocol):
    """One of the two sockets of a connection. What it reads before its peer is there waits in `early`."""

    __slots__ = ("crossing", "early", "ended", "lost", "peer", "send", "transport")

    def __init__(self, crossing: Crossing) -> None:
        self.crossing = crossing
        self.early: list[bytes] = []
        self.send: Callable[[bytes], object] = self.early.append
        self.ended = False
        self.lost = False

    def pair(self, peer: Side) -> None:
        """Name the other side, before either is connected."""
        self.peer = peer

    def connect(self) -> None:
        """Both sides are connected: pass on what came early."""
        self.send = self.crossing.passed_on(self)
        for data in self.early:
            self.send(data)
        self.early.clear()
        if self.ended:
            self.crossing.flush(self)
            self.peer.transport.write_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # sockets have both directions

    def eof_received(self) -> bool:
        """Pass a half-close on; when both have ended, the connection is over."""
        self.ended = True
        if self.crossing.ending(self):
            self.crossing.reset()
        elif self.crossing.connected:
            self.crossing.flush(self)
            self.peer.transport.write_eof()
            if self.peer.ended:
                self.transport.close()
                self.peer.transport.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """A reset goes on as a reset."""
        self.lost = True
        if exc is not None:
            self.crossing.ending(self)
            self.crossing.reset()
        self.crossing.gone()

    def pause_writing(self) -> None:
        """This side can't take more: stop reading on the other."""
        if not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """This side takes more again."""
        if not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def reset(self) -> None:
        """End it with a RST instead of a FIN."""
        if self.lost or not hasattr(self, "transport"):
            return
        found = self.transport.get_extra_info("socket")
        if found is not None:
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()


class ConsumerSide(Side):
    """The socket that the consumer opened."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Count, and pass on."""
        crossing = self.crossing
        tally = crossing.line.tally
        tally.bytes_up += len(data)
        if crossing.unheard:
            crossing.recognise(data)
        if crossing.streams is not None:
            crossing.stream_up(crossing.streams, data)
            self.send(data)
            return
        begins = data != crossing.line.unanswered if crossing.records is None else crossing.begins(data)
        if begins and not crossing.asking:
            crossing.asking = True
            crossing.asked = crossing.line.now()
            tally.requests += 1
        crossing.silent = False
        self.send(data)


class ProviderSide(Side):
    """The socket that leads to the provider."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Count, and pass on."""
        crossing = self.crossing
        tally = crossing.line.tally
        tally.bytes_down += len(data)
        if crossing.unheard:
            crossing.spoken_first = (crossing.spoken_first + data)[: GREETING_BYTES + 1]
        elif crossing.streams is not None:
            crossing.stream_down(crossing.streams, data)
        if crossing.asking and not crossing.greeting:
            crossing.asking = False
            if not self.peer.ended:
                tally.answers += 1
                tally.answer_s += crossing.line.now() - crossing.asked
        crossing.silent = False
        self.send(data)


class Crossing:
    """One connection of a consumer with its other half."""

    __slots__ = (
        "asked",
        "asking",
        "connected",
        "consumer",
        "cut",
        "greeting",
        "line",
        "passage",
        "provider",
        "records",
        "silent",
        "spoken_first",
        "stage",
        "streams",
        "unheard",
    )

    def __init__(self, line: LineCount, stage: LineStage | None = None) -> None:
        self.line = line
        self.stage = stage
        """What reads HTTP and may change it; None where bytes only pass."""
        self.passage: Passage | None = None
        self.consumer = ConsumerSide(self)
        self.provider = ProviderSide(self)
        self.consumer.pair(self.provider)
        self.provider.pair(self.consumer)
        self.connected = False
        self.asking = False
        self.asked = 0.0
        self.silent = True
        """No byte has come from either side."""
        self.unheard = True
        """The consumer has said nothing."""
        self.spoken_first = b""
        """What the provider said before, which may be the beginning of HTTP/2."""
        self.cut = False
        self.streams: Streams | None = None
        self.records = ClientRecords() if line.tls else None
        self.greeting = line.tls
        """Of TLS, before the first request was sent: no byte of the provider is an answer yet."""

    def recognise(self, data: bytes) -> None:
        """Tell by the consumer's first words what is spoken."""
        self.unheard = False
        spoken, self.spoken_first = self.spoken_first, b""
        if data.startswith(BEGINS) and len(spoken) <= GREETING_BYTES:
            self.streams = Streams()
            self.streams.answered(spoken, self.line.now())
        elif self.records is None and not spoken and data.startswith(_HELLO_OF_TLS):
            self.records = ClientRecords()
            self.greeting = True

    def stream_up(self, streams: Streams, data: bytes) -> None:
        """Count what a consumer of HTTP/2 says."""
        opened, given_up = streams.asked(data, self.line.now())
        self.line.tally.requests += opened
        self.line.tally.aborted += given_up
        self.silent = False

    def stream_down(self, streams: Streams, data: bytes) -> None:
        """Count what a provider of HTTP/2 says."""
        answers, took_s, refused = streams.answered(data, self.line.now())
        tally = self.line.tally
        tally.answers += answers
        tally.answer_s += took_s
        tally.aborted += refused

    def abandon(self) -> bool:
        """Count what is without an answer, and for good now; whether there was any."""
        unanswered = int(self.asking) + (self.streams.forget() if self.streams is not None else 0)
        self.line.tally.aborted += unanswered
        self.asking = False
        return unanswered > 0

    def begins(self, data: bytes) -> bool:
        """Whether what the consumer says over TLS begins an exchange, unless one is under way."""
        first = self.greeting
        if self.records is not None and self.records.requests(data):
            self.greeting = False
            return True
        return first

    def connect(self) -> None:
        """Both sockets are there."""
        self.connected = True
        if self.consumer.lost or self.provider.lost:
            self.reset()
            return
        if self.stage is not None:
            self.passage = self.stage.passage(
                to_provider=self.provider.transport.write, to_consumer=self.consumer.transport.write
            )
        self.consumer.connect()
        self.provider.connect()
        if self.consumer.ended and self.provider.ended:
            self.consumer.transport.close()
            self.provider.transport.close()

    def passed_on(self, side: Side) -> Callable[[bytes], object]:
        """Where what a side says goes."""
        if self.passage is None:
            return side.peer.transport.write
        return self.passage.down if side is self.provider else self.passage.up

    def flush(self, side: Side) -> None:
        """A side says nothing more: let go what was held back of it."""
        if self.passage is not None:
            (self.passage.down_ended if side is self.provider else self.passage.up_ended)()

    def ending(self, side: Side) -> bool:
        """A side ended: count what that leaves unanswered. True when the end must be passed on as a RST.

        A consumer that ended is taken to have given up (nothing tells a half-close from a close);
        a provider's side that ends before a single byte was said is an attempt that failed.
        """
        tally = self.line.tally
        from_provider = side is self.provider
        if not self.abandon() and self.silent and from_provider and not self.consumer.ended and not self.cut:
            tally.requests += 1
            tally.aborted += 1
        self.silent = False
        return from_provider and self.line.abrupt

    def reset(self) -> None:
        """End both sides with a RST."""
        self.cut = True
        self.consumer.reset()
        self.provider.reset()

    def gone(self) -> None:
        """One side's socket is closed; forget the connection when both are, and never keep one alone."""
        other_open = [side for side in (self.consumer, self.provider) if not side.lost]
        if not other_open:
            self.line.live.discard(self)
        elif self.connected and not other_open[0].transport.is_closing():
            other_open[0].transport.close()
