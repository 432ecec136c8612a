"""What the texts of parameters and headers stand for, by the style in which they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from pydantic import JsonValue

from harness.contracts.compare.document import Parameter
from harness.contracts.compare.schemas import Schemas, Side

_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SEPARATORS = {"form": ",", "simple": ",", "spaceDelimited": " ", "pipeDelimited": "|", "label": ".", "matrix": ","}


class Unwritten(Exception):  # noqa: N818 -- not trouble of ours: the style does not write it so
    """The text is not one that the style makes; the message says why."""


def query_value(parameter: Parameter, query: Mapping[str, Sequence[str]], schemas: Schemas) -> JsonValue | None:
    """The value of a query parameter; None when it is not sent.

    Raises:
        Unwritten: when it is written in another style.
    """
    types = schemas.types(parameter.schema)
    if parameter.style == "deepObject":
        prefix = f"{parameter.name}["
        members = {name[len(prefix) : -1]: each[0] for name, each in query.items() if name.startswith(prefix)}
        return _object(members, parameter.schema, schemas) if members else None
    exploded = parameter.style == "form" and parameter.explode and not parameter.media
    if exploded and "object" in types and "string" not in types:
        names = _properties(parameter.schema, schemas)
        members = {name: each[0] for name, each in query.items() if name in names and each}
        return _object(members, parameter.schema, schemas) if members else None
    sent = query.get(parameter.name)
    if sent is None:
        return None
    if "array" in types and not parameter.media and parameter.explode:
        return [_typed(each, _items(parameter.schema, schemas), schemas) for each in sent]
    if len(sent) != 1:
        raise Unwritten(f"it is sent {len(sent)} times, where style {parameter.style} writes it once")
    return text_value(parameter, sent[0], schemas)


def text_value(parameter: Parameter, text: str, schemas: Schemas) -> JsonValue:
    """The value of a parameter that is written as one text; raises Unwritten."""
    if parameter.media:
        try:
            parsed: JsonValue = json.loads(text)
        except ValueError as error:
            raise Unwritten(f"it is no {parameter.media}: {error}") from None
        return parsed
    if parameter.where == "path":
        text = _unprefixed(parameter, text)
    types = schemas.types(parameter.schema)
    separator = _SEPARATORS.get(parameter.style, ",")
    if "array" in types and "string" not in types:
        return [_typed(each, _items(parameter.schema, schemas), schemas) for each in text.split(separator)]
    if "object" in types and "string" not in types:
        parts = text.split(separator)
        if parameter.explode:
            members = dict(each.partition("=")[::2] for each in parts)
        else:
            members = {name: value for at, (name, value) in enumerate(pairwise(parts)) if at % 2 == 0}
        return _object(members, parameter.schema, schemas)
    return _typed(text, parameter.schema, schemas)


def form_value(fields: Mapping[str, Sequence[str]], schema: JsonValue, schemas: Schemas) -> JsonValue:
    """A body that is written as a query is."""
    value: dict[str, JsonValue] = {}
    for name, texts in fields.items():
        inner = _property(schema, name, schemas)
        if "array" in schemas.types(inner) and inner is not True:
            value[name] = [_typed(each, _items(inner, schemas), schemas) for each in texts]
        else:
            value[name] = _typed(texts[-1], inner, schemas)
    return value


def header_value(text: str, schema: JsonValue, schemas: Schemas) -> JsonValue:
    """The value of a header, whose style is always simple."""
    return text_value(
        Parameter(name="", where="header", required=False, style="simple", explode=False, schema=schema, media=""),
        text,
        schemas,
    )


def _unprefixed(parameter: Parameter, text: str) -> str:
    if parameter.style == "label":
        return text.removeprefix(".")
    if parameter.style == "matrix":
        return text.removeprefix(f";{parameter.name}=")
    return text


def _object(members: Mapping[str, str], schema: JsonValue, schemas: Schemas) -> JsonValue:
    return {name: _typed(text, _property(schema, name, schemas), schemas) for name, text in members.items()}


def _typed(text: str, schema: JsonValue, schemas: Schemas) -> JsonValue:
    """The first of the values that a text may stand for which the schema takes; the text when it takes none."""
    validator = schemas.validator(schema, Side.SENT)
    return next((each for each in _candidates(text, schemas.types(schema)) if validator.is_valid(each)), text)


def _candidates(text: str, types: frozenset[str]) -> Iterator[JsonValue]:
    if "string" in types:
        yield text
    if "integer" in types and _INTEGER.fullmatch(text):
        yield int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        yield float(text)
    if "boolean" in types and text in {"true", "false"}:
        yield text == "true"
    if "null" in types and text in {"", "null"}:
        yield None


def _properties(schema: JsonValue, schemas: Schemas) -> frozenset[str]:
    return frozenset(name for part in schemas.parts(schema) for name in part.get("properties") or ())


def _property(schema: JsonValue, name: str, schemas: Schemas) -> JsonValue:
    for part in schemas.parts(schema):
        properties = part.get("properties")
        if isinstance(properties, dict) and name in properties:
            found: JsonValue = properties[name]
            return found
    return True


def _items(schema: JsonValue, schemas: Schemas) -> JsonValue:
    for part in schemas.parts(schema):
        if "items" in part:
            found: JsonValue = part["items"]
            return found
    return True
