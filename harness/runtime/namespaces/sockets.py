"""What /proc tells of the sockets in a room; pure."""

from __future__ import annotations

from collections.abc import Iterable

_LISTENS = "0A"


def listening_ports(tables: Iterable[str]) -> list[int]:
    """The ports that are listened on, from the texts of `/proc/net/tcp` and `/proc/net/tcp6`."""
    rows = (row.split() for table in tables for row in table.splitlines()[1:])
    return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENS})
