"""The files of a first description; what is there already is never touched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from harness.declare.starting.description import description
from harness.declare.starting.draft import Draft
from harness.declare.starting.examples import examples
from harness.errors import DeclarationError, Place, Problem

DESCRIPTION = "system.yaml"


def written(draft: Draft) -> dict[str, str]:
    """Each file's path below the description's directory, and what is in it."""
    return {DESCRIPTION: description(draft), **examples(draft)}


def already_there(files: Mapping[str, str], directory: Path) -> list[Path]:
    """Those of the files that exist, or whose place is taken."""
    return [directory / name for name in files if os.path.lexists(directory / name)]


def write(files: Mapping[str, str], directory: Path) -> None:
    """Write all files, or none.

    Raises:
        DeclarationError: if one is there already, or can't be written; then those that were written are removed again.
    """
    if there := already_there(files, directory):
        message = "is there already, and is left as it is; nothing was written"
        remedy = "move it away, or name another directory"
        raise DeclarationError([Problem(place=Place(file=str(each)), message=message, remedy=remedy) for each in there])
    made: list[Path] = []
    path = directory
    try:
        for name, text in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for each in made:
            each.unlink(missing_ok=True)
        message = f"can't be written: {error.strerror}; nothing was written"
        raise DeclarationError([Problem(place=Place(file=str(path)), message=message)]) from error
