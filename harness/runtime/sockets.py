"""What the kernel tells of TCP sockets: their ends, their states, and by which processes they are held."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

TABLES = ("net/tcp", "net/tcp6")
_SOCKET = "socket:["


class Phase(StrEnum):
    """The states of a socket that matter here, as the kernel writes them."""

    OPEN = "01"
    ASKING = "02"
    """It was asked to connect, and nobody has answered yet."""
    OVER = "06"
    """Closed from this end, and kept for a while; it belongs to nobody any more."""
    LISTENING = "0A"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An end of a connection."""

    host: str
    port: int

    def __str__(self) -> str:
        """`127.0.0.1:80`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def wild(self) -> bool:
        """Whether it is all addresses of the machine."""
        return ip_address(self.host).is_unspecified


@dataclass(frozen=True, slots=True)
class Row:
    """A socket, as a table of the kernel has it."""

    here: Address
    there: Address
    state: str
    inode: int
    """0 when no process holds it (any more, or yet)."""
    unread: int = 0
    """Bytes that have come and that nobody has taken; of a listener, connections."""


_FIELDS = rb"^ *\d+: (\w+:\w+) (\w+:\w+) (%s) \w+:(\w+) \S+ \S+ +\d+ +\d+ +(\d+)"
_ALL = re.compile(_FIELDS % rb"\w\w", re.MULTILINE)
# There may be thousands that are over, and few others: a pattern passes over them a hundred times as fast.
_NOT_OVER = re.compile(_FIELDS % rb"(?!06)\w\w", re.MULTILINE)


def rows(table: bytes, *, over: bool = True) -> Iterator[Row]:
    """The sockets in a /proc/net/tcp or tcp6; without those that are over, if they are not asked for."""
    for match in (_ALL if over else _NOT_OVER).finditer(table):
        here, there, state, unread, inode = match.groups()
        yield Row(_address(here), _address(there), state.decode(), int(inode), int(unread, 16))


@lru_cache(maxsize=10_000)
def _address(text: bytes) -> Address:
    host, _, port = text.decode().partition(":")
    words = [struct.pack("=I", int(host[start : start + 8], 16)) for start in range(0, len(host), 8)]
    if len(words) == 1:
        return Address(socket.inet_ntop(socket.AF_INET, words[0]), int(port, 16))
    address = ip_address(socket.inet_ntop(socket.AF_INET6, b"".join(words)))
    mapped = address.ipv4_mapped if address.version == 6 else None  # noqa: PLR2004 -- IPv6
    return Address(str(mapped or address), int(port, 16))


def read_rows(pid: int | str, *, over: bool = True) -> list[Row]:
    """The TCP sockets of the network that a process is in; none when it is gone."""
    found: list[Row] = []
    for table in TABLES:
        try:
            found += rows(Path(f"/proc/{pid}/{table}").read_bytes(), over=over)
        except OSError:
            continue
    return found


def network_of(pid: int | str) -> int | None:
    """What identifies the network that a process is in; None when it is gone, or another user's."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return None


def held_by(pids: Iterable[int]) -> dict[int, int]:
    """The inode of each socket that the processes hold, and which of them does."""
    found: dict[int, int] = {}
    for pid in pids:
        try:
            with os.scandir(f"/proc/{pid}/fd") as entries:
                for entry in entries:
                    target = _target(entry.path)
                    if target.startswith(_SOCKET):
                        found.setdefault(int(target[len(_SOCKET) : -1]), pid)
        except OSError:
            continue
    return found


def program_of(pid: int) -> str:
    """The name of a process's program; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 -- pathlib would take it for a path
    except OSError:
        return ""
