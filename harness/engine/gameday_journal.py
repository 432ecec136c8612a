"""What a game day writes down as it goes, beside the journals of its runs: enough to tell it, and to go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from harness.errors import JournalError, Place
from harness.model.attempts import that_count
from harness.model.events import Event, ExperimentEnded, ExperimentStarted, InjectionArmed, InjectionHealed
from harness.model.experiment import Role
from harness.model.gameday import Done
from harness.model.verdict import Verdict
from harness.observe.journal import JOURNAL, read_journal

DIARY = "gameday.ndjson"
RUNS = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The first line: what is to be run, as it was declared."""

    type: Literal["gameday-began"] = "gameday-began"
    wall: str
    gameday: str
    title: str
    file: str
    digest: str
    system: str
    """The description's file."""
    seed: int
    order: tuple[str, ...]
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegan:
    """A run of some of the experiments begins; the second one after it was resumed, and so on."""

    type: Literal["run-began"] = "run-began"
    wall: str
    directory: str
    """Below that of the game day."""
    experiments: tuple[str, ...]
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What people were asked before an experiment; no answer when nobody was there to give one."""

    type: Literal["asked"] = "asked"
    wall: str
    experiment: str
    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that a reader will want to know."""

    type: Literal["told"] = "told"
    wall: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last line, of each time that it was not killed."""

    type: Literal["gameday-ended"] = "gameday-ended"
    wall: str
    verdict: Verdict
    reason: str
    exit_code: int
    not_run: tuple[str, ...] = ()


Entry = Began | RunBegan | Asked | Told | Ended


@cache
def _adapter() -> TypeAdapter[Entry]:
    return TypeAdapter(Annotated[Entry, Field(discriminator="type")])


class Diary:
    """Appends entries with one write each."""

    def __init__(self, directory: Path) -> None:
        """In a folder; raises JournalError when it can't be written."""
        self._file = directory / DIARY
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _mend(self._file)
            self._open = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(f"{self._file} can't be written: {error.strerror}; choose another folder") from error

    def write(self, entry: Entry) -> None:
        """Write it down."""
        fields = _adapter().dump_python(entry, mode="json")
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            os.write(self._open, line.encode())
        except OSError as error:
            raise JournalError(f"{self._file} can't be written: {error.strerror}; make room") from error

    def close(self) -> None:
        """Nothing is written any more."""
        os.close(self._open)


def _mend(file: Path) -> None:
    """Take away a last line that was cut short, so that what follows is readable."""
    if file.exists():
        content = file.read_bytes()
        whole = content.rpartition(b"\n")
        if whole[2]:
            os.truncate(file, len(whole[0]) + len(whole[1]))


def read_diary(directory: Path) -> tuple[Entry, ...]:
    """What was written down; a last line that was cut short is left out.

    Raises:
        JournalError: if there is none, or it holds a line that is no entry, or does not begin with the beginning.
    """
    file = directory / DIARY
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise JournalError(f"{file} can't be read: {error.strerror}; name the folder of a game day") from error
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(_adapter().validate_json(line))
        except ValidationError as error:
            place = Place(file=str(file), line=number)
            raise JournalError(f"{place}: expected an entry of a game day, found {line[:60]!r}") from error
    if not entries or not isinstance(entries[0], Began):
        raise JournalError(f"{file}: expected the beginning of a game day in its first line")
    return tuple(entries)


def events_of(directory: Path, entries: Iterable[Entry]) -> list[Sequence[Event]]:
    """What each of its runs wrote, in their order; nothing of one that was killed before its first line."""
    files = [directory / each.directory / JOURNAL for each in entries if isinstance(each, RunBegan)]
    return [read_journal(file).events for file in files if file.exists()]


def done_in(runs: Iterable[Sequence[Event]]) -> Done:
    """Which experiments ended, and which only began."""
    began: dict[str, None] = {}
    ended: dict[str, None] = {}
    for events in runs:
        for event in that_count(events):
            if isinstance(event, ExperimentStarted) and event.role == Role.EXPERIMENT:
                began[event.name] = None
            elif isinstance(event, ExperimentEnded) and event.name in began:
                ended[event.name] = None
    return Done(ended=tuple(ended), cut=tuple(each for each in began if each not in ended))


def under_fault_s(events: Iterable[Event]) -> float:
    """How long any fault was in force in a run; one that was never healed counts until the journal's last moment."""
    total, since, last = 0.0, 0.0, 0.0
    force: set[tuple[str, str]] = set()
    for event in events:
        if not isinstance(event, InjectionArmed | InjectionHealed):
            last = max(last, float(getattr(event, "t", 0.0)))
            continue
        last = event.t
        which = (event.experiment, event.injection)
        if isinstance(event, InjectionArmed):
            since = since if force else event.t
            force.add(which)
        elif which in force:
            force.discard(which)
            total += 0.0 if force else event.t - since
    return total + (last - since if force else 0.0)
