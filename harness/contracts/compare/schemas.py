"""A document's schemas as JSON Schema 2020-12: in one way for what is sent, in another for what is expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, cast
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from pydantic import JsonValue

from harness.errors import ContractError

Schema = Mapping[str, Any]

TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_NAMED = ("properties", "patternProperties")
_INSTANCES = ("items", "prefixItems", "additionalProperties", "contains", "unevaluatedItems")
_PARTS = ("allOf", "anyOf", "oneOf", "then", "else")
_RAW = ("not", "if", "propertyNames")
_DROPPED = ("description", "example", "examples", "title", "default", "deprecated", "xml", "externalDocs", "nullable")
_ONLY_WHOLE = ("required", "minProperties", "dependentRequired", "dependentSchemas")
"""What a consumer that reads a part of an answer can't be held to."""
_TYPE_OF = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array"}
_INT32 = 2**31
_INT64 = 2**63
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
NEVER: Schema = {"not": {}}
"""What nothing satisfies; unlike False, its errors say where."""
MAX_REFERENCES = 64
"""References that lead to references."""


def _formats() -> FormatChecker:
    """Those of JSON Schema, and those that OpenAPI adds."""
    checker = FormatChecker(formats=())
    checker.checkers = {
        **Draft202012Validator.FORMAT_CHECKER.checkers,
        "int32": (lambda value: not _whole(value) or -_INT32 <= cast("int", value) < _INT32, ()),
        "int64": (lambda value: not _whole(value) or -_INT64 <= cast("int", value) < _INT64, ()),
        "byte": (lambda value: not isinstance(value, str) or _BASE64.fullmatch(value) is not None, ()),
    }
    return checker


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FORMATS = _formats()


class Side(StrEnum):
    """Who writes what the schema is asked about."""

    SENT = "sent"
    """A request, which must be one that the provider takes."""
    EXPECTED = "expected"
    """A part of an answer, which must be one that the provider may give."""


