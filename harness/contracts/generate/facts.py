"""What the schemas that apply at one place of a document say together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from jsonschema import Draft202012Validator
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable

from harness.contracts.conformance import DOCUMENT

Schema = Mapping[str, Any]
REFERENCES_LIMIT = 32
"""How many references may lead to one another."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is said of a place. It is read generously: what comes of it is validated."""

    types: frozenset[str] = frozenset()
    """Empty when nothing is said."""
    properties: dict[str, list[Schema]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    others: list[Schema] = field(default_factory=list)
    """Of members that are not named."""
    closed: bool = False
    """No others may be there."""
    items: list[Schema] = field(default_factory=list)
    enum: list[JsonValue] = field(default_factory=list)
    examples: list[JsonValue] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    """`maxLength`, `minimum`, `format` and the like."""

    def number(self, keyword: str) -> int | float | None:
        """A keyword whose value is a number."""
        found = self.keywords.get(keyword)
        return found if isinstance(found, int | float) and not isinstance(found, bool) else None


class Schemas:
    """Follows the references of schemas."""

    def __init__(self, registry: Registry[Any]) -> None:
        self._registry = registry

    def facts(self, schemas: Sequence[Schema], value: JsonValue) -> Facts:
        """What the schemas say where `value` stands: of alternatives, only those that it fits count."""
        facts = Facts()
        for schema in schemas:
            for each in self._flat(schema, value, REFERENCES_LIMIT):
                _gather(facts, each)
        return facts

    def _flat(self, schema: object, value: JsonValue, depth: int) -> Iterator[Schema]:
        if not isinstance(schema, Mapping) or depth == 0:
            return
        yield schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield from self._flat(self._looked_up(reference), value, depth - 1)
        for each in _list(schema.get("allOf")):
            yield from self._flat(each, value, depth - 1)
        for each in (*_list(schema.get("anyOf")), *_list(schema.get("oneOf"))):
            if self.fits(each, value):
                yield from self._flat(each, value, depth - 1)

    def fits(self, schema: object, value: JsonValue) -> bool:
        """Whether a value is valid by a schema; not by one that refers to what is not there.

        A pattern that Python can't read refuses nothing.
        """
        validator = Draft202012Validator(cast("Any", _absolute(schema)), registry=self._registry)
        try:
            return validator.is_valid(value)
        except Unresolvable:
            return False
        except re.error:
            return True

    def _looked_up(self, reference: str) -> object:
        whole = DOCUMENT + reference if reference.startswith("#") else reference
        try:
            return self._registry.resolver().lookup(whole).contents
        except Unresolvable:
            return None


_KEYWORDS = (
    *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems", "uniqueItems", "multipleOf", "minProperties"),
)


def _gather(facts: Facts, schema: Schema) -> None:
    kinds = schema.get("type")
    if kinds is not None:
        facts.types |= frozenset([kinds] if isinstance(kinds, str) else kinds)
    for name, each in (schema.get("properties") or {}).items():
        facts.properties.setdefault(name, []).append(each)
    facts.required |= set(_list(schema.get("required")))
    others = schema.get("additionalProperties")
    facts.closed = facts.closed or others is False or schema.get("unevaluatedProperties") is False
    facts.others += [others] if isinstance(others, Mapping) and others else []
    facts.items += [schema["items"]] if isinstance(schema.get("items"), Mapping) else []
    facts.enum += [*_list(schema.get("enum")), *_list(schema.get("x-extensible-enum"))]
    facts.enum += [schema["const"]] if "const" in schema else []
    facts.examples += [schema[name] for name in ("example", "default") if name in schema]
    facts.examples += _list(schema.get("examples"))
    facts.keywords |= {name: schema[name] for name in _KEYWORDS if name in schema}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _absolute(node: object) -> object:
    """A schema whose references mean the document, wherever it is used."""
    if isinstance(node, list):
        return [_absolute(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    found = {key: _absolute(value) for key, value in node.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        found["$ref"] = DOCUMENT + reference
    return found
