"""HTTP/2 as far as it must be understood to count: streams that the consumer opens, and when each is answered.

Nothing of a header is decoded, so it is cheap, and the same for gRPC.
"""

from __future__ import annotations

from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BEGINS = PREFACE[:3]
"""No request of HTTP/1.1 begins so."""
MOST_OPEN = 10_000
"""Streams of a connection that are kept in mind without an answer; those beyond are not counted."""

_HEAD_BYTES = 9
_HEADERS, _RST_STREAM = 1, 3


class Frames:
    """One direction of a connection: tells type and stream of each frame that begins."""

    __slots__ = ("_head", "_skip")

    def __init__(self, skip: int = 0) -> None:
        self._skip = skip
        self._head = b""

    def begun(self, data: bytes) -> Iterator[tuple[int, int]]:
        """The frames whose heads are whole with these bytes, which follow those seen before."""
        at, end = 0, len(data)
        while at < end:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                at += step
                continue
            take = _HEAD_BYTES - len(self._head)
            self._head += data[at : at + take]
            at += take
            if len(self._head) == _HEAD_BYTES:
                head, self._head = self._head, b""
                self._skip = int.from_bytes(head[:3], "big")
                yield head[3], int.from_bytes(head[5:], "big") & 0x7FFF_FFFF


class Streams:
    """Both directions of a connection."""

    __slots__ = ("_consumer", "_last", "_open", "_provider")

    def __init__(self) -> None:
        self._consumer = Frames(skip=len(PREFACE))
        self._provider = Frames()
        self._open: dict[int, float] = {}
        self._last = 0

    @property
    def unanswered(self) -> int:
        """How many streams wait for an answer."""
        return len(self._open)

    def asked(self, data: bytes, now: float) -> tuple[int, int]:
        """The consumer's bytes: how many streams it opened, and how many it gave up."""
        opened = given_up = 0
        for kind, stream in self._consumer.begun(data):
            if kind == _HEADERS and stream > self._last:
                self._last = stream
                if len(self._open) < MOST_OPEN:
                    self._open[stream] = now
                    opened += 1
            elif kind == _RST_STREAM and self._open.pop(stream, None) is not None:
                given_up += 1
        return opened, given_up

    def answered(self, data: bytes, now: float) -> tuple[int, float, int]:
        """The provider's bytes: how many streams it answered, after how many seconds in all, and how many it reset."""
        answers, took_s, refused = 0, 0.0, 0
        for kind, stream in self._provider.begun(data):
            if kind not in (_HEADERS, _RST_STREAM):
                continue
            asked = self._open.pop(stream, None)
            if asked is None:
                continue
            if kind == _HEADERS:
                answers += 1
                took_s += now - asked
            else:
                refused += 1
        return answers, took_s, refused

    def forget(self) -> int:
        """The connection is over: how many streams never got an answer."""
        left = len(self._open)
        self._open.clear()
        return left
