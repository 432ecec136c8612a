"""A service of a compose file as it is written, each value with its place; and one over the one that it extends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from harness.declare.yaml import Document, Path_
from harness.errors import DeclarationError, Place, Problem

_JOINED = ("ports", "expose", "volumes", "dns", "external_links", "extra_hosts", "profiles", "secrets", "configs")
"""What is added to, and not replaced, by a service that extends another."""
_MERGED = ("environment", "depends_on", "networks", "labels", "healthcheck", "deploy", "build", "links", "env_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Something that stands in a file."""

    content: JsonValue
    document: Document
    path: Path_

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.document.place(self.path)

    def problem(self, message: str, remedy: str = "", *, key: bool = True) -> Problem:
        """A problem with it; at its key, unless that is not meant."""
        return self.document.problem(self.path, message, remedy, key=key and bool(self.path))

    def child(self, step: str | int) -> Value | None:
        """What stands below it; None when nothing does."""
        match self.content, step:
            case dict() as content, str() if step in content:
                return Value(content=content[step], document=self.document, path=(*self.path, step))
            case list() as content, int() if step < len(content):
                return Value(content=content[step], document=self.document, path=(*self.path, step))
        return None

    def children(self) -> Iterator[tuple[str, Value]]:
        """The entries of a mapping."""
        if isinstance(self.content, dict):
            for name in self.content:
                child = self.child(name)
                if child is not None:
                    yield name, child

    def elements(self) -> Iterator[Value]:
        """The elements of a list."""
        if isinstance(self.content, list):
            for index in range(len(self.content)):
                child = self.child(index)
                if child is not None:
                    yield child


Section = dict[str, Value]
"""A service: key → what stands there."""


def texts(value: Value | None) -> list[tuple[str, Value]]:
    """One text, or the texts of a list, each with its place; raises DeclarationError for what is neither."""
    return [(text_of(each), each) for each in listed(value)] if value is not None and value.content is not None else []


def listed(value: Value | None) -> list[Value]:
    """The elements of a list, or the one thing that stands where a list may."""
    if value is None:
        return []
    return list(value.elements()) if isinstance(value.content, list) else [value]


def text_of(value: Value) -> str:
    """A scalar as text; raises DeclarationError for what is none."""
    match value.content:
        case bool():
            return "true" if value.content else "false"
        case str() | int() | float():
            return str(value.content)
        case None:
            return ""
        case _:
            raise DeclarationError([wrong(value, "text")])


def wrong(value: Value, expected: str) -> Problem:
    """That it is of another type than expected."""
    name = value.path[-1] if value.path else "the file"
    message = f"'{name}' is of the wrong type: expected {expected}, found {str(value.content)[:60]}"
    return value.problem(message, key=False)


def joined(parent: Section, own: Section) -> Section:
    """A service over the one that it extends."""
    section = parent | own
    for key in parent.keys() & own.keys():
        above, below = parent[key], own[key]
        if key in (*_JOINED, *_MERGED) and isinstance(above.content, list) and isinstance(below.content, list):
            section[key] = _spliced([*above.elements(), *below.elements()], below)
        elif key in _MERGED and isinstance(above.content, dict) and isinstance(below.content, dict):
            section[key] = _spliced_mapping(dict(above.children()) | dict(below.children()), below)
        elif key in _MERGED:
            section[key] = _mixed(above, below)
    return section


def _mixed(above: Value, below: Value) -> Value:
    """A list over a mapping, or the other way round: of NAME=value, or of names."""
    entries = dict(_pairs(above)) | dict(_pairs(below))
    return _spliced_mapping(entries, below)


def _pairs(value: Value) -> Iterator[tuple[str, Value]]:
    yield from value.children()
    for text, each in texts(value) if not isinstance(value.content, dict) else ():
        name, sign, rest = text.partition("=")
        yield name, Value(content=rest if sign else None, document=each.document, path=each.path)


def _spliced(values: list[Value], at: Value) -> Value:
    content = [value.content for value in values]
    return _patched(content, [((*at.path, index), value) for index, value in enumerate(values)], at)


def _spliced_mapping(values: Mapping[str, Value], at: Value) -> Value:
    content = {name: value.content for name, value in values.items()}
    return _patched(content, [((*at.path, name), value) for name, value in values.items()], at)


def _patched(content: JsonValue, parts: list[tuple[Path_, Value]], at: Value) -> Value:
    keys = {at.path: at.document.place(at.path, key=True)}
    places = {at.path: at.place}
    for path, value in parts:
        length = len(value.path)
        for old in value.document.values:
            if old[:length] == value.path:
                new = (*path, *old[length:])
                places[new] = value.document.place(old)
                keys[new] = value.document.place(old, key=True)
    document = Document(file=at.document.file, content=None, keys=keys, values=places)
    return Value(content=content, document=document, path=at.path)
