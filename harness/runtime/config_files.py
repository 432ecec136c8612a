"""Files that a program reads at its start: templates whose placeholders are filled in, below `{data}`.

Configuration files are full of braces, so only a word in braces counts: `{edge.db.port}` is a placeholder,
`{"a": {"b": 1}}` and `${some_variable}` are not. `{{word}}` stands for `{word}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.errors import Place, Problem

TEMPLATE_BYTES = 1 << 20
"""The largest template that is read."""

_WORD = re.compile(r"\{\{([a-z][A-Za-z0-9._-]*)\}\}|\{([a-z][A-Za-z0-9._-]*)\}")
_OURS = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*|(?:edge|secret|tls|otlp)\..*")
"""What can only be meant for us; `${remote_addr}` has an underscore, and stays as it is."""
_FILE_MODE = 0o600
"""Passwords may stand in it."""

ValueOf = Callable[[str], str | None]
"""What a placeholder stands for; None when it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A word in braces that can only be meant as a placeholder, and where it stands; both count from 1."""

    name: str
    line: int
    column: int


class TemplateError(Exception):
    """A template can't be read; the message says why, and never leaves this package."""


def read_template(path: Path) -> str:
    """Its text; raises TemplateError when it is missing, too large, or no text."""
    try:
        with path.open("rb") as file:
            content = file.read(TEMPLATE_BYTES + 1)
    except OSError as error:
        message = f"the template {path} can't be read: {error.strerror}"
        raise TemplateError(message) from error
    if len(content) > TEMPLATE_BYTES:
        message = f"the template {path} has more than {TEMPLATE_BYTES} bytes"
        raise TemplateError(message)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        message = f"the template {path} is not UTF-8 (byte {error.start})"
        raise TemplateError(message) from error


def placeholders(text: str) -> Iterator[Found]:
    """All that stands in braces and can only be meant for us."""
    for match in _WORD.finditer(text):
        name = match[2]
        if name is not None and _OURS.fullmatch(name):
            begin = text.rfind("\n", 0, match.start()) + 1
            line = text.count("\n", 0, match.start()) + 1
            yield Found(name=name, line=line, column=match.start() - begin + 1)


def rendered(text: str, value_of: ValueOf) -> str:
    """The text with its placeholders filled in; what is none stays as it is."""

    def value(match: re.Match[str]) -> str:
        if match[1] is not None:
            return f"{{{match[1]}}}"
        found = value_of(match[2])
        return match[0] if found is None else found

    return _WORD.sub(value, text)


def problems_of(
    files: Mapping[str, str],
    root: Path,
    *,
    place_of: Callable[[str], Place],
    problem_of: Callable[[str], Problem | None],
) -> Iterator[Problem]:
    """All that is wrong with the files of one program.

    Args:
        files: as `Run.files`.
        root: the directory of the description.
        place_of: where a file of that name stands in the description.
        problem_of: what is wrong with a placeholder of that name; None when it can be filled.
    """
    for name, template in files.items():
        if not _lies_below(name):
            message = f"the file {name!r} does not lie below {{data}}"
            yield Problem(place=place_of(name), message=message, remedy="give it a relative name without '..'")
        path = root / template
        try:
            text = read_template(path)
        except TemplateError as error:
            yield Problem(place=place_of(name), message=str(error), remedy="name a text file beside the description")
            continue
        for found in placeholders(text):
            problem = problem_of(found.name)
            if problem is not None:
                place = Place(file=str(path), line=found.line, column=found.column)
                yield Problem(place=place, message=problem.message, remedy=problem.remedy)


def write_files(files: Mapping[str, str], root: Path, data: Path, value_of: ValueOf) -> None:
    """Write a program's files below its directory, anew for each start; raises TemplateError, OSError."""
    for name, template in files.items():
        target = data / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=_FILE_MODE)
        target.write_text(rendered(read_template(root / template), value_of), encoding="utf-8")


def _lies_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and bool(path.parts) and ".." not in path.parts
