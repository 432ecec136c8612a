"""An earlier run to hold this one against: a journal, the directory of a run, or a `matrix.json`."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import JsonValue, TypeAdapter, ValidationError

from harness.checkers.excuses import Earlier, earlier_of
from harness.errors import DeclarationError, JournalError, Place, Problem
from harness.model.events import JOURNAL_FORMAT, FindingMade, MatrixCellEnded, RunStarted
from harness.model.matrix import MATRIX_FORMAT, CellVerdict
from harness.observe.journal import JOURNAL, read_journal

REMEDY = "name the journal.ndjson, the directory or the matrix.json of a run on this system"
_CELLS: TypeAdapter[tuple[CellVerdict, ...]] = TypeAdapter(tuple[CellVerdict, ...])
_CELL_KEYS = ("journey", "edge", "kind", "first")


def read_earlier(path: Path, system: str) -> Earlier:
    """What the run came to.

    Raises:
        DeclarationError: if it can't be read, is of another format, or of another system.
    """
    file = path / JOURNAL if path.is_dir() else path
    head = _head(file)
    if "cells" in head:
        return _of_matrix(file, head, system)
    _of_format(file, head, JOURNAL_FORMAT, "journals")
    try:
        events = read_journal(file).events
    except JournalError as error:
        raise _refused(file, str(error)) from error
    started = next(each for each in events if isinstance(each, RunStarted))
    _of_system(file, started.system, system)
    findings = [each.finding for each in events if isinstance(each, FindingMade)]
    cells = [each.result for each in events if isinstance(each, MatrixCellEnded)]
    if not findings and not cells:
        raise _refused(file, "nothing was found in that run, red or not")
    return earlier_of(started.run, findings, cells)


def _head(file: Path) -> dict[str, JsonValue]:
    """A whole matrix.json, or the first line of a journal."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise _refused(file, f"can't be read: {reason}") from error
    for candidate in (text.partition("\n")[0], text):
        try:
            found = json.loads(candidate)
        except json.JSONDecodeError:
            continue
        if isinstance(found, dict):
            return found
    raise _refused(file, "is neither a journal nor a matrix.json")


def _of_matrix(file: Path, table: dict[str, JsonValue], system: str) -> Earlier:
    _of_format(file, table, MATRIX_FORMAT, "matrices")
    _of_system(file, str(table.get("system")), system)
    rows = table["cells"]
    try:
        cells = _CELLS.validate_python(
            [_row(each) for each in rows if isinstance(each, dict)] if isinstance(rows, list) else rows
        )
    except ValidationError as error:
        raise _refused(file, f"its cells can't be read: {error.errors()[0]['msg']}") from error
    return earlier_of(str(table.get("run")), (), cells)


def _row(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
    rest = {name: value for name, value in each.items() if name not in {*_CELL_KEYS, "word"}}
    return {"cell": {name: each.get(name) for name in _CELL_KEYS}, **rest}


def _of_format(file: Path, head: dict[str, JsonValue], known: int, what: str) -> None:
    found = head.get("format", 1)
    if found != known:
        raise _refused(file, f"is written in format {found}, and this harness reads {what} of format {known}")


def _of_system(file: Path, found: str, system: str) -> None:
    if found != system:
        raise _refused(file, f"expected a run of {system}, found one of {found}")


def _refused(file: Path, why: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=str(file)), message=why, remedy=REMEDY)])