class Schemas:
    """Schemas of one document; what a `$ref` leads to is adapted when a schema that needs it is asked for."""

    def __init__(self, document: Mapping[str, JsonValue], *, old: bool) -> None:
        self._document = document
        self._old = old
        """Whether it is OpenAPI 3.0, which has its own words for null and for bounds."""
        self._adapted: dict[tuple[str, Side], dict[str, Any]] = {}
        self._compiled: dict[tuple[int, Side], tuple[JsonValue, Draft202012Validator]] = {}

    def validator(self, schema: JsonValue, side: Side) -> Draft202012Validator:
        """For whole bodies or parameters of one side; made once for each schema."""
        known = self._compiled.get((id(schema), side))
        if known is None:
            known = self._compiled[id(schema), side] = (schema, self._compile(schema, side))
        return known[1]

    def _compile(self, schema: JsonValue, side: Side) -> Draft202012Validator:
        adapt = _Adapting(self, side)
        root = adapt.instance(schema)
        definitions: dict[str, Any] = {}
        while waiting := [each for each in adapt.wanted if each not in definitions]:
            for reference in waiting:
                definitions[reference] = self._definition(reference, adapt)
        named = {_key(reference): each for reference, each in definitions.items()}
        whole = {"allOf": [root], "$defs": named} if named else root
        return Draft202012Validator(whole, format_checker=_FORMATS)

    def _definition(self, reference: str, adapt: _Adapting) -> Any:
        key = (reference, adapt.side)
        if key not in self._adapted:
            inner = _Adapting(self, adapt.side)
            self._adapted[key] = {"schema": inner.part(self.lookup(reference)), "wanted": tuple(inner.wanted)}
        kept = self._adapted[key]
        adapt.wanted.update(dict.fromkeys(kept["wanted"]))
        return kept["schema"]

    def lookup(self, reference: str) -> JsonValue:
        """What stands at a local reference; raises ContractError when nothing does."""
        if reference == "#":
            return cast("JsonValue", self._document)
        if not reference.startswith("#/"):
            message = f"the reference {reference!r} leads out of the document, which can't be followed"
            raise ContractError(message)
        node: JsonValue = cast("JsonValue", self._document)
        for part in reference[2:].split("/"):
            step = _unquoted(part)
            match node:
                case dict() if step in node:
                    node = node[step]
                case list() if step.isdecimal() and int(step) < len(node):
                    node = node[int(step)]
                case _:
                    message = f"the reference {reference!r} leads to nothing"
                    raise ContractError(message)
        return node

    def followed(self, node: JsonValue) -> Schema:
        """What a node stands for once its references are followed; empty when that is no object."""
        for _ in range(MAX_REFERENCES):
            if not isinstance(node, dict):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self.lookup(reference)
        message = f"a reference that leads to itself: {node!r:.80}"
        raise ContractError(message)

    def parts(self, schema: JsonValue) -> Iterator[Schema]:
        """The schema itself and all that it is made of by `$ref`, allOf, anyOf and oneOf, each once."""
        waiting, seen = [schema], set()
        while waiting:
            node = waiting.pop()
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            yield node
            if isinstance(node.get("$ref"), str):
                waiting.append(self.lookup(cast("str", node["$ref"])))
            for word in ("allOf", "anyOf", "oneOf"):
                waiting.extend(cast("list[JsonValue]", node.get(word) or []))

    def types(self, schema: JsonValue, depth: int = MAX_REFERENCES) -> frozenset[str]:
        """The types of JSON that a schema allows; `integer` is allowed wherever `number` is."""
        if schema is False:
            return frozenset()
        if not isinstance(schema, dict) or depth == 0:
            return TYPES
        allowed = self._own_types(schema)
        if isinstance(schema.get("$ref"), str):
            allowed &= self.types(self.lookup(cast("str", schema["$ref"])), depth - 1)
        for each in cast("list[JsonValue]", schema.get("allOf") or []):
            allowed &= self.types(each, depth - 1)
        for word in ("anyOf", "oneOf"):
            branches = cast("list[JsonValue]", schema.get(word) or [])
            if branches:
                allowed &= frozenset().union(*(self.types(each, depth - 1) for each in branches))
        return allowed

    def _own_types(self, schema: Schema) -> frozenset[str]:
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list):
            return frozenset(_type_of(each) for each in values)
        named = schema.get("type")
        if named is None:
            return TYPES
        listed = frozenset(named if isinstance(named, list) else [named])
        if self._old and schema.get("nullable") is True:
            listed |= {"null"}
        return listed | ({"integer"} if "number" in listed else frozenset())

    def speaks_of_objects(self, schema: JsonValue) -> bool:
        """Whether a schema says which properties there are, so that others are none of the provider's promises."""
        return any(
            "properties" in part or "object" in _names(part.get("type")) or "additionalProperties" in part
            for part in self.parts(schema)
        )

    @property
    def old(self) -> bool:
        """Whether it is OpenAPI 3.0."""
        return self._old


