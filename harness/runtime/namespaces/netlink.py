"""What the kernel is told of interfaces, addresses and routes: rtnetlink, so that no program need be installed.

The builders are pure; `Netlink` sends what they build. Standard library only.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Network
from typing import Self

_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_REQUEST, _ACK, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_UP = 1
_NAME, _LINK_INFO, _NET_NS_FD = 3, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_ADDRESS, _LOCAL = 1, 2
_DESTINATION, _OUTPUT, _GATEWAY = 1, 4, 5
_TABLE_MAIN, _TABLE_LOCAL = 254, 255
_BY_ADMINISTRATOR = 4
_SCOPE_UNIVERSE, _SCOPE_HOST = 0, 254
_UNICAST, _LOCALLY = 1, 2
_ANSWER_BYTES = 65_536
NAME_LIMIT = 15
"""Characters of an interface's name."""


def attribute(kind: int, content: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(content)
    return _ATTRIBUTE.pack(length, kind) + content + bytes(-length % 4)


def pair(name: str, peer: str, peer_namespace: int) -> tuple[int, bytes]:
    """Two interfaces that are joined, the second in the namespace of that descriptor."""
    other = _LINK.pack(0, 0, 0, 0, 0) + _named(peer) + attribute(_NET_NS_FD, struct.pack("=I", peer_namespace))
    described = attribute(_INFO_KIND, b"veth") + attribute(_INFO_DATA, attribute(_VETH_PEER, other))
    return _NEW_LINK, _LINK.pack(0, 0, 0, 0, 0) + _named(name) + attribute(_LINK_INFO, described)


def up(index: int) -> tuple[int, bytes]:
    """Switch an interface on."""
    return _NEW_LINK, _LINK.pack(0, 0, index, _UP, _UP)


def address(index: int, own: IPv4Address, prefix: int) -> tuple[int, bytes]:
    """Give an interface an address."""
    head = struct.pack("=BBBBI", socket.AF_INET, prefix, 0, _SCOPE_UNIVERSE, index)
    return _NEW_ADDRESS, head + attribute(_LOCAL, own.packed) + attribute(_ADDRESS, own.packed)


def local(network: IPv4Network, index: int) -> tuple[int, bytes]:
    """Take all addresses of a network for one's own."""
    head = struct.pack(
        "=BBBBBBBBI",
        *(socket.AF_INET, network.prefixlen, 0, 0, _TABLE_LOCAL, _BY_ADMINISTRATOR, _SCOPE_HOST, _LOCALLY, 0),
    )
    return _NEW_ROUTE, head + attribute(_DESTINATION, network.network_address.packed) + _out_by(index)


def default(gateway: IPv4Address, index: int) -> tuple[int, bytes]:
    """Send everything that is not known to a neighbour."""
    head = struct.pack(
        "=BBBBBBBBI",
        *(socket.AF_INET, 0, 0, 0, _TABLE_MAIN, _BY_ADMINISTRATOR, _SCOPE_UNIVERSE, _UNICAST, 0),
    )
    return _NEW_ROUTE, head + attribute(_GATEWAY, gateway.packed) + _out_by(index)


class Netlink:
    """Tells the kernel, in the network namespace in which it was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self._number = 0

    def __enter__(self) -> Self:
        """Close it at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `__enter__`."""
        self._socket.close()

    def tell(self, *messages: tuple[int, bytes]) -> None:
        """Have these done, one after another; raises OSError."""
        for kind, content in messages:
            self._number += 1
            flags = _REQUEST | _ACK | (0 if _is_change(kind, content) else _CREATE | _EXCLUSIVE)
            length = _HEADER.size + len(content)
            self._socket.send(_HEADER.pack(length, kind, flags, self._number, 0) + content)
            self._hear()

    def _hear(self) -> None:
        answer = self._socket.recv(_ANSWER_BYTES)
        _length, kind, _flags, _number, _sender = _HEADER.unpack_from(answer)
        if kind != _ERROR:
            return
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        if code:
            raise OSError(-code, os.strerror(-code), "rtnetlink")


def _named(name: str) -> bytes:
    return attribute(_NAME, name.encode()[:NAME_LIMIT] + b"\0")


def _out_by(index: int) -> bytes:
    return attribute(_OUTPUT, struct.pack("=I", index))


def _is_change(kind: int, content: bytes) -> bool:
    """Whether a message is about an interface that is there."""
    return kind == _NEW_LINK and _LINK.unpack_from(content)[2] != 0
