"""The directory of a ledger: read with all its problems told, and only ever added to."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import JsonValue, ValidationError

from harness.contracts.ledger.content import canonical_pact, content_digest
from harness.contracts.ledger.entries import ENTRIES, Placed, Published, Verified, document_of, file_name, slug
from harness.contracts.pacts import MAX_PACT_BYTES, JsonObject
from harness.errors import HarnessError, Place, Problem

MAX_ENTRY_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 200_000
_ENTRIES = "entries"
_CONTENTS = "contents"
_RESTORE = "it is not counted; restore it from git: entries are never changed"

AnyEntry = Verified | Published | Placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a directory holds; `problems` tells of each file that does not count."""

    entries: tuple[AnyEntry, ...] = ()
    """The oldest first."""
    contents: dict[str, JsonObject] = field(default_factory=dict)
    """Documents of pacts, by the digest of their content."""
    problems: tuple[Problem, ...] = ()


def read_ledger(directory: Path) -> Ledger:
    """All that can be read; empty when the directory is.

    Raises:
        HarnessError: when it is no directory, or holds more than a ledger may.
    """
    if directory.exists() and not directory.is_dir():
        raise HarnessError(f"{directory}: expected the directory of a ledger, found a file")
    files = sorted(_files(directory / _ENTRIES, "*/*.json"))
    if len(files) > MAX_ENTRIES:
        message = f"{directory}: expected at most {MAX_ENTRIES} entries, found {len(files)}; start another ledger"
        raise HarnessError(message)
    entries: list[AnyEntry] = []
    problems: list[Problem] = []
    for file in files:
        read = _entry(file)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            entries.append(read)
    contents: dict[str, JsonObject] = {}
    for file in sorted(_files(directory / _CONTENTS, "*.json")):
        document = _content(file)
        if isinstance(document, Problem):
            problems.append(document)
        else:
            contents[content_digest(document)] = document
    ordered = sorted(entries, key=lambda each: (each.at, file_name(each)))
    return Ledger(entries=tuple(ordered), contents=contents, problems=tuple(problems))


def add_entry(directory: Path, entry: AnyEntry) -> Path:
    """Write an entry, whole or not at all, and give its file."""
    file = directory / _ENTRIES / file_name(entry)
    _write(file, json.dumps(document_of(entry), indent=1, ensure_ascii=False) + "\n")
    return file


def add_content(directory: Path, document: JsonObject) -> str:
    """Keep the content of a pact, if it isn't there yet, and give its digest."""
    digest = content_digest(document)
    reduced = canonical_pact(document)
    consumer, provider = (str(cast("JsonObject", reduced[party])["name"]) for party in ("consumer", "provider"))
    file = directory / _CONTENTS / f"{slug(consumer)}-{slug(provider)}-{digest}.json"
    if not file.exists() or isinstance(_content(file), Problem):
        whole = {**reduced, "metadata": {"pactSpecification": {"version": _specification(document)}}}
        _write(file, json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return digest


def no_earlier(ledger: Ledger, now: dt.datetime) -> dt.datetime:
    """The time to write an entry at: after all that are there, even if a clock that ran ahead wrote them."""
    last = max((entry.at for entry in ledger.entries), default=now)
    return max(now, last + dt.timedelta(microseconds=1))


def _files(directory: Path, pattern: str) -> Iterator[Path]:
    return (file for file in directory.glob(pattern) if not file.name.startswith("."))


def _entry(file: Path) -> AnyEntry | Problem:
    document = _json(file, MAX_ENTRY_BYTES)
    if isinstance(document, Problem):
        return document
    try:
        entry = ENTRIES.validate_python(document)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        return _problem(file, f"expected an entry of a ledger, found at {where or 'its top'}: {detail['msg']}")
    if f"{file.parent.name}/{file.name}" != file_name(entry):
        return _problem(file, "expected what its name tells, found an entry that was changed after it was written")
    return entry


def _content(file: Path) -> JsonObject | Problem:
    document = _json(file, MAX_PACT_BYTES)
    if isinstance(document, Problem):
        return document
    try:
        digest = content_digest(document)
    except (KeyError, TypeError, AttributeError, ValueError):
        return _problem(file, "expected the content of a pact, found other JSON")
    if not file.stem.endswith(f"-{digest}"):
        return _problem(file, "expected what its name tells, found a content that was changed after it was written")
    return document


def _json(file: Path, limit_bytes: int) -> dict[str, JsonValue] | Problem:
    try:
        size = file.stat().st_size
        if size > limit_bytes:
            return _problem(file, f"expected at most {limit_bytes} bytes, found {size}")
        document = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        place = Place(file=str(file), line=error.lineno, column=error.colno)
        return Problem(place=place, message=f"expected JSON, found: {error.msg}", remedy=_RESTORE)
    except (OSError, ValueError, RecursionError) as error:
        return _problem(file, f"expected a file of a ledger, found: {error}")
    return document if isinstance(document, dict) else _problem(file, "expected a JSON object, found another value")


def _problem(file: Path, message: str) -> Problem:
    return Problem(place=Place(file=str(file), line=1), message=message, remedy=_RESTORE)


def _specification(document: JsonObject) -> str:
    metadata = document.get("metadata")
    told = metadata.get("pactSpecification") if isinstance(metadata, dict) else None
    version = told.get("version") if isinstance(told, dict) else None
    return version if isinstance(version, str) else "4.0"


def _write(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        message = f"{file}: the ledger can't be written: {error.strerror}; choose another --ledger"
        raise HarnessError(message) from error