class _Adapting:
    """One pass over one schema; collects the references that it meets."""

    def __init__(self, schemas: Schemas, side: Side) -> None:
        self._schemas = schemas
        self.side = side
        self.wanted: dict[str, None] = {}

    def instance(self, schema: JsonValue) -> Any:
        """A schema of a whole value: where an answer's object is expected, what isn't declared is not promised."""
        adapted = self.part(schema)
        if self.side is Side.EXPECTED and isinstance(adapted, dict) and self._schemas.speaks_of_objects(schema):
            return {**adapted, "unevaluatedProperties": False}
        return adapted

    def part(self, schema: JsonValue, *, raw: bool = False) -> Any:
        """A schema that says a part of what holds of a value; `raw` ones ask a question that must not be eased."""
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            self.wanted[reference] = None
            local = {"$ref": f"#/$defs/{_key(reference)}"}
            if self._schemas.old:
                return local
            rest = {word: each for word, each in schema.items() if word != "$ref"}
            return {**local, **self.part(rest, raw=raw)}
        adapted = {word: self._word(word, each, raw=raw) for word, each in schema.items() if word not in _DROPPED}
        if self.side is Side.EXPECTED and not raw:
            self._ease(adapted, schema)
        self._forget_other_side(adapted, schema)
        return self._modern(adapted, schema) if self._schemas.old else adapted

    def _word(self, word: str, value: JsonValue, *, raw: bool) -> Any:
        if word in _RAW:
            return self.part(value, raw=True)
        if word in _PARTS:
            return self._each(value, lambda each: self.part(each, raw=raw))
        if word in _INSTANCES:
            return self._each(value, lambda each: self.part(each, raw=True) if raw else self.instance(each))
        if word in _NAMED and isinstance(value, dict):
            return {name: self._word("items", each, raw=raw) for name, each in value.items()}
        return value

    def _each(self, value: JsonValue, adapt: Callable[[JsonValue], Any]) -> Any:
        return [adapt(each) for each in value] if isinstance(value, list) else adapt(value)

    def _ease(self, adapted: dict[str, Any], schema: Schema) -> None:
        for word in _ONLY_WHOLE:
            adapted.pop(word, None)
        if adapted.get("additionalProperties") is True:
            del adapted["additionalProperties"]
        branches = adapted.pop("oneOf", None)
        if branches is not None:
            tagged = self._tagged(branches, schema)
            adapted["allOf"] = [*adapted.get("allOf", []), {"anyOf": tagged}]

    def _tagged(self, branches: list[Any], schema: Schema) -> list[Any]:
        """Branches of a oneOf; a discriminator that is expected chooses among them."""
        discriminator = schema.get("discriminator")
        if not isinstance(discriminator, dict) or not isinstance(discriminator.get("propertyName"), str):
            return branches
        tag = discriminator["propertyName"]
        mapping = cast("dict[str, str]", discriminator.get("mapping") or {})
        tagged = []
        for branch, original in zip(branches, schema["oneOf"], strict=True):
            reference = original.get("$ref") if isinstance(original, dict) else None
            if not isinstance(reference, str):
                tagged.append(branch)
                continue
            name = reference.rsplit("/", 1)[-1]
            values = [value for value, to in mapping.items() if to in {reference, name}] or [name]
            tagged.append({"allOf": [branch, {"properties": {tag: {"enum": values}}}]})
        return tagged

    def _forget_other_side(self, adapted: dict[str, Any], schema: Schema) -> None:
        """What is only read is not sent, and what is only written is never answered."""
        mark = "readOnly" if self.side is Side.SENT else "writeOnly"
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return
        hidden = {name for name, each in properties.items() if self._schemas.followed(each).get(mark) is True}
        if "required" in adapted and hidden:
            adapted["required"] = [name for name in adapted["required"] if name not in hidden]
        if self.side is Side.EXPECTED:
            adapted["properties"] = {
                name: NEVER if name in hidden else each for name, each in adapted["properties"].items()
            }

    def _modern(self, adapted: dict[str, Any], schema: Schema) -> dict[str, Any]:
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if adapted.get(exclusive) is True and bound in adapted:
                adapted[exclusive] = adapted.pop(bound)
            elif isinstance(adapted.get(exclusive), bool):
                del adapted[exclusive]
        if schema.get("nullable") is True and "type" in schema:
            adapted["type"] = [schema["type"], "null"]  # beside an enum, null must be in that too
        return adapted


def _names(named: object) -> list[object]:
    return named if isinstance(named, list) else [named]


def _type_of(value: object) -> str:
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return _TYPE_OF.get(type(value), "object")


def _key(reference: str) -> str:
    """A name that needs no escaping in a pointer, and is another for another reference."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"-{ord(found[0]):x}-", reference)


def _unquoted(part: str) -> str:
    return unquote(part).replace("~1", "/").replace("~0", "~")
