"""Which systems are up from this directory: a record of each, which says who keeps it up and where everything is."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.clock import SystemClock, pause
from harness.errors import DeployError
from harness.runtime import procfs

RECORDS = Path(".harness") / "up"
DOWN_WITHIN_S = 30.0
KILLED_WITHIN_S = 15.0
_LOOK_S = 0.1
_HEADS = ("service", "instance", "zone", "state", "address", "owner")


class Row(BaseModel):
    """An instance as people want to see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    instance: str
    zone: str
    state: str
    address: str
    owner: str

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of the table's heads."""
        return (self.service, self.instance, self.zone, self.state, self.address, self.owner)


class Standing(BaseModel):
    """A system that is up, or was when this was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    system: str
    runtime: str
    directory: Path
    """The run's directory, with its logs."""
    pid: int
    """The process that keeps it up."""
    since: int
    """When that process was started, in clock ticks since boot: pids come again."""
    entry: str
    """Where customers enter; empty until everything is ready."""
    rows: tuple[Row, ...]
    faults: tuple[str, ...] = ()
    """What was broken by hand and is in force, in words."""

    @property
    def kept(self) -> bool:
        """Whether the process that keeps it up is there."""
        return procfs.started(self.pid) == self.since

    def write(self) -> None:
        """Put it on record, whole or not at all."""
        RECORDS.mkdir(parents=True, exist_ok=True)
        beside = RECORDS / f".{self.run}.{os.getpid()}"
        beside.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        beside.replace(RECORDS / f"{self.run}.json")

    def forget(self) -> None:
        """It is no longer up."""
        (RECORDS / f"{self.run}.json").unlink(missing_ok=True)

    def down(self) -> None:
        """End the process that keeps it up, which stops everything; by force if it must be.

        Raises:
            DeployError: if it is still there after that.
        """
        clock = SystemClock()
        for number, within_s in ((signal.SIGTERM, DOWN_WITHIN_S), (signal.SIGKILL, KILLED_WITHIN_S)):
            if self.kept:
                os.kill(self.pid, number)
            limit = clock.now() + within_s
            while self.kept and clock.now() < limit:
                pause(_LOOK_S)
        if self.kept:
            message = f"{self.run}: process {self.pid} is still there after SIGKILL"
            raise DeployError(f"{message}; look at what holds it: ps {self.pid}")
        self.forget()


def all_recorded() -> list[Standing]:
    """All records, the oldest first, be their systems up or not."""
    found = []
    for file in sorted(RECORDS.glob("*.json")):
        try:
            found.append(Standing.model_validate_json(file.read_bytes()))
        except (OSError, ValidationError):
            continue
    return found


def all_standing() -> list[Standing]:
    """All records whose system is up, the oldest first; those of dead ones are removed."""
    found = []
    for standing in all_recorded():
        if standing.kept:
            found.append(standing)
        else:
            standing.forget()
    return found


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of the table, its heads first."""
    cells = [_HEADS, *(row.cells for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
