"""What a run would leave behind: written down before it exists, put away at the end or at the next start.

Standard library only, since the supervisor uses it.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
from collections.abc import Callable, Sequence

from harness.runtime import procfs

RECORD = "supervised.json"
"""Name of the record in a run's directory."""

MARK = "HARNESS_SUPERVISED"
"""Environment variable that all descendants of a supervisor carry; its value is the supervisor's own."""

KILL_DEADLINE_S = 10.0
_STEP_S = 0.002

_IPC_RMID = 0
_SHM_TABLE = "/proc/sysvipc/shm"
_POSTMASTER_SHM_LINE = 6
"""Line of PostgreSQL's postmaster.pid (from 0) with the key and the id of its shared memory."""


class Record:
    """What is to be removed, and who is in charge, in a file that outlives both."""

    def __init__(self, path: str, mark: str) -> None:
        self.path = path
        self.mark = mark
        self.remove: list[str] = []
        self.keepers: list[tuple[int, int]] = []
        """Pid and start of the processes that will tidy up by themselves."""
        self.boot, self.namespace = _here()

    def keep(self, pid: int) -> None:
        """Note that a process will tidy up."""
        self.keepers.append((pid, procfs.started(pid) or 0))

    def write(self) -> None:
        """Put it on disk, whole or not at all."""
        content = {
            "mark": self.mark,
            "keepers": self.keepers,
            "remove": self.remove,
            "boot": self.boot,
            "namespace": self.namespace,
        }
        beside = f"{self.path}.{os.getpid()}"
        with open(beside, "w", encoding="utf-8") as file:  # noqa: PTH123 -- pathlib costs the supervisor memory
            json.dump(content, file)
        os.replace(beside, self.path)  # noqa: PTH105 -- as above

    @classmethod
    def read(cls, path: str) -> Record | None:
        """The record in that file; None when there is none that can be read, or none of ours: it is acted upon."""
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 -- as above
                if os.fstat(file.fileno()).st_uid != os.geteuid():
                    return None
                content = json.load(file)
            record = cls(path, str(content["mark"]))
            record.remove = [str(entry) for entry in content["remove"]]
            record.keepers = [(int(pid), int(since)) for pid, since in content["keepers"]]
            record.boot, record.namespace = str(content["boot"]), str(content["namespace"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return record

    @property
    def kept(self) -> bool:
        """Whether somebody who will tidy up may still be there; that of another container can't be seen from here."""
        boot, namespace = _here()
        if self.boot != boot:
            return False
        return self.namespace != namespace or any(procfs.started(pid) == since for pid, since in self.keepers)


def _here() -> tuple[str, str]:
    """Which boot of which machine this is, and which pids we see."""
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:  # noqa: PTH123 -- as above
        return file.read().strip(), os.readlink("/proc/self/ns/pid")  # noqa: PTH115 -- as above


def insist(
    number: int,
    remaining: Callable[[], Sequence[int]],
    reap: Callable[[], object],
    *,
    deadline_s: float = KILL_DEADLINE_S,
) -> bool:
    """Signal what `remaining` tells until it tells nothing; False when the deadline passed first."""
    waited_s = 0.0
    while left := remaining():
        for pid in left:
            kill(pid, number)
        reap()
        if waited_s >= deadline_s:
            return False
        select.select((), (), (), _STEP_S)
        waited_s += _STEP_S
    return True


def kill(pid: int, number: int) -> None:
    """Signal one process, if it is still there and ours."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def tidy(path: str) -> bool:
    """Put away what the record in that file names; the record goes last. False when there was none."""
    record = Record.read(path)
    if record is None:
        return False
    mark = f"{MARK}={record.mark}"
    insist(signal.SIGKILL, lambda: [pid for pid in procfs.carrying(mark) if pid != os.getpid()], int)
    for entry in record.remove:
        if lies_within(entry, os.path.dirname(path)):  # noqa: PTH120 -- as above
            remove_directory(entry)
    try:
        os.unlink(path)  # noqa: PTH108 -- as above
    except FileNotFoundError:
        return False
    return True


def lies_within(path: str, directory: str) -> bool:
    """Whether a path, with its symbolic links followed, lies below a directory."""
    return os.path.realpath(path).startswith(os.path.realpath(directory) + os.sep)


def sweep(runs: str) -> list[str]:
    """Tidy the directories of runs whose supervisors are gone; gives those that had something left."""
    try:
        names = sorted(os.listdir(runs))  # noqa: PTH208 -- as above
    except FileNotFoundError:
        return []
    swept = []
    for name in names:
        path = f"{runs}/{name}/{RECORD}"
        record = Record.read(path)
        if record is not None and not record.kept and tidy(path):
            swept.append(f"{runs}/{name}")
    return swept


def remove_directory(path: str) -> None:
    """Remove a directory with all that is in it, and the shared memory of each PostgreSQL that was killed in it."""
    import shutil

    for place, below, files in os.walk(path):
        if "postmaster.pid" in files:
            _remove_shared_memory(f"{place}/postmaster.pid")
            below.clear()
    shutil.rmtree(path, ignore_errors=True)


def _remove_shared_memory(postmaster_pid: str) -> None:
    try:
        with open(postmaster_pid, encoding="utf-8") as file:  # noqa: PTH123 -- as above
            key, shm_id = (int(number) for number in file.read().splitlines()[_POSTMASTER_SHM_LINE].split())
        with open(_SHM_TABLE, encoding="utf-8") as file:  # noqa: PTH123 -- as above
            segments = [line.split() for line in file.read().splitlines()[1:]]
    except (OSError, ValueError, IndexError):
        return
    for segment_key, segment_id, _, _, _, _, attached, *_ in segments:
        if int(segment_key) == key and int(segment_id) == shm_id and int(attached) == 0:
            ctypes.CDLL(None).shmctl(shm_id, _IPC_RMID, None)
