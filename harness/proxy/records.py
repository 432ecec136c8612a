"""TLS as it looks to one who has no key: records of a kind and a length, whose content stays hidden."""

from __future__ import annotations

HANDSHAKE, CONTENT = 22, 23
"""Kinds of records. In TLS 1.3 the end of the handshake and farewells are `CONTENT` too."""
_KINDS = range(20, 25)
_HEAD_BYTES = 5
_LONGEST_BYTES = (1 << 14) + 2048
_ALERT_BYTES = 19
"""Of a record that hides an alert in TLS 1.3; one with two bytes of content, which no request has, looks the same."""


class ClientRecords:
    """What a client of TLS sends: tells when that is a request.

    In TLS 1.3 its first record of `CONTENT` ends its handshake; in TLS 1.2, a handshake record after its hello does.
    """

    __slots__ = ("_handshakes", "_head", "_left", "_lost", "_silent_end")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._handshakes = 0
        self._silent_end = True
        self._lost = False

    def requests(self, data: bytes) -> bool:
        """Whether these bytes, which follow those seen before, begin a record with a part of a request."""
        found = False
        at = 0
        while at < len(data) and not self._lost:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            take = _HEAD_BYTES - len(self._head)
            self._head += data[at : at + take]
            at += take
            if len(self._head) == _HEAD_BYTES:
                found = self._begins(self._head[0], int.from_bytes(self._head[3:5], "big")) or found
                self._head = b""
        return found

    def _begins(self, kind: int, length: int) -> bool:
        """A record begins; whether it is a part of a request."""
        self._left = length
        if kind not in _KINDS or length > _LONGEST_BYTES:
            self._lost = True  # no TLS: it will never be a request
            return False
        if kind == HANDSHAKE:
            self._handshakes += 1
            self._silent_end = self._handshakes == 1
        if kind != CONTENT:
            return False
        if self._silent_end:
            self._silent_end = False
            return False
        return length != _ALERT_BYTES
