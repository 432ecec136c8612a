"""What services look for outside of their system: names that nobody here has, and addresses that lead nowhere.

Standard library only; what takes packets apart is pure.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

ATTEMPTS_KEPT = 50
"""Different ones of one room."""
PACKET_BYTES = 2_048

_HEADER = struct.Struct("!HHHHHH")
_A, _ALL, _INTERNET = 1, 255, 1
_RESPONSE, _AUTHORITATIVE, _RECURSION = 0x8000, 0x0400, 0x0180
_NO_SUCH_NAME = 3
_TTL_S = 1
_POINTER_TO_QUESTION = 0xC00C
_LABEL_MOST = 63
_SHORTEST_IP = 20
_TO_HOST = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NameQuestion:
    """What a name server is asked."""

    name: str
    kind: int
    raw: bytes
    """As it stands in the packet."""


def read_question(packet: bytes) -> NameQuestion | None:
    """The question in a packet of the name service; None when there is none that we understand."""
    if len(packet) <= _HEADER.size or _HEADER.unpack_from(packet)[2] != 1:
        return None
    labels, at = [], _HEADER.size
    while at < len(packet) and packet[at]:
        length = packet[at]
        if length > _LABEL_MOST:
            return None
        labels.append(packet[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    if at + 5 > len(packet):
        return None
    (kind,) = struct.unpack_from("!H", packet, at + 1)
    return NameQuestion(name=".".join(labels).lower(), kind=kind, raw=packet[_HEADER.size : at + 5])


def answer_to(packet: bytes, question: NameQuestion, addresses: Sequence[str]) -> bytes:
    """The answer with those addresses; without any, that there is no such name."""
    found = addresses if question.kind in (_A, _ALL) else ()
    number, flags, *_ = _HEADER.unpack_from(packet)
    flags = _RESPONSE | _AUTHORITATIVE | (flags & _RECURSION) | (0 if addresses else _NO_SUCH_NAME)
    records = [
        struct.pack("!HHHIH", _POINTER_TO_QUESTION, _A, _INTERNET, _TTL_S, 4) + socket.inet_aton(address)
        for address in found
    ]
    return _HEADER.pack(number, flags, 1, len(records), 0, 0) + question.raw + b"".join(records)


def read_destination(packet: bytes) -> str | None:
    """Whereto a TCP packet (from its IPv4 header on) goes: `93.184.216.34:443`."""
    if len(packet) < _SHORTEST_IP:
        return None
    length = (packet[0] & 0x0F) * 4
    if len(packet) < length + 4:
        return None
    (port,) = struct.unpack_from("!H", packet, length + 2)
    return f"{socket.inet_ntoa(packet[16:20])}:{port}"


class Outside:
    """Answers for names, and keeps what each room looked for in vain."""

    def __init__(self, expected: Collection[str]) -> None:
        self._expected = expected
        """Addresses, with ports, that do lead somewhere."""
        self._sought: dict[str, dict[str, int]] = {}

    def of(self, room: str) -> list[str]:
        """What a room looked for, how often, the first first."""
        return [f"{what} ({times} times)" if times > 1 else what for what, times in self._sought.get(room, {}).items()]

    def forget(self, room: str) -> None:
        """Begin anew."""
        self._sought.pop(room, None)

    def on_name(self, room: str, names: Mapping[str, Sequence[str]], server: socket.socket) -> None:
        """Answer a question of a room."""
        try:
            packet, asker = server.recvfrom(PACKET_BYTES)
            question = read_question(packet)
            if question is None:
                return
            addresses = names.get(question.name, ())
            if not addresses:
                self._note(room, f"the name {question.name}")
            server.sendto(answer_to(packet, question, addresses), asker)
        except OSError:
            return

    def on_attempt(self, rooms: Mapping[str, str], seeing: socket.socket) -> None:
        """Note a connection that was tried; `rooms` tells whose interface it came by."""
        try:
            packet, (interface, _protocol, kind, *_) = seeing.recvfrom(PACKET_BYTES)
        except OSError:
            return
        destination = read_destination(packet)
        if kind == _TO_HOST and interface in rooms and destination and destination not in self._expected:
            self._note(rooms[interface], destination)

    def _note(self, room: str, what: str) -> None:
        sought = self._sought.setdefault(room, {})
        if what in sought or len(sought) < ATTEMPTS_KEPT:
            sought[what] = sought.get(what, 0) + 1
