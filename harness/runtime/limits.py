"""How many files and sockets the harness and what it starts may have open."""

from __future__ import annotations

import resource

OPEN_FILES = 16_384
"""Each line takes two in the harness, and two more for each connection in the relay and in Toxiproxy."""


def allow_open_files(wanted: int = OPEN_FILES) -> int:
    """Raise this process's own limit as far as it may, for what it starts too; gives the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
