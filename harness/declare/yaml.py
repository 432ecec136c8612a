"""YAML with a place for every key and value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from harness.errors import DeclarationError, Place, Problem

MAX_DEPTH = 50
"""How deep values may be nested; an anchor that holds itself would have no end."""

Path_ = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file's content as plain values, with the place of each."""

    file: str
    content: JsonValue
    keys: dict[Path_, Place] = field(default_factory=dict)
    """Where the key of each value stands; list elements and the root have their own place."""
    values: dict[Path_, Place] = field(default_factory=dict)

    def place(self, path: Path_, *, key: bool = False) -> Place:
        """Where the value (or its key) stands; the nearest enclosing place when it isn't there."""
        where = self.keys if key else self.values
        while path and path not in where:
            path = path[:-1]
        return where.get(path, Place(file=self.file))

    def problem(self, path: Path_, message: str, remedy: str = "", *, key: bool = False) -> Problem:
        """A problem with the value (or the key) at a path."""
        return Problem(place=self.place(path, key=key), message=message, remedy=remedy)


def read_yaml(file: Path) -> Document:
    """Read a YAML file.

    Raises:
        DeclarationError: if it can't be read, isn't YAML, or has a key twice.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        problem = Problem(place=Place(file=str(file)), message=f"can't be read: {reason}", remedy="check the path")
        raise DeclarationError([problem]) from error
    return parse_yaml(text, file=str(file))


def parse_yaml(text: str, *, file: str) -> Document:
    """Read YAML text; `file` is what places name. Raises as `read_yaml`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file=file, line=mark.line + 1, column=mark.column + 1) if mark else Place(file=file)
        message = f"is not YAML: {error.problem or error.context}"
        problem = Problem(place=place, message=message, remedy="mend the syntax")
        raise DeclarationError([problem]) from error
    except yaml.YAMLError as error:
        raise DeclarationError([Problem(place=Place(file=file), message=f"is not YAML: {error}")]) from error
    if root is None:
        raise DeclarationError([Problem(place=Place(file=file), message="is empty", remedy="see docs/system.md")])
    reader = _Reader(file=file)
    content = reader.value(root, ())
    if reader.problems:
        raise DeclarationError(reader.problems)
    return Document(file=file, content=content, keys=reader.keys, values=reader.values)


class _Reader:
    """Turns YAML nodes into plain values, noting places."""

    def __init__(self, *, file: str) -> None:
        self.file = file
        self.keys: dict[Path_, Place] = {}
        self.values: dict[Path_, Place] = {}
        self.problems: list[Problem] = []
        self._plain = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path_) -> JsonValue:
        if len(path) > MAX_DEPTH:
            problem = Problem(
                place=self._place(node), message=f"is nested more than {MAX_DEPTH} deep", remedy="flatten it"
            )
            raise DeclarationError([problem])
        self.values[path] = self._place(node)
        match node:
            case yaml.MappingNode():
                return dict(self._pairs(node, path))
            case yaml.SequenceNode():
                return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
            case _:
                return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, path: Path_) -> Iterator[tuple[str, JsonValue]]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                self.problems.append(Problem(place=self._place(key_node), message=f"key '{key}' stands here twice"))
            seen.add(key)
        try:
            self._plain.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            self.problems.append(Problem(place=self._place(node), message=f"can't be merged: {error.problem}"))
        # What is merged by '<<' comes first, and the mapping's own keys win.
        last = {str(key_node.value): (key_node, value_node) for key_node, value_node in node.value}
        for key, (key_node, value_node) in last.items():
            self.keys[*path, key] = self._place(key_node)
            yield key, self.value(value_node, (*path, key))

    def _scalar(self, node: yaml.Node) -> JsonValue:
        try:
            value: object = self._plain.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self.problems.append(Problem(place=self._place(node), message=f"{node.value!r} can't be read: {reason}"))
            return None
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return str(node.value)

    def _place(self, node: yaml.Node) -> Place:
        return Place(file=self.file, line=node.start_mark.line + 1, column=node.start_mark.column + 1)
