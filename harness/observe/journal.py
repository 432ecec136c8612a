"""The journal: one typed event a line, appended as the run goes, readable whenever the run was killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import JournalError, Place
from harness.model.events import Event, RunStarted, from_json, to_json

JOURNAL = "journal.ndjson"


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
        self.events.append(event)
        return event

    def close(self) -> None:
        """Nothing is appended any more."""
        os.close(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A journal as it was found; `cut` when its last line is incomplete."""

    events: tuple[Event, ...]
    cut: bool


def read_journal(file: Path, *, leave_out: Collection[str] = ()) -> Read:
    """Read a journal; a last line that was cut short is left out and told.

    Events of the types in `leave_out` are passed over unread: the seconds of a run are nearly all of its journal.
    Of observations it may be those of one kind: `observed.reads`.

    Raises:
        JournalError: if it can't be read, holds a line that is no event, or doesn't begin with a run's start.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"{file} can't be read: {error.strerror}; name a {JOURNAL}") from error
    last = lines.pop()
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
            raise JournalError(f"{place}: expected an event, found {line[:60]!r}: {reason}") from error
    if not events or not isinstance(events[0], RunStarted):
        raise JournalError(f"{file}: expected a journal that begins with the start of a run; name a {JOURNAL}")
    return Read(events=tuple(events), cut=bool(last))
