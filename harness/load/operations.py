"""The history of operations as a file: a line of JSON for each invocation and for each end.

Each line is written at once by the load generator, so that a generator killed at any moment leaves a history
that can be read: an operation invoked and never ended is UNKNOWN, and a torn last line is no line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from harness.load.journey import Invocation, Mark, Sight, Value
from harness.model.observation import Operation, Outcome

FILE_NAME = "operations.ndjson"

_LINES = json.JSONEncoder(separators=(",", ":"), default=str)


class HistoryFile:
    """A file that lines are appended to."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.opened_at = os.fstat(self._descriptor).st_size
        """Its length when it was opened."""
        if self.opened_at and os.pread(self._descriptor, 1, self.opened_at - 1) != b"\n":
            os.write(self._descriptor, b"\n")  # an earlier writer was killed within a line

    def append(self, lines: bytes) -> None:
        """When this returns the kernel has them."""
        os.write(self._descriptor, lines)

    def close(self) -> None:
        """No more lines."""
        os.close(self._descriptor)


class OperationsWriter:
    """Appends to the history; ids are unique in the file, since they begin with its length when it was opened.

    One of several writers has a name, by which its ids are unique among all of theirs.
    A worker on another machine has no file: its lines go where `append` sends them.
    """

    def __init__(self, file: Path | None, *, worker: str = "", append: Callable[[bytes], None] | None = None) -> None:
        self._file = HistoryFile(file) if file is not None else None
        opened_at = self._file.opened_at if self._file is not None else 0
        self._ids = f"{worker}:{opened_at}" if worker else str(opened_at)
        self._append = append or (self._file.append if self._file is not None else _forget)
        self._number = 0

    def invoked(self, invocation: Invocation, *, journey: str, t: float) -> str:
        """An operation begins at `t` (seconds since the run began); gives its id.

        When this returns the kernel has the line: its request may leave, since it can't be forgotten any more.
        """
        self._number += 1
        op = f"{self._ids}-{self._number}"
        line: dict[str, object] = {"invoke": op, "name": invocation.name, "key": invocation.key, "journey": journey}
        if invocation.session:
            line["session"] = invocation.session
        if invocation.thing:
            line["thing"] = invocation.thing
        if invocation.once:
            line["once"] = invocation.once
        if invocation.writes:
            line["writes"] = dict(invocation.writes)
        line["t"] = t
        self._write(line)
        return op

    def ended(self, *, op: str, mark: Mark, value: Mapping[str, Value], t: float, saw: Sight | None = None) -> None:
        """It ended at `t`; what JSON can't hold of `value` is kept as text."""
        line: dict[str, object] = {"end": op, "outcome": mark, "value": dict(value)}
        if saw is not None:
            line["saw"], line["whole"] = dict(saw.fields), saw.whole
        line["t"] = t
        self._write(line)

    def close(self) -> None:
        """No more operations."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: Mapping[str, object]) -> None:
        self._append(f"{_LINES.encode(line)}\n".encode("utf-8", errors="replace"))


def _forget(_line: bytes) -> None:
    """What becomes of lines that nobody wants."""


def file_of(directory: Path, worker: str = "") -> Path:
    """The history of a generator in a run's directory."""
    return directory / (f"operations-{worker}.ndjson" if worker else FILE_NAME)


def read_histories(directory: Path) -> tuple[Operation, ...]:
    """The histories of all generators that wrote into a directory, in the order of time."""
    operations = [each for file in sorted(directory.glob("operations*.ndjson")) for each in read_operations(file)]
    return tuple(sorted(operations, key=lambda operation: operation.start))


def read_operations(file: Path) -> tuple[Operation, ...]:
    """All operations of a history in the order of their invocation; none when there is no file.

    A line that is torn (its writer was killed) is left out.
    """
    operations: dict[str, Operation] = {}
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return ()
    for raw in text.splitlines():
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        if "invoke" in line:
            operations[line["invoke"]] = Operation(
                op=line["invoke"],
                name=line["name"],
                key=line["key"],
                journey=line["journey"],
                start=line["t"],
                end=None,
                outcome=Outcome.UNKNOWN,
                session=line.get("session", ""),
                thing=line.get("thing", ""),
                writes=line.get("writes", {}),
                once=line.get("once", ""),
            )
        elif (begun := operations.get(line["end"])) is not None:
            operations[line["end"]] = replace(
                begun,
                end=line["t"],
                outcome=Outcome(line["outcome"]),
                value=line["value"],
                saw=line.get("saw"),
                whole=line.get("whole", True),
            )
    return tuple(operations.values())
