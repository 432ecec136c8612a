"""What healthy answers were seen to hold, place by place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from harness.model.changes import DEPTH_LIMIT, Path

VALUES_LIMIT = 500
"""Different values of one place that are remembered."""


class Seen:
    """What was there, over several answers of one operation."""

    def __init__(self, samples: Iterable[JsonValue]) -> None:
        self._values: dict[Path, set[str]] = {}
        self._objects: dict[Path, list[frozenset[str]]] = {}
        self._lengths: dict[Path, set[int]] = {}
        for sample in samples:
            self._look(sample, (), DEPTH_LIMIT)

    def _look(self, node: JsonValue, path: Path, depth: int) -> None:
        if depth == 0:
            return
        if isinstance(node, dict):
            self._objects.setdefault(path, []).append(frozenset(node))
            for name, each in node.items():
                self._look(each, (*path, name), depth - 1)
        elif isinstance(node, list):
            self._lengths.setdefault(path, set()).add(len(node))
            for each in node:
                self._look(each, (*path, None), depth - 1)
        else:
            values = self._values.setdefault(path, set())
            if len(values) < VALUES_LIMIT:
                values.add(json.dumps(node))

    def value(self, path: Path, value: JsonValue) -> bool:
        """Whether this text, number, truth value or null stood there."""
        return json.dumps(value) in self._values.get(path, ())

    def values(self, path: Path) -> tuple[JsonValue, ...]:
        """All that stood there, but for objects and lists."""
        return tuple(json.loads(each) for each in sorted(self._values.get(path, ())))

    def absent(self, path: Path) -> bool:
        """Whether an object was there without the last member of the path."""
        return any(path[-1] not in names for names in self._objects.get(path[:-1], ()))

    def present(self, path: Path) -> bool:
        """Whether an object was there with it."""
        return any(path[-1] in names for names in self._objects.get(path[:-1], ()))

    def names(self, path: Path) -> frozenset[str]:
        """All members that an object had there."""
        return frozenset().union(*self._objects.get(path, ()))

    def empty(self, path: Path) -> bool:
        """Whether an empty list was there."""
        return 0 in self._lengths.get(path, ())

    def longest(self, path: Path) -> int:
        """How many elements a list had there at most."""
        return max(self._lengths.get(path, ()), default=0)


def scalars(documents: Sequence[JsonValue]) -> frozenset[str]:
    """All texts and numbers in some documents, as text."""
    found: set[str] = set()
    waiting = list(documents)
    while waiting:
        match waiting.pop():
            case dict() as each:
                waiting += each.values()
            case list() as each:
                waiting += each
            case bool() | None:
                pass
            case value:
                found.add(str(value))
    return frozenset(found)
