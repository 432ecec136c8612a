"""Texts with `{names}` in them that are filled in when a customer comes.

A brace that begins no name stands for itself; `{{name}}` stands for `{name}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from pydantic import JsonValue

_NAME = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_-]+)?"
_PLACE = re.compile(rf"\{{\{{({_NAME})\}}\}}|\{{({_NAME})\}}")
_WORD = re.compile(r"[a-z][a-z0-9_]*")

Values = Mapping[str, JsonValue]


def is_name(text: str) -> bool:
    """Whether something may be called that: lower-case letters, digits, underscores."""
    return _WORD.fullmatch(text) is not None


def names_in(value: JsonValue) -> Iterator[str]:
    """The names that a text asks for, or the texts within a document."""
    match value:
        case str():
            yield from (found[2] for found in _PLACE.finditer(value) if found[2])
        case list():
            for each in value:
                yield from names_in(each)
        case dict():
            for each in value.values():
                yield from names_in(each)


def filled(text: str, values: Values, *, quoted: Callable[[str], str] = str) -> str:
    """The text with its names filled in, each value put through `quoted`; KeyError for a name without a value."""
    return _PLACE.sub(lambda found: f"{{{found[1]}}}" if found[1] else quoted(as_text(values[found[2]])), text)


def filled_in(value: JsonValue, values: Values) -> JsonValue:
    """A document with its texts filled in; a text that is one name only becomes the value itself, a number say."""
    match value:
        case str():
            whole = _PLACE.fullmatch(value)
            return values[whole[2]] if whole is not None and whole[2] else filled(value, values)
        case list():
            return [filled_in(each, values) for each in value]
        case dict():
            return {key: filled_in(each, values) for key, each in value.items()}
        case _:
            return value


def literal(text: str) -> str:
    """A text that, filled in, is this one."""
    return _PLACE.sub(lambda found: found[0] if found[1] else f"{{{found[0]}}}", text)


def as_text(value: JsonValue) -> str:
    """A value as it is written into a text."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
