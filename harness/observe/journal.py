"""The journal: one typed event a line, appended as the run goes, readable whenever the run was killed."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from harness import __version__
from harness.errors import JournalError, Place
from harness.model.events import (
    JOURNAL_FORMAT,
    Event,
    LoadPhaseEnded,
    RunStarted,
    WindowEnded,
    from_json,
    to_json,
)
from harness.model.load_events import Observed

JOURNAL = "journal.ndjson"
_DEPTH = 4
"""So many directories below a directory its journals are sought: `.harness/runs/<run>/journal.ndjson` and one more."""
_SHOWN_CHARS = 60
"""Of a line that is no event."""
_LATEST_S = 1e9
"""Since a run began: thirty years."""


class Journal:
    """Appends events with one write each, so that a killed run loses at most the line it was writing.

    The file gets its name with its first line in it: whoever reads along never meets a journal without a beginning.
    """

    def __init__(self, file: Path, *, redact: Callable[[str], str] | None = None) -> None:
        """Open the file to append to; raises JournalError when it can't be written.

        `redact` takes out of a line what must not be known to who reads it.
        """
        self._redact = redact
        self._name = file
        self._unnamed = file.with_name(f".{file.name}.new")
        try:
            self._file = os.open(self._unnamed, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(f"{file} can't be written: {error.strerror}; choose another --directory") from error
        self.events: list[Event] = []
        """What was written down, without final reads."""

    def append(self, event: Event) -> Event:
        """Write the event down; gives it as it was written, without secrets."""
        line = to_json(event)
        if self._redact is not None:
            text = line.decode()
            clean = self._redact(text)
            if clean != text:
                line, event = clean.encode(), from_json(clean)
        os.write(self._file, line + b"\n")
        if not self.events:
            self._unnamed.rename(self._name)
        # All rows of all stores, after every experiment: they are most of a run, and nobody asks for them again.
        self.events.append(replace(event, reads=()) if isinstance(event, Observed) and event.reads else event)
        return event

    def close(self) -> None:
        """Nothing is appended any more."""
        os.close(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A journal as it was found; `cut` when its last line is incomplete."""

    events: tuple[Event, ...]
    cut: bool


def journal_of(run: Path) -> Path:
    """The journal of a run that is named by its directory, or by the journal itself.

    Raises:
        JournalError: if it is a directory with several runs in it instead.
    """
    if not run.is_dir():
        return run
    file = run / JOURNAL
    if not file.exists() and (below := journals_below(run)):
        raise JournalError(
            f"{run}: expected one run, found {len(below)} below it; name one, such as {below[-1].parent}"
        )
    return file


def journals_below(directory: Path) -> list[Path]:
    """The journals in a directory and somewhat below it, the oldest first."""
    found = [file for depth in range(_DEPTH + 1) for file in directory.glob("*/" * depth + JOURNAL) if file.is_file()]
    return sorted(set(found), key=lambda file: (file.stat().st_mtime, file))


def read_journal(file: Path, *, leave_out: Collection[str] = ()) -> Read:
    """Read a journal; a last line that was cut short is left out and told.

    Events of the types in `leave_out` are passed over unread: the seconds of a run are nearly all of its journal.
    Of observations it may be those of one kind: `observed.reads`.

    Raises:
        JournalError: if it can't be read, is of another format, holds a line that is no event or of no time, or
            doesn't begin with a run's start.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"{file} can't be read: {error.strerror}; name a {JOURNAL}") from error
    last = lines.pop()
    writer = _writer(file, lines[0] if lines else b"")
    events: list[Event] = []
    passed_over = tuple(b'{"type":"' + each.replace(".", '","').encode() + b'"' for each in leave_out)
    for number, line in enumerate(lines, start=1):
        if passed_over and line.startswith(passed_over):
            continue
        try:
            events.append(from_json(line))
        except ValidationError as error:
            place = Place(file=str(file), line=number)
            reason = error.errors(include_url=False)[0]["msg"]
            shown = line[:_SHOWN_CHARS].decode(errors="replace") + ("…" if len(line) > _SHOWN_CHARS else "")
            raise JournalError(f"{place}: expected an event, found {shown!r}: {reason}{writer}") from error
        _refuse_no_time(events[-1], file, number)
    if not events or not isinstance(events[0], RunStarted):
        message = f"{file}: expected a journal that begins with the start of a run, found {_other(lines, last)}"
        raise JournalError(f"{message}; name a {JOURNAL}")
    _refuse_untimed(file, events[0])
    return Read(events=tuple(events), cut=bool(last))


def _writer(file: Path, first: bytes) -> str:
    """Words on the harness that wrote it, when that was another version; raises JournalError on another format."""
    try:
        head = json.loads(first)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(head, dict):
        return ""
    version = head.get("harness", __version__)
    told = "" if version == __version__ else f"; it was written by harness {version}, and this is {__version__}"
    if (found := head.get("format", 1)) != JOURNAL_FORMAT:
        message = f"{file}: is written in format {found}, and this harness reads journals of format {JOURNAL_FORMAT}"
        raise JournalError(message + told)
    return told


def _refuse_no_time(event: Event, file: Path, line: int) -> None:
    for time in _times(event):
        if not abs(time) <= _LATEST_S:
            place = Place(file=str(file), line=line)
            raise JournalError(f"{place}: expected a time in seconds since the run began, found {time!r}")


def _times(event: Event) -> tuple[float, ...]:
    """The times that what is told of a run is laid out by."""
    match event:
        case RunStarted():
            return ()
        case WindowEnded(window=window):
            return (window.start, window.end)
        case LoadPhaseEnded():
            return (event.start, event.end)
        case Observed():
            return (
                *(row.second for row in event.journeys),
                *(row.second for row in event.answers),
                *(row.second for row in event.generator),
                *(row.second for row in event.crossings),
            )
        case _:
            return (event.t,)


def _refuse_untimed(file: Path, started: RunStarted) -> None:
    try:
        dt.datetime.fromisoformat(started.wall)
    except ValueError as error:
        message = f"{Place(file=str(file), line=1)}: expected a time of day in 'wall', found {started.wall!r}"
        raise JournalError(message) from error


def _other(lines: list[bytes], last: bytes) -> str:
    if not lines:
        return "nothing but a line that was cut short" if last else "an empty file"
    return "one that begins otherwise"
