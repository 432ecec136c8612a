"""Builds the hall and the rooms: namespaces, interfaces, routes, and the sockets in them. Standard library only.

Nothing of it has a name in the system: it lives as long as descriptors and processes hold it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from harness.runtime.namespaces import kernel, netlink
from harness.runtime.namespaces.plan import OpeningPlan, Plan, RoomPlan
from harness.runtime.namespaces.wiring import NAME_SERVER, ROOMS, the_world

_ALL_IPV4 = 0x0800
_ROOM_INTERFACE = "harness0"
_PREFIX = 30
_LOOPBACK_INDEX = 1
_NAMES_PORT = 53


@dataclass(slots=True)
class BuiltRoom:
    """A room that is there."""

    plan: RoomPlan
    network: int
    """The descriptor that keeps it."""
    hall: int
    name_server: socket.socket

    def socket(self) -> socket.socket:
        """A new socket in it."""
        with kernel.inside(self.network, self.hall):
            return socket.socket()

    def tables(self) -> list[str]:
        """What the kernel says of its TCP sockets."""
        with kernel.inside(self.network, self.hall):
            return [_read(f"/proc/thread-self/net/{name}") for name in ("tcp", "tcp6")]


@dataclass(slots=True)
class House:
    """All that was built."""

    user: int | None
    """The descriptor of the user namespace that all belongs to; None where root needs none."""
    hall: int
    rooms: dict[str, BuiltRoom] = field(default_factory=dict)
    openings: dict[str, list[socket.socket]] = field(default_factory=dict)
    attempts: socket.socket | None = None
    """Sees the connections that are tried."""


def build(plan: Plan) -> House:
    """Leave this process's network for the hall, and build everything.

    Raises:
        OSError: if the kernel refuses.
    """
    user = _own_network()
    house = House(user=user, hall=kernel.open_network())
    with netlink.Netlink() as hall:
        hall.tell(netlink.up(_LOOPBACK_INDEX))
        hall.tell(*(netlink.local(network, _LOOPBACK_INDEX) for network in the_world(ROOMS)))
        for room in plan.rooms:
            house.rooms[room.name] = _build_room(room, house.hall, hall)
    for opening in plan.openings:
        house.openings.setdefault(opening.line, []).append(_open(house.rooms[opening.room], opening))
    house.attempts = _see_attempts()
    return house


def _own_network() -> int | None:
    """A network namespace of our own; with the rights of root in it, whoever we are."""
    try:
        kernel.unshare(kernel.NEW_NETWORK)
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(kernel.NEW_USER | kernel.NEW_NETWORK)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
        return kernel.open_user()
    return None


def _build_room(room: RoomPlan, home: int, hall: netlink.Netlink) -> BuiltRoom:
    kernel.unshare(kernel.NEW_NETWORK)
    network = kernel.open_network()
    kernel.join(home, kernel.NEW_NETWORK)
    hall.tell(netlink.pair(room.interface, _ROOM_INTERFACE, network))
    hall_end = socket.if_nametoindex(room.interface)
    hall.tell(netlink.address(hall_end, IPv4Address(room.hall_end), _PREFIX), netlink.up(hall_end))
    with kernel.inside(network, home), netlink.Netlink() as within:
        _write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")
        index = socket.if_nametoindex(_ROOM_INTERFACE)
        within.tell(
            netlink.up(_LOOPBACK_INDEX),
            netlink.address(index, IPv4Address(room.address), _PREFIX),
            netlink.up(index),
            netlink.default(IPv4Address(room.hall_end), index),
        )
    name_server = _bound(room, socket.SOCK_DGRAM, (str(NAME_SERVER), _NAMES_PORT))
    return BuiltRoom(plan=room, network=network, hall=home, name_server=name_server)


def _open(room: BuiltRoom, opening: OpeningPlan) -> socket.socket:
    """The socket of an opening; two of the hall may have the same address, since each is for one room only."""
    at = (opening.address, opening.port)
    try:
        if not opening.indoors:
            return _bound(room.plan, socket.SOCK_STREAM, at)
        made = room.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(at)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{opening.address}:{opening.port} for {opening.line}") from error
    return made


def _bound(room: RoomPlan, kind: socket.SocketKind, at: tuple[str, int]) -> socket.socket:
    """A socket of the hall that hears one room only."""
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, room.interface.encode() + b"\0")
    made.bind(at)
    return made


def _see_attempts() -> socket.socket | None:
    """A socket that gets the first packet of each connection to an address which is none of ours, if there are such."""
    try:
        seeing = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_IPV4))
    except OSError:
        return None
    _only_first_packets(seeing)
    return seeing


def _only_first_packets(seeing: socket.socket) -> None:
    import ctypes
    import struct

    code = b"".join(struct.pack("=HBBI", *step) for step in FIRST_PACKETS)
    kept = ctypes.create_string_buffer(code)
    seeing.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _program(len(FIRST_PACKETS), ctypes.addressof(kept)))


def _program(length: int, at: int) -> bytes:
    import struct

    return struct.pack("@HP", length, at)


_SO_ATTACH_FILTER = 26
_TCP, _SYN, _SYN_ACK, _FRAGMENT = 6, 0x02, 0x12, 0x1FFF
_ALIAS_NETWORK, _HALF = 0xC6130000, 0xFFFF0000
FIRST_PACKETS: Sequence[tuple[int, int, int, int]] = (
    (0x30, 0, 0, 9),  # the protocol
    (0x15, 0, 9, _TCP),
    (0x28, 0, 0, 6),
    (0x45, 7, 0, _FRAGMENT),
    (0xB1, 0, 0, 0),  # the length of the header
    (0x50, 0, 0, 13),  # the flags
    (0x54, 0, 0, _SYN_ACK),
    (0x15, 0, 3, _SYN),
    (0x20, 0, 0, 16),  # whereto
    (0x54, 0, 0, _HALF),
    (0x15, 0, 1, _ALIAS_NETWORK),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 64),
)
"""A filter of the kernel's: TCP, not a later fragment, SYN without ACK, and not to an alias."""


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 -- /proc
        file.write(text)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 -- /proc
            return file.read()
    except FileNotFoundError:  # no IPv6
        return ""
