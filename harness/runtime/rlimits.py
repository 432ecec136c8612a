"""Limits of a process that is running, changed from outside and put back: prlimit(2).

Only the soft limit is changed, so that no rights are needed to put it back.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DeployError
from harness.model.fault import Resource
from harness.runtime import procfs

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_OF_SIGXFSZ = 1 << (signal.SIGXFSZ - 1)

WHICH = {
    Resource.MEMORY: resource.RLIMIT_AS,
    Resource.DISK: resource.RLIMIT_FSIZE,
    Resource.DESCRIPTORS: resource.RLIMIT_NOFILE,
}
NAMES = {Resource.MEMORY: "RLIMIT_AS", Resource.DISK: "RLIMIT_FSIZE", Resource.DESCRIPTORS: "RLIMIT_NOFILE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What one process was allowed before."""

    pid: int
    started: int
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """An instance whose limits were lowered, and how they were; the first is its own process."""

    root: int
    what: Resource
    before: tuple[Before, ...]
    evidence: str


def lower(name: str, root: int, what: Resource, leaves: int) -> Limited:
    """Lower a limit of a process and of all that descends from it, to what they use now and so much more.

    Raises:
        DeployError: when the kernel refuses, or the process would not live through it; then nothing is changed.
    """
    limit_of = _LIMITS[what]
    pids = [pid for pid in [root, *procfs.descendants(root)] if what is not Resource.DISK or _bears_refusal(pid)]
    if not pids:
        raise DeployError(
            f"{name}: expected a process that ignores SIGXFSZ, as Python, the JVM and PostgreSQL do: it would be ended "
            "by that signal, and not see a write refused; choose another fault"
        )
    done: list[Before] = []
    told: list[str] = []
    for pid in pids:
        try:
            started, (soft, hard) = procfs.started(pid), resource.prlimit(pid, WHICH[what])
            wanted = _least(limit_of(pid, leaves), soft, hard)
            resource.prlimit(pid, WHICH[what], (wanted, hard))
        except (ProcessLookupError, FileNotFoundError):
            continue
        except (PermissionError, ValueError) as error:
            _put_back(WHICH[what], done)
            raise DeployError(
                f"{name}: the limits of process {pid} can't be changed ({error}): it must be the harness's own user's"
            ) from error
        done.append(Before(pid=pid, started=started or 0, soft=soft, hard=hard))
        told.append(f"{wanted} (was {'without limit' if soft == resource.RLIM_INFINITY else soft})")
    if not done:
        raise DeployError(f"{name}: expected it to run, so that it can be limited; it is gone")
    evidence = f"{NAMES[what]} of {len(done)} process(es) of {name} read back as {told[0]}"
    return Limited(root=root, what=what, before=tuple(done), evidence=evidence)


def put_back(limited: Limited) -> None:
    """Let it have what it had; those that it has made meanwhile get what itself had."""
    _put_back(WHICH[limited.what], limited.before)
    own = limited.before[0]
    known = {each.pid for each in limited.before}
    if procfs.started(own.pid) == own.started:
        born = [pid for pid in procfs.descendants(own.pid) if pid not in known]
        _put_back(
            WHICH[limited.what],
            [Before(pid=pid, started=procfs.started(pid) or 0, soft=own.soft, hard=own.hard) for pid in born],
        )


def _put_back(which: int, before: Iterable[Before]) -> None:
    for each in before:
        if procfs.started(each.pid) != each.started:
            continue
        try:
            resource.prlimit(each.pid, which, (each.soft, each.hard))
        except ProcessLookupError:
            continue


def _least(wanted: int, *others: int) -> int:
    return min([wanted, *(other for other in others if other != resource.RLIM_INFINITY)])


def _bears_refusal(pid: int) -> bool:
    """Whether it ignores SIGXFSZ, which comes with a write that is refused."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    ignored = next((line.split()[1] for line in lines if line.startswith("SigIgn:")), "0")
    return bool(int(ignored, 16) & _OF_SIGXFSZ)


def _memory(pid: int, leaves: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[0])
    return pages * PAGE_BYTES + leaves


def _no_byte(_pid: int, _leaves: int) -> int:
    return 0


def _descriptors(pid: int, leaves: int) -> int:
    """Limits are on the numbers: the lowest that is free, after so many that may still be taken."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    number = 0
    while number in taken or leaves > 0:
        leaves -= number not in taken
        number += 1
    return number


_LIMITS: dict[Resource, Callable[[int, int], int]] = {
    Resource.MEMORY: _memory,
    Resource.DISK: _no_byte,
    Resource.DESCRIPTORS: _descriptors,
}
