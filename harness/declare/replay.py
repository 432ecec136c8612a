"""A recorded day: from a CSV file with the columns time and journey to offsets."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harness.declare.validate import nearest
from harness.errors import DeclarationError, Place, Problem

COLUMNS = ["time", "journey"]

JOURNEYS_LIMIT = 200_000
"""Of one recording; it goes to each generator as one message."""

PROBLEMS_LIMIT = 10
"""Told of one file; who has more has most likely one cause for all."""

_OF_DAY = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)")


def read_replay(file: Path, *, known: Collection[str], speed: float) -> tuple[tuple[float, str], ...]:
    """When each journey is due, in seconds since the first, `speed` times as fast as recorded.

    Raises:
        DeclarationError: with what is wrong, by line and column.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reading = _Reading(file=str(file), known=known)
            times = list(reading.rows(csv.reader(lines, strict=True)))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        problem = Problem(place=Place(file=str(file)), message=f"can't be read: {reason}", remedy="check 'replay'")
        raise DeclarationError([problem]) from error
    if not times and not reading.problems:
        reading.wrong(1, 1, "no journey is recorded here", "write a line for each: its time and its name")
    if reading.problems:
        raise DeclarationError(reading.problems)
    first = times[0][0]
    return tuple(((time - first) / speed, journey) for time, journey in times)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """Reads the rows, and gathers what is wrong with them."""

    file: str
    known: Collection[str]
    problems: list[Problem] = field(default_factory=list)
    latest: float = -math.inf

    def rows(self, reader: Iterator[list[str]]) -> Iterator[tuple[float, str]]:
        """Time and journey of each, as far as they can be read."""
        line = 0
        try:
            for line, row in enumerate(reader, start=1):
                if line == 1:
                    self._header(row)
                elif row and (read := self._row(line, row)) is not None:
                    yield read
                if len(self.problems) >= PROBLEMS_LIMIT:
                    return
                if line > JOURNEYS_LIMIT + 1:
                    self.wrong(line, 1, f"more than {JOURNEYS_LIMIT} journeys", "take a part of the day")
                    return
        except csv.Error as error:
            self.wrong(line + 1, 1, f"is not CSV: {error}", "mend the line")

    def wrong(self, line: int, column: int, message: str, remedy: str) -> None:
        """Note a problem."""
        place = Place(file=self.file, line=line, column=column)
        self.problems.append(Problem(place=place, message=message, remedy=remedy))

    def _header(self, row: list[str]) -> None:
        if [name.strip().lower() for name in row] != COLUMNS:
            self.wrong(1, 1, f"expected the columns {','.join(COLUMNS)}, found {','.join(row)!r}", "add this line")

    def _row(self, line: int, row: list[str]) -> tuple[float, str] | None:
        if len(row) != len(COLUMNS):
            self.wrong(line, 1, f"expected a time and a journey, found {len(row)} columns", "mend the line")
            return None
        time, journey = _seconds(row[0].strip()), row[1].strip()
        if time is None:
            remedy = "write seconds, a time of day (13:05:07.25) or a date with a time (2026-01-31T13:05:07Z)"
            self.wrong(line, 1, f"expected a time, found {row[0]!r}", remedy)
            return None
        if time < self.latest:
            self.wrong(line, 1, f"{row[0].strip()} is earlier than the line before", "sort the file by time")
        self.latest = time
        if journey not in self.known:
            self.wrong(line, len(row[0]) + 2, f"unknown journey '{journey}'", nearest(journey, self.known))
        return time, journey


def _seconds(text: str) -> float | None:
    """A time in seconds; since when is not told. None when it is no time."""
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return number if math.isfinite(number) else None
    if match := _OF_DAY.fullmatch(text):
        return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
