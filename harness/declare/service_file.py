"""A `service.yaml`: what one repository says of its service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from harness.declare.validate import validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.declared import Declared, Name
from harness.model.quantity import Duration
from harness.model.system import Access, Journey, Need, Service, Store

SERVICE_FILE = "service.yaml"
MOST_FILES = 1000
MOST_DEPTH = 4
"""Of folders below the one that is named."""


class Needed(Declared):
    """Whom a service needs, and how much."""

    to: Name
    need: Need
    deadline: Duration | None = None
    at: tuple[str, ...] = ()


class TakesPart(Declared):
    """A journey of another's in which the service takes part."""

    journey: Name
    need: Need


class ServiceFile(Service):
    """A `service.yaml`: a service as in a system.yaml, its name, and whom it needs."""

    service: Name
    entry: bool = False
    """Whether customers talk to it."""
    needs: tuple[Needed, ...] = ()
    takes_part: tuple[TakesPart, ...] = ()
    """`hard`: without it the journey may fail; `soft`: the journey goes on."""
    stores: dict[Name, Store] = Field(default_factory=dict)
    """Those that it brings; one that several bring must be the same in all, apart from `databases`."""
    access: Access = Access()
    """What is sent along to it when it is tried by itself; for the whole, it stands in the common file."""
    journeys: dict[Name, Journey] = Field(default_factory=dict)
    """Those that it declares for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file that was read."""

    path: Path
    document: Document
    spec: ServiceFile

    @property
    def name(self) -> str:
        """The service's."""
        return self.spec.service

    def problem(self, path: Path_, message: str, remedy: str = "") -> Problem:
        """A problem with what stands at a path."""
        return self.document.problem(path, message, remedy)

    def place(self, *path: str | int) -> Place:
        """Where something stands in it."""
        return self.document.place(path)


def find_service_files(named: Sequence[Path]) -> list[Path]:
    """The files that are named, and every `service.yaml` below the folders that are.

    Raises:
        DeclarationError: if there is none, or too many.
    """
    found: list[Path] = []
    for each in named:
        below = [path for path in _walk(each) if path.name == SERVICE_FILE] if each.is_dir() else [each]
        if not below:
            remedy = f"expected one in each repository, at most {MOST_DEPTH} folders below"
            problem = Problem(place=Place(file=str(each)), message=f"no {SERVICE_FILE} below it", remedy=remedy)
            raise DeclarationError([problem])
        found += [path for path in below if path not in found]
    if len(found) > MOST_FILES:
        problem = Problem(place=Place(file=str(named[0])), message=f"more than {MOST_FILES} files", remedy="name fewer")
        raise DeclarationError([problem])
    return found


def read_all(files: Sequence[Path]) -> list[Read]:
    """Read them; raises DeclarationError with the problems of all."""
    problems: list[Problem] = []
    found = []
    for path in files:
        try:
            document = read_yaml(path)
            found.append(Read(path=path, document=document, spec=validated(document, ServiceFile)))
        except DeclarationError as error:
            problems += error.problems
    if problems:
        raise DeclarationError(problems)
    return found


def _walk(directory: Path, depth: int = 0) -> Iterator[Path]:
    """All files of a folder and of those below it, in the order of their names; hidden folders are passed over."""
    for path in sorted(directory.iterdir()):
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and depth < MOST_DEPTH:
            yield from _walk(path, depth + 1)
