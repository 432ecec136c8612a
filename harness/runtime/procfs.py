"""What /proc tells of processes; standard library only, since the supervisor uses it."""

from __future__ import annotations

import os

_STATE, _PARENT, _STARTED = 0, 1, 19
"""Positions in /proc/PID/stat, counted after the name, which may hold anything."""

_GONE = ("Z", "X")
_STILL = ("T", "t", *_GONE)


def _stat(pid: int) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 -- pathlib costs the supervisor memory
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def pids() -> list[int]:
    """All processes that there are now."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 -- as above


def alive(pid: int) -> bool:
    """Whether the process still runs (a zombie doesn't)."""
    stat = _stat(pid)
    return stat is not None and stat[_STATE] not in _GONE


def stands_still(pid: int) -> bool:
    """Whether the process is stopped, or gone."""
    stat = _stat(pid)
    return stat is None or stat[_STATE] in _STILL


def started(pid: int) -> int | None:
    """When the process started, in clock ticks since boot: with its pid it names a process for good. None if gone."""
    stat = _stat(pid)
    return None if stat is None or stat[_STATE] in _GONE else int(stat[_STARTED])


def descendants(root: int) -> list[int]:
    """All that descend from a process and still run, parents before their children; `root` is not among them."""
    children: dict[int, list[int]] = {}
    for pid in pids():
        stat = _stat(pid)
        if stat is not None:
            children.setdefault(int(stat[_PARENT]), []).append(pid)
    found: list[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return [pid for pid in found if alive(pid)]


def parents() -> dict[int, int]:
    """Every process that there is now, and its parent."""
    stats = ((pid, _stat(pid)) for pid in pids())
    return {pid: int(stat[_PARENT]) for pid, stat in stats if stat is not None}


def carrying(mark: str) -> list[int]:
    """All processes whose environment, as it was when they were started, holds `mark` (`NAME=value`)."""
    wanted = mark.encode()
    found = []
    for pid in pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 -- as above
                if wanted in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue
    return [pid for pid in found if alive(pid)]
