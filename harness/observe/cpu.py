"""How much CPU processes have had, each with all that descends from it, and the machine as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from harness.model.capacity import MachineUse

_IDLE = frozenset({"idle", "iowait", "guest", "guest_nice"})
"""Of the machine's times, those in which nobody worked, and those that are counted among others already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSeen:
    """What had been used up at a moment, in seconds of CPU."""

    t: float
    processes: Mapping[str, Mapping[tuple[int, float], float]]
    """By root: of each of its processes, known by its id and when it was created."""
    busy_s: float
    """Of all cores together."""


def cpu_seen(roots: Mapping[str, int], t: float) -> CpuSeen:
    """Look at all processes of this machine once; each counts for the nearest root above it, itself included.

    Args:
        roots: name → process id; 0 where nobody knows.
        t: what time it is.
    """
    names = {pid: name for name, pid in roots.items() if pid}
    found: dict[str, dict[tuple[int, float], float]] = {name: {} for name in names.values()}
    parents, used = {}, {}
    for process in psutil.process_iter(["ppid", "cpu_times", "create_time"]):
        info = process.info
        parents[process.pid] = info["ppid"]
        if info["cpu_times"] is not None:
            used[process.pid] = (info["create_time"], info["cpu_times"].user + info["cpu_times"].system)
    for pid, (created, seconds) in used.items():
        root = _root(pid, parents, names)
        if root is not None:
            found[root][pid, created] = seconds
    return CpuSeen(t=t, processes=found, busy_s=_busy_s())


def cores_between(before: CpuSeen, after: CpuSeen) -> dict[str, float]:
    """Seconds of CPU a second that each root had; what a process that has ended had is not known, and left out."""
    length_s = max(after.t - before.t, 1e-9)
    found = {}
    for name, processes in after.processes.items():
        earlier = before.processes.get(name, {})
        found[name] = sum(seconds - earlier.get(key, 0.0) for key, seconds in processes.items()) / length_s
    return found


def machine_between(before: CpuSeen, after: CpuSeen, own: float) -> MachineUse:
    """What the machine's cores did."""
    length_s = max(after.t - before.t, 1e-9)
    return MachineUse(cores=psutil.cpu_count() or 1, busy=(after.busy_s - before.busy_s) / length_s, own=own)


def _busy_s() -> float:
    times = psutil.cpu_times()._asdict()
    return float(sum(seconds for name, seconds in times.items() if name not in _IDLE))


def _root(pid: int, parents: Mapping[int, int | None], names: Mapping[int, str]) -> str | None:
    at: int | None = pid
    for _ in range(len(parents)):
        if at is None or at in names:
            break
        at = parents.get(at)
    return names.get(at) if at is not None else None
