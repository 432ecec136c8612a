"""One game day at a time for a system: a lock that nobody holds any more once its owner is dead."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError
from harness.model.gameday import OUTSIDE
from harness.runtime import procfs

LOCK = Path(".harness") / "gameday.lock"


class Owner(BaseModel):
    """Who is at it. A process is named by its start too, since pids come again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gameday: str
    directory: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return procfs.started(self.pid) == self.started


class Taken(HarnessError):  # noqa: N818 -- somebody else's work is no error
    """Another game day is run on the system."""

    exit_code = OUTSIDE


def owner(root: Path) -> Owner | None:
    """Who runs a game day on the system of a project's folder; None when nobody does."""
    return _read(root / LOCK)


@contextlib.contextmanager
def locked(root: Path, gameday: str, directory: Path) -> Iterator[None]:
    """Be the only one while the body runs.

    Raises:
        Taken: when another one is.
        HarnessError: when that can't be written down.
    """
    file = root / LOCK
    mine = Owner(gameday=gameday, directory=str(directory), pid=os.getpid(), started=procfs.started(os.getpid()) or 0)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _alone(file):
            if other := _read(file):
                raise Taken(
                    f"the game day {other.gameday} is being run on this system by process {other.pid}, "
                    f"see {other.directory}; wait for it, or: harness gameday stop"
                )
            file.write_text(mine.model_dump_json(), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{file} can't be written: {error.strerror}; mend its rights") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError), _alone(file):
            if _read(file) == mine:
                file.unlink()


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """While one looks and writes, nobody else does; the kernel lets go of it with the process."""
    beside = os.open(file.with_suffix(".guard"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(beside, fcntl.LOCK_EX)
        yield
    finally:
        os.close(beside)


def _read(file: Path) -> Owner | None:
    try:
        found = Owner.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.alive else None
