"""The plainest value that a schema allows: its example where it has one, else something made up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

DEPTH_LIMIT = 12
"""Levels of a schema; what is deeper is left out."""
REFERENCES_LIMIT = 20
"""References that lead to references."""
_WHERE = "urn:document"
_FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "somebody@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "hostname": "example.org",
}
_TRIED = (
    *_FORMATS.values(), "a", "A", "0", "1", "aaaaaaaa", "00000000", "a-1", "A1", "EUR", "sku-0001", "A" * 43,
    "0" * 32, "0" * 64, "1.0.0", "/", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.000Z",
)  # fmt: skip
"""Texts that fit many a pattern."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Makes values for the schemas of one OpenAPI document."""

    document: Mapping[str, JsonValue]

    def resolved(self, node: JsonValue) -> Mapping[str, JsonValue]:
        """A part of the document, references within it followed; empty when they lead nowhere."""
        for _ in range(REFERENCES_LIMIT):
            found = node if isinstance(node, dict) else {}
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            if not reference.startswith("#/"):
                return {}
            node = dict(self.document)
            for part in reference[2:].split("/"):
                node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        return {}

    def value(self, schema: JsonValue) -> tuple[JsonValue, str]:
        """A value, and what is wrong with it by its schema: empty when nothing is."""
        value = self._value(schema, DEPTH_LIMIT)
        return value, self._wrong(schema, value)

    def _wrong(self, schema: JsonValue, value: JsonValue) -> str:
        resource = DRAFT202012.create_resource(dict(self.document))
        registry: Registry[Any] = Registry().with_resource(_WHERE, resource)
        absolute = _absolute(schema)
        whole = absolute if isinstance(absolute, dict | bool) else {}
        try:
            Draft202012Validator.check_schema(whole)
            error = next(iter(Draft202012Validator(whole, registry=registry).iter_errors(value)), None)
        except (SchemaError, Unresolvable, re.error) as broken:
            return str(broken).splitlines()[0]
        return "" if error is None else f"{error.json_path}: {error.message}"

    def _value(self, node: JsonValue, depth: int) -> JsonValue:
        schema = self.resolved(node)
        told = [schema[key] for key in ("example", "const", "default") if schema.get(key) is not None]
        told += [listed[0] for key in ("examples", "enum") if (listed := _items(schema.get(key)))]
        if told:
            return told[0]
        if not depth:
            return None
        for key in ("anyOf", "oneOf"):
            if choices := _items(schema.get(key)):
                return self._value(choices[0], depth - 1)
        if "allOf" in schema:
            parts = [self._value(each, depth - 1) for each in _items(schema["allOf"])]
            objects = [each for each in parts if isinstance(each, dict)]
            own = self._object(schema, depth) if "properties" in schema else {}
            return {key: value for each in (*objects, own) for key, value in each.items()} if objects else parts[0]
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, JsonValue], depth: int) -> JsonValue:
        kinds = schema.get("type", "object" if "properties" in schema else "string" if "pattern" in schema else None)
        kind = next((each for each in kinds if each != "null"), None) if isinstance(kinds, list) else kinds
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                least = schema.get("minItems")
                count = least if isinstance(least, int) else 0
                return [self._value(schema.get("items"), depth - 1) for _ in range(min(count, DEPTH_LIMIT))]
            case "string":
                return _text(schema)
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return False
            case _:
                return None

    def _object(self, schema: Mapping[str, JsonValue], depth: int) -> dict[str, JsonValue]:
        """What is required, and what has an example."""
        properties = schema.get("properties")
        required = _items(schema.get("required"))
        made: dict[str, JsonValue] = {}
        for name, each in properties.items() if isinstance(properties, dict) else ():
            inner = self.resolved(each)
            if inner.get("writeOnly") is not True and (name in required or _tells(inner)):
                made[name] = self._value(each, depth - 1)
        return made


def _tells(schema: Mapping[str, JsonValue]) -> bool:
    return any(schema.get(key) for key in ("example", "examples"))


def _text(schema: Mapping[str, JsonValue]) -> str:
    least, most, pattern = schema.get("minLength"), schema.get("maxLength"), schema.get("pattern")
    form = _FORMATS.get(str(schema.get("format", "")))

    def fits(text: str) -> bool:
        long_enough = len(text) >= (least if isinstance(least, int) else 0)
        short_enough = len(text) <= (most if isinstance(most, int) else len(text))
        return long_enough and short_enough and _matches(pattern, text)

    longest = "a" * least if isinstance(least, int) else ""
    tried: tuple[str, ...] = (form,) if form else ("text", longest, *_TRIED)
    return next((each for each in tried if fits(each)), tried[0])


def _matches(pattern: JsonValue, text: str) -> bool:
    try:
        return not isinstance(pattern, str) or re.search(pattern, text) is not None
    except re.error:
        return True


def _number(schema: Mapping[str, JsonValue]) -> int | float:
    for key, step in (("minimum", 0), ("exclusiveMinimum", 1)):
        least = schema.get(key)
        if isinstance(least, int | float) and not isinstance(least, bool) and least + step > 0:
            whole = least + step
            return int(whole) if whole == int(whole) else whole
    most = schema.get("maximum")
    return most if isinstance(most, int | float) and most < 0 else 0


def _absolute(node: JsonValue) -> JsonValue:
    """A schema whose references name the document."""
    match node:
        case dict():
            return {
                key: f"{_WHERE}{each}" if key == "$ref" and isinstance(each, str) else _absolute(each)
                for key, each in node.items()
            }
        case list():
            return [_absolute(each) for each in node]
        case _:
            return node


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def media_types(content: JsonValue) -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    """The media types of an answer, those of JSON first."""
    found = content if isinstance(content, dict) else {}
    for kind in sorted(found, key=lambda each: "json" not in each):
        media = found[kind]
        yield kind, media if isinstance(media, dict) else {}
