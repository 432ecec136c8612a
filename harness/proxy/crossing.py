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
import itertools
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.proxy.follow_ups import FollowUps
from harness.proxy.lanes import WAITING_LIMIT_BYTES, Force, Lane
from harness.proxy.records import ClientRecords
from harness.proxy.streams import BEGINS, Streams

if TYPE_CHECKING:
    from harness.proxy.bends import Way
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

    __slots__ = ("aborted", "answer_s", "answers", "bytes_down", "bytes_up", "connections", "follow_ups", "requests")

    def __init__(self, now: Callable[[], float]) -> None:
        self.follow_ups = FollowUps(now)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.connections = self.requests = self.answers = self.aborted = 0
        self.bytes_up = self.bytes_down = 0
        self.answer_s = 0.0
        self.follow_ups.clear()

    def begin(self) -> None:
        """The consumer began an exchange."""
        self.requests += 1
        self.follow_ups.begins()

    def fail(self) -> None:
        """It began one that failed at once."""
        self.begin()
        self.aborted += 1
        self.follow_ups.fails()

    def answer(self, at: float, asked: float) -> None:
        """The answer to one began."""
        self.answers += 1
        self.answer_s += at - asked
        self.follow_ups.answers(at)

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
            "failed": self.follow_ups.failed,
            "failed_again": self.follow_ups.failed_again,
            "answered_again": self.follow_ups.answered_again,
        }
        self.clear()
        return figures


class LineCount:
    """What the connections of one line share."""

    __slots__ = ("abrupt", "born", "live", "now", "stage", "tally", "tls", "unanswered")

    def __init__(self, *, protocol: str, now: Callable[[], float]) -> None:
        self.now = now
        self.unanswered = UNANSWERED.get(protocol, b"")
        self.tls = protocol == "https"
        self.tally = Tally(now)
        self.live: set[Crossing] = set()
        self.born = itertools.count()
        self.abrupt = False
        """Ends that come from the provider's side are passed on as RST."""
        self.stage: LineStage | None = None
        """Reads HTTP while it is on."""


class Side(asyncio.Protocol):
    """One of the two sockets of a connection. What it reads before its peer is there waits in `early`."""

    __slots__ = (
        "congested",
        "crossing",
        "early",
        "ended",
        "lane",
        "lost",
        "peer",
        "send",
        "stuck",
        "told",
        "transport",
    )

    def __init__(self, crossing: Crossing) -> None:
        self.crossing = crossing
        self.early: list[bytes] = []
        self.send: Callable[[bytes], object] = self.early.append
        self.ended = False
        self.lost = False
        self.told = False
        """The other side knows that this one has ended."""
        self.lane: Lane | None = None
        """What is done to that which it says; None where bytes only pass."""
        self.congested = False
        """It can't take more."""
        self.stuck = False
        """What it says is not read now."""

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
            self.crossing.flush(self, then=self.pass_end_on)

    def pass_end_on(self) -> None:
        """Say to the other side that this one says nothing more, unless that is kept from it for now."""
        if self.lane is not None:
            self.lane.end()
        else:
            self.pass_end()

    def pass_end(self) -> None:
        """Say so now; when both have ended, the connection is over."""
        self.told = True
        self.peer.transport.write_eof()
        if self.peer.told:
            self.transport.close()
            self.peer.transport.close()

    @property
    def unheard_of(self) -> bool:
        """Whether what becomes of it is kept from the other side."""
        return self.lane is not None and self.lane.swallows

    def bend(self, way: Way) -> None:
        """From now on what it says goes by a lane."""
        self.lane = Lane(self.crossing, self, way)

    def straighten(self) -> None:
        """What it says only passes again."""
        lane, self.lane = self.lane, None
        if lane is not None:
            lane.release()

    def say(self, data: bytes) -> None:
        """Pass on what it says, however that goes now."""
        if self.lane is not None:
            self.lane.send(data)
        else:
            self.peer.transport.write(data)

    def may_read(self) -> None:
        """Read what it says as long as that can be passed on."""
        stuck = self.peer.congested or (self.lane is not None and self.lane.full > WAITING_LIMIT_BYTES)
        if stuck == self.stuck or self.ended or self.lost or self.transport.is_closing():
            return
        self.stuck = stuck
        if stuck:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # sockets have both directions

    def eof_received(self) -> bool:
        """Pass a half-close on; when both have ended, the connection is over."""
        self.ended = True
        if self.crossing.ending(self) and not self.unheard_of:
            self.crossing.reset()
        elif self.crossing.connected:
            self.crossing.flush(self, then=self.pass_end_on)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """A reset goes on as a reset."""
        self.lost = True
        if exc is not None:
            self.crossing.ending(self)
            if not self.unheard_of:
                self.crossing.reset()
        self.crossing.gone()

    def pause_writing(self) -> None:
        """This side can't take more: stop reading on the other."""
        self.congested = True
        self.peer.may_read()

    def resume_writing(self) -> None:
        """This side takes more again."""
        self.congested = False
        self.peer.may_read()

    def reset(self, *, at_once: bool = True) -> None:
        """End it with a RST instead of a FIN; at once, or when what is written is gone."""
        if self.lost or not hasattr(self, "transport"):
            return
        found = self.transport.get_extra_info("socket")
        if found is not None:
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        if at_once:
            self.transport.abort()
        else:
            self.transport.close()


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
            tally.begin()
            crossing.hit(1)
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
        if crossing.asking and not crossing.greeting and not crossing.withheld:
            crossing.asking = False
            if not self.peer.ended:
                tally.answer(crossing.line.now(), crossing.asked)
        crossing.silent = False
        self.send(data)


