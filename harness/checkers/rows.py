"""Rows of a final read: their keys, numbers, and the conditions on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from harness.model.invariant import Scalar

Row = Mapping[str, JsonValue]
Rows = tuple[Row, ...]


class Unfit(Exception):  # noqa: N818 -- a row that can't be judged is no error of the harness
    """A row lacks what the invariant is about; the message says what."""


def elements_of(row: Row, each: str | None) -> Iterable[Row]:
    """The row itself, or the elements of one of its lists."""
    if each is None:
        return (row,)
    elements = row.get(each)
    if not isinstance(elements, list):
        message = f"expected a list in the field {each!r}, found {shown(row)}"
        raise Unfit(message)
    return [element if isinstance(element, dict) else {} for element in elements]


def number(row: Row, field: str) -> float:
    """A finite number of the row; raises Unfit."""
    value = row.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        message = f"expected a number in the field {field!r}, found {shown(row)}"
        raise Unfit(message)
    return value


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def key_of(row: Row, field: str) -> str:
    """What identifies the row, as text; raises Unfit."""
    value = row.get(field)
    if value is None:
        message = f"expected a field {field!r}, found {shown(row)}"
        raise Unfit(message)
    return str(value)


def matches(row: Row, where: Mapping[str, Scalar]) -> bool:
    """Whether the row has all of these values; a list has a value that is in it."""
    return all(field in row and _has(row[field], value) for field, value in where.items())


def _has(found: JsonValue, value: Scalar) -> bool:
    among = found if isinstance(found, list) else (found,)
    return any(is_one_of(each, (value,)) for each in among)


def is_one_of(value: JsonValue, allowed: Iterable[Scalar]) -> bool:
    """Equal as JSON is: `true` is not 1."""
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in allowed)


def shown(row: Row) -> str:
    """The row in words."""
    return ", ".join(f"{field} {value}" for field, value in row.items()) or "an empty row"


def quantity_of(row: Row, field: str | None) -> float:
    """A finite number of the row, or one for the row itself; raises Unfit."""
    return 1 if field is None else number(row, field)
