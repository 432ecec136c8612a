"""Ports on 127.0.0.1, held from the moment they are given out until the run ends.

A holder is a socket that is bound and never listens, so a connect to a held port is refused.
It is bound without SO_REUSEADDR, which no other holder or listener can share, and only then gets that option:
from then on a server that sets the option (as nearly all do) can bind and listen beside the holder.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psutil

from harness.errors import DeployError

LOOPBACK = "127.0.0.1"
FIRST_PORT = 20_000
LAST_PORT = 32_000
LEAST_ROOM = 1_000
"""How many ports must lie below the ephemeral range for it to be worth staying there."""

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TCP_TABLE = Path("/proc/net/tcp")
_TIME_WAIT = "06"


def pool_range(ephemeral: str | None) -> range:
    """The ports to choose from, below the ephemeral range of the kernel where there is room.

    Args:
        ephemeral: the text of `ip_local_port_range`, None where there is no such file.
    """
    first_ephemeral = int(ephemeral.split()[0]) if ephemeral else LAST_PORT + 1
    last = min(LAST_PORT, first_ephemeral - 1)
    if last - FIRST_PORT >= LEAST_ROOM:
        return range(FIRST_PORT, last + 1)
    below = range(max(1024, last - (LAST_PORT - FIRST_PORT)), last + 1)
    return below if len(below) >= LEAST_ROOM else range(FIRST_PORT, LAST_PORT + 1)


class PortPool:
    """Gives out ports that nobody else has, and holds them until it is closed."""

    def __init__(self, ports: range | None = None) -> None:
        if ports is None:
            ports = pool_range(_EPHEMERAL.read_text() if _EPHEMERAL.exists() else None)
        self._ports = ports
        self._next: Iterator[int] = iter(ports)
        self._held: dict[int, socket.socket] = {}

    def take(self) -> int:
        """The next free port, held from now on.

        Raises:
            DeployError: if no port of the range is free.
        """
        for port in self._next:
            if port not in self._held and self._hold(port):
                return port
        raise DeployError(
            f"expected a free port between {self._ports[0]} and {self._ports[-1]} on {LOOPBACK}, found none; "
            "stop what listens there (`ss -ltn`)"
        )

    def take_fixed(self, port: int, wanted_by: str) -> int:
        """Hold the port that `wanted_by` asks for.

        Raises:
            DeployError: if it is taken; the message names who listens, where that can be told.
        """
        if port in self._held:
            raise DeployError(
                f"{wanted_by}: port {port} is given to another part of this system; give each its own 'port'"
            )
        try:
            free = self._hold(port) or (_only_time_wait(port) and self._hold(port, shared=True))
        except PermissionError as error:
            raise DeployError(
                f"{wanted_by}: port {port} may not be used here: {error}; choose one above 1023"
            ) from error
        if not free:
            raise DeployError(
                f"{wanted_by}: expected port {port} on {LOOPBACK} to be free, found it taken by {_listener(port)}; "
                f"stop that, or remove 'port: {port}' and let the harness choose one"
            )
        return port

    def holds(self, port: int) -> bool:
        """Whether the port is held here."""
        return port in self._held

    def release(self, port: int) -> None:
        """Let go of a port, for a server that insists on having it alone."""
        holder = self._held.pop(port, None)
        if holder is not None:
            holder.close()

    def close(self) -> None:
        """Let go of all ports."""
        while self._held:
            self._held.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hold(self, port: int, *, shared: bool = False) -> bool:
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if shared:
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((LOOPBACK, port))
        except OSError as error:
            holder.close()
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held[port] = holder
        return True


def _only_time_wait(port: int) -> bool:
    """Whether a port is taken only by what a server that is gone left behind, which lasts a minute."""
    if not _TCP_TABLE.exists():
        return False
    suffix = f":{port:04X}"
    states = [
        fields[3]
        for fields in (line.split() for line in _TCP_TABLE.read_text().splitlines()[1:])
        if fields[1].endswith(suffix)
    ]
    return bool(states) and all(state == _TIME_WAIT for state in states)


def _listener(port: int) -> str:
    """Who listens on a port, in words."""
    try:
        found = [
            connection.pid
            for connection in psutil.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        ]
    except psutil.Error:
        found = []
    for pid in found:
        if pid is None:
            continue
        try:
            return f"{psutil.Process(pid).name()} (process {pid})"
        except psutil.Error:
            continue
    return "another user's process" if found else "a process that holds it without listening"
