"""Who has the processors of this machine: the harness and what it started, the system under test, or others.

Read from /proc by hand, some milliseconds for some hundreds of processes: with psutil it is ten times as much.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model.neighbours import Company
from harness.model.observation import WindowKind
from harness.observe.room import Left, longest_full_s
from harness.observe.standing import Stood, worst_between

PROC = Path("/proc")
NAMED_AT_LEAST = 0.05
"""The share of all processors from which on a program is named."""
NAMED_AT_MOST = 3
ENGINE = frozenset({"dockerd", "containerd", "docker-proxy", "containerd-shim", "podman", "conmon"})
"""What container engines are; they work for a system that lives in containers."""

_KERNEL = 2
"""The process below which the kernel's own threads are: they work for everybody, and are told as nobody's."""
_PARENT, _USER, _CHILDREN_END, _STARTED = 1, 11, 15, 19
"""Positions in /proc/PID/stat, counted after the name, which may hold anything."""
_LINE_BYTES = 4096
"""One is some 300."""

Key = tuple[int, int]
"""A process: its id, and when it was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one had used up, with its children that have ended and that it has waited for."""

    parent: int
    name: str
    ticks: int


_Table = Mapping[Key, Process]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSeen:
    """What had been used up at a moment, in ticks of all processors together."""

    t: float
    cores: int
    used: int
    """By processes, of users and of the kernel; what interrupts took is nobody's."""
    stolen: int
    idle: int
    all: int
    processes: _Table
    stood: tuple[Stood, ...] = (Stood(),)
    left: tuple[Left, ...] = ()


def machine_seen(
    t: float, proc: Path = PROC, *, stood: tuple[Stood, ...] = (Stood(),), left: tuple[Left, ...] = ()
) -> MachineSeen | None:
    """Look at the machine once; None where there is no /proc to look at.

    Args:
        t: what time it is.
        proc: where that is; tests have one of their own.
        stood: how the processors stood still up to now, where somebody watches that.
        left: what they had left up to now, second by second, where somebody does.
    """
    try:
        lines = (proc / "stat").read_text(encoding="ascii").splitlines()
        ids = [entry for entry in os.listdir(proc) if entry.isdigit()]  # noqa: PTH208 -- thrice as fast, for hundreds
    except OSError:
        return None
    user, nice, system, idle, waiting, hard, soft, stolen = map(int, lines[0].split()[1:9])
    return MachineSeen(
        t=t,
        cores=sum(line.startswith("cpu") for line in lines) - 1,
        used=user + nice + system,
        stolen=stolen,
        idle=idle + waiting,
        all=user + nice + system + idle + waiting + hard + soft + stolen,
        processes=dict(each for pid in ids if (each := _process(f"{proc}/{pid}/stat", int(pid))) is not None),
        stood=stood,
        left=left,
    )


def company_between(
    before: MachineSeen,
    after: MachineSeen,
    window: WindowKind,
    *,
    roots: Collection[int],
    nobodys: Collection[str] = (),
) -> Company:
    """What others had between two looks.

    It is what all processes together had, by the machine's own account, without ours and the kernel's: a compiler that
    came and went between two looks is in no table, and counts all the same.

    Args:
        before: the first look.
        after: the second.
        window: what the time between them was.
        roots: processes that are ours or the system's, with all that descends from them.
        nobodys: names of programs that work for the system without being below its processes.
    """
    ours_then, ours = _below(before.processes, roots), _below(after.processes, roots)
    apart = {pid for (pid, _), each in after.processes.items() if each.name in nobodys}
    apart_then = {pid for (pid, _), each in before.processes.items() if each.name in nobodys}
    neutral_then, neutral = _below(before.processes, {_KERNEL}) | apart_then, _below(after.processes, {_KERNEL}) | apart
    known_then, known = ours_then | neutral_then, ours | neutral
    whole = max(after.all - before.all, 1)
    stolen = max(after.stolen - before.stolen, 0)
    theirs = after.used - before.used - max(_had(before.processes, known_then, after.processes, known), 0)
    names = Counter[str]()
    for key, each in after.processes.items():
        if key[0] not in known:
            earlier = before.processes.get(key)
            names[each.name] += each.ticks - (earlier.ticks if earlier else 0)
    return Company(
        window=window,
        start=before.t,
        end=after.t,
        cores=after.cores,
        others=(max(theirs, 0) + stolen) / whole,
        stolen=stolen / whole,
        idle=max(after.idle - before.idle, 0) / whole,
        stood=worst_between(before.stood, after.stood),
        full_s=longest_full_s(after.left[len(before.left) :]),
        who=tuple(name for name, had in names.most_common(NAMED_AT_MOST) if had >= NAMED_AT_LEAST * whole),
    )


def _had(before: _Table, then: Collection[int], after: _Table, now: Collection[int]) -> int:
    """What some trees had between two looks.

    Who has ended in between is in the figures of the parent that waited for it, with all it ever had, so what it had
    before is taken off again; unless that parent is nobody of theirs.
    """
    total = sum(each.ticks for key, each in after.items() if key[0] in now)
    for key, each in before.items():
        if key[0] in then and (key in after or each.parent in then):
            total -= each.ticks
    return total


def _below(processes: _Table, roots: Collection[int]) -> set[int]:
    """The roots that there are, and all that descends from them."""
    parents = {pid: each.parent for (pid, _), each in processes.items()}
    known: dict[int, bool] = dict.fromkeys(roots, True)
    for pid in parents:
        way: list[int] = []
        at = pid
        while at not in known and at in parents and len(way) <= len(parents):
            way.append(at)
            at = parents[at]
        found = known.get(at, False)
        known.update(dict.fromkeys(way, found))
    return {pid for pid in parents if known[pid]}


def _process(file: str, pid: int) -> tuple[Key, Process] | None:
    """None when it is gone, or not ours to look at."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            head, _, rest = os.read(descriptor, _LINE_BYTES).rpartition(b")")
        finally:
            os.close(descriptor)
    except OSError:
        return None
    fields = rest.split()
    ticks = sum(map(int, fields[_USER:_CHILDREN_END]))
    name = head.partition(b"(")[2].decode("utf-8", errors="replace")
    return (pid, int(fields[_STARTED])), Process(parent=int(fields[_PARENT]), name=name, ticks=ticks)
