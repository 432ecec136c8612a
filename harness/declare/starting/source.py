"""What kind of file a system is to be described from."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from harness.declare.yaml import read_yaml
from harness.errors import DeclarationError, Place, Problem


class Source(StrEnum):
    """The kinds that are known."""

    COMPOSE = "compose"
    PROCFILE = "procfile"
    OPENAPI = "openapi"


COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""In the order in which docker looks for them."""
PROCFILE = "Procfile"
_EXPECTED = "expected a docker-compose.yml, a Procfile, or OpenAPI documents (JSON or YAML)"


def source_of(files: Sequence[Path]) -> Source:
    """The kind of the files, told by their names or by what they hold; all must be of one.

    Raises:
        DeclarationError: when they are of none, or of several.
    """
    kinds = {file: _kind(file) for file in files}
    found = set(kinds.values())
    if len(found) > 1:
        listed = ", ".join(f"{file.name} ({kind})" for file, kind in kinds.items())
        raise _refused(files[0], f"the sources are of several kinds: {listed}", "describe from one kind at a time")
    (kind,) = found
    if kind is not Source.OPENAPI and len(files) > 1:
        remedy = "give one; a compose file may `include` others"
        raise _refused(files[1], f"expected one {kind} file, found {len(files)}", remedy)
    return kind


def nearby(directory: Path) -> Path | None:
    """A file in the directory that a system could be described from."""
    return next((directory / name for name in (*COMPOSE_NAMES, PROCFILE) if (directory / name).is_file()), None)


def _kind(file: Path) -> Source:
    if file.is_dir():
        near = nearby(file)
        remedy = f"name the file: {near}" if near else _EXPECTED
        raise _refused(file, "is a directory", remedy)
    if file.name.startswith(PROCFILE) or file.suffix == ".procfile":
        return Source.PROCFILE
    content = read_yaml(file).content
    if isinstance(content, dict):
        if "openapi" in content or "swagger" in content:
            return Source.OPENAPI
        if "services" in content or "include" in content or file.name in COMPOSE_NAMES:
            return Source.COMPOSE
    raise _refused(file, "is of no kind that is known", _EXPECTED)


def _refused(file: Path, message: str, remedy: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=str(file)), message=message, remedy=remedy)])