class Crossing:
    """One connection of a consumer with its other half."""

    __slots__ = (
        "asked",
        "asking",
        "born",
        "connected",
        "consumer",
        "cut",
        "forces",
        "greeting",
        "holed",
        "line",
        "passage",
        "provider",
        "records",
        "silent",
        "spoken_first",
        "streams",
        "unheard",
    )

    def __init__(self, line: LineCount) -> None:
        self.line = line
        self.passage: Passage | None = None
        """What reads HTTP and may change it; None where bytes only pass."""
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
        self.born = next(line.born)
        self.forces: tuple[Force, ...] = ()
        """What is done to its bytes."""
        self.holed = False
        """Something that was said has vanished, so it can't go on without whatever swallowed it."""
        self.streams: Streams | None = None
        self.records = ClientRecords() if line.tls else None
        self.greeting = line.tls
        """Of TLS, before the first request was sent: no byte of the provider is an answer yet."""

    def hit(self, requests: int) -> None:
        """So many requests more have met what is in force."""
        for force in self.forces:
            force.requests += requests

    def meet(self, forces: tuple[Force, ...]) -> None:
        """All that is done to its bytes, of which some may have come already."""
        self.forces = forces
        if self.asking:
            self.hit(1)

    def bend(self, force: Force) -> None:
        """One more thing is done to its bytes from now on."""
        self.forces = (*self.forces, force)
        self._lay_lanes()

    def unbend(self, force: Force) -> None:
        """One thing less is; where bytes have vanished, the connection can't go on."""
        if force not in self.forces:
            return
        self.forces = tuple(each for each in self.forces if each is not force)
        if self.holed and not any(each.bend.swallows for each in self.forces):
            self.abandon()
            self.reset()
        elif not self.forces:
            for side in (self.consumer, self.provider):
                side.straighten()
                if self.connected:
                    side.send = self.passed_on(side)

    def _lay_lanes(self) -> None:
        if self.consumer.lane is None:
            self.consumer.bend("request")
            self.provider.bend("reply")
        if self.connected:
            self.consumer.send, self.provider.send = self.passed_on(self.consumer), self.passed_on(self.provider)

    def finish(self, *, reset: bool) -> None:
        """Enough was passed on: end it once that is gone."""
        failed = self.line.tally.follow_ups.failed
        self.ending(self.provider)
        if self.line.tally.follow_ups.failed == failed:
            self.line.tally.follow_ups.fails()
        self.cut = True
        if reset:
            self.consumer.reset(at_once=False)
        else:
            self.consumer.transport.close()
        self.provider.transport.close()

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
        self.hit(opened)
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
        if self.forces:
            self._lay_lanes()
        if self.line.stage is not None and self.line.stage.on:
            self.passage = self._passage(self.line.stage, quiet=None)
        self.consumer.connect()
        self.provider.connect()

    def read_on(self) -> bool:
        """Have it read from its next request on; whether it was not yet, and can be."""
        known = self.streams is not None or self.records is not None
        if self.line.stage is None or self.passage is not None or known or not self.connected:
            return False
        self.passage = self._passage(self.line.stage, quiet=not self.asking)
        self.consumer.send, self.provider.send = self.passage.up, self.passage.down
        return True

    def _passage(self, stage: LineStage, *, quiet: bool | None) -> Passage:
        return stage.passage(
            to_provider=self.consumer.say,
            to_consumer=self.provider.say,
            hang_up=self.consumer.transport.close,
            answered=self.answered,
            quiet=quiet,
        )

    @property
    def withheld(self) -> bool:
        """Whether the stage decides what the consumer gets of an answer, and when."""
        return self.passage is not None and self.passage.withholds

    def answered(self) -> None:
        """The stage gave the consumer an answer that it had kept, or one in the provider's place."""
        if self.asking:
            self.asking = False
            self.line.tally.answer(self.line.now(), self.asked)

    def passed_on(self, side: Side) -> Callable[[bytes], object]:
        """Where what a side says goes."""
        if self.passage is None:
            return side.peer.transport.write if side.lane is None else side.lane.send
        return self.passage.down if side is self.provider else self.passage.up

    def flush(self, side: Side, *, then: Callable[[], None]) -> None:
        """A side says nothing more: let go what was held back of it, and when that is done, go on."""
        if self.passage is None:
            then()
        elif side is self.provider:
            self.passage.down_ended(then)
        else:
            self.passage.up_ended()
            then()

    def ending(self, side: Side) -> bool:
        """A side ended: count what that leaves unanswered. True when the end must be passed on as a RST.

        A consumer that ended is taken to have given up (nothing tells a half-close from a close);
        a provider's side that ends before a single byte was said is an attempt that failed.
        """
        tally = self.line.tally
        from_provider = side is self.provider
        if self.abandon():
            if from_provider and not self.cut:
                tally.follow_ups.fails()
        elif self.silent and from_provider and not self.consumer.ended and not self.cut:
            tally.fail()
        self.silent = False
        return from_provider and self.line.abrupt

    def reset(self) -> None:
        """End both sides with a RST."""
        self.cut = True
        if self.passage is not None:
            self.passage.close()
        self.consumer.reset()
        self.provider.reset()

    def gone(self) -> None:
        """One side's socket is closed; forget the connection when both are, and never keep one alone."""
        other_open = [side for side in (self.consumer, self.provider) if not side.lost]
        if self.passage is not None:
            self.passage.close()
        if other_open == [self.consumer] and self.provider.unheard_of and not self.cut:
            self.holed = True
            return
        for side in (self.consumer, self.provider):
            if side.lane is not None:
                side.lane.drop()
        if not other_open:
            self.line.live.discard(self)
        elif self.connected and not other_open[0].transport.is_closing():
            other_open[0].transport.close()
