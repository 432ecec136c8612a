"""The shape of JSON documents: what was always there, and of which types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from pydantic import JsonValue

DEPTH_LIMIT = 32
"""Levels of a document that are looked at."""
PROBLEMS_LIMIT = 20
"""Differences of one document that are told."""
NULL: Final = "null"
SCALARS: Final = frozenset({"text", "number", "boolean"})
_COUNTED: Final = frozenset({"text", "number"})
"""Of which 0 and the empty text are what a program has when it has nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What several documents have in common."""

    types: frozenset[str]
    keys: Mapping[str, Shape] = field(default_factory=dict)
    """Of objects: those that were in all of them."""
    items: Shape | None = None
    """Of lists: what all elements have in common; None when there never was one."""
    filled: bool = False
    """Of numbers, texts and lists: whether none was 0 or empty."""


def shape_of(value: JsonValue, depth: int = DEPTH_LIMIT) -> Shape:
    """The shape of one document."""
    match value:
        case dict() if depth:
            return Shape(types=frozenset({"object"}), keys={key: shape_of(value[key], depth - 1) for key in value})
        case list() if depth and value:
            items = reduce(merged, (shape_of(each, depth - 1) for each in value))
            return Shape(types=frozenset({"list"}), items=items, filled=True)
        case _:
            return Shape(types=frozenset({type_of(value)}), filled=bool(value) and type_of(value) in _COUNTED)


def merged(one: Shape, other: Shape) -> Shape:
    """What two shapes have in common; a null where the other has an object takes nothing from it."""
    keys: Mapping[str, Shape]
    if "object" in one.types and "object" in other.types:
        keys = {name: merged(one.keys[name], other.keys[name]) for name in one.keys if name in other.keys}
    else:
        keys = {**one.keys, **other.keys}
    items = merged(one.items, other.items) if one.items and other.items else one.items or other.items
    return Shape(types=one.types | other.types, keys=keys, items=items, filled=one.filled and other.filled)


def type_of(value: JsonValue) -> str:
    """JSON's word for it; whole and broken numbers are of one type."""
    match value:
        case None:
            return NULL
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case dict():
            return "object"


def lacks(shape: Shape, value: JsonValue, at: str = "") -> Iterator[str]:
    """What a document lacks of a shape, or has of another type, each with a pointer to it.

    What was null tells no type, and a text, number or truth value may turn out to be null: that depends on the data.
    """
    found = type_of(value)
    if shape.types == {NULL} or (found == NULL and shape.types & SCALARS):
        return
    if found not in shape.types:
        expected = " or ".join(sorted(shape.types))
        yield f"{at or 'the whole body'} is {found}, expected {expected}"
        return
    if isinstance(value, dict):
        for name, part in shape.keys.items():
            if name in value:
                yield from lacks(part, value[name], f"{at}/{name}")
            else:
                yield f"{at}/{name} is missing"
    elif isinstance(value, list) and shape.items is not None:
        for index, each in enumerate(value):
            yield from lacks(shape.items, each, f"{at}/{index}")


def thinner(shape: Shape, value: JsonValue, at: str = "") -> Iterator[str]:
    """Lists that are empty, and values that are null, though they never were."""
    if value is None and NULL not in shape.types:
        yield f"{at or 'the whole body'} is null"
    if isinstance(value, dict):
        for name, part in shape.keys.items():
            if name in value:
                yield from thinner(part, value[name], f"{at}/{name}")
    elif isinstance(value, list) and not value and shape.filled:
        yield f"{at or 'the list'} is empty"


def zeroed(shape: Shape, value: JsonValue, at: str = "") -> Iterator[str]:
    """Numbers that are 0 and texts that are empty, though they never were; in a list, those that are so throughout."""
    if shape.filled and type_of(value) in shape.types & _COUNTED and not value:
        yield f"{at or 'the whole body'} is {'empty' if isinstance(value, str) else 0}"
    elif isinstance(value, dict):
        for name, part in shape.keys.items():
            if name in value:
                yield from zeroed(part, value[name], f"{at}/{name}")
    elif isinstance(value, list) and value and shape.items is not None:
        first, *others = ([*zeroed(shape.items, each, f"{at}/*")] for each in value)
        yield from (gap for gap in first if all(gap in each for each in others))


def parsed(body: bytes) -> tuple[bool, JsonValue]:
    """Whether a body is JSON, and the document."""
    try:
        document: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        return False, None
    return True, document


def differences(one: JsonValue, other: JsonValue, at: str = "") -> Iterator[str]:
    """Pointers to where two documents differ; a list of another length differs as a whole."""
    if one == other and repr(one) == repr(other):  # of a thousand rows few differ; the words tell `true` from 1
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            if name in one and name in other:
                yield from differences(one[name], other[name], f"{at}/{name}")
            else:
                yield f"{at}/{name}"
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{at}/{index}")
    elif one != other or type_of(one) != type_of(other):
        yield at or "/"
