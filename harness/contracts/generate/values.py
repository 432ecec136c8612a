"""Values that a schema permits and that a program may not expect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from harness.contracts.generate.facts import Facts, Schema, Schemas
from harness.model.changes import Twist

LONGEST = 4096
"""Characters of a text whose schema sets no limit."""
UNUSUAL = (
    "Zoë O'Brien-日本 \u202eabc\u202c 🦄 <b>&amp;\"'\\ \u007f",
    "Zoë O'Brien-日本 🦄 <b>&amp;\"'\\",
    "Zoë O'Brien 日本",
)
"""The boldest first: a pattern may refuse it."""
UNHEARD = ("something-new", "SOMETHING_NEW", "somethingnew", "SOMETHINGNEW")
_FILLERS = ("long ", "x", "X", "7")
BIGGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1}
BIG, BROKEN = 2**53 - 1, 0.1 + 0.2
CODE = re.compile(r"[A-Za-z][A-Za-z_-]{1,24}")
"""What looks like a word of a small vocabulary, whether or not the schema lists it."""
DEPTH = 6
_DATES = {
    "date-time": ("2031-12-31T23:59:59.999999+14:00", "1969-12-31T23:59:59Z"),
    "date": ("2032-02-29", "1969-12-31"),
}
_FORMATS = {
    "date-time": "2031-01-01T00:00:00Z",
    "date": "2031-01-01",
    "uuid": "7f2c1f3e-1d2b-4c5a-9e8f-0123456789ab",
    "email": "someone@example.org",
    "uri": "https://example.org/",
}


def texts(facts: Facts, value: str) -> Iterator[tuple[Twist, JsonValue]]:
    """Other texts than `value` in its place."""
    kind = facts.keywords.get("format")
    if kind in _DATES:
        yield from ((Twist.VALUE, each) for each in _DATES[kind])
        return
    if facts.enum or CODE.fullmatch(value):
        yield from ((Twist.VALUE, each) for each in UNHEARD)
    if facts.enum or kind is not None:
        return
    limit = int(facts.number("maxLength") or LONGEST)
    yield from ((Twist.LONGEST, (filler * (limit // len(filler) + 1))[:limit]) for filler in _FILLERS)
    yield from ((Twist.UNICODE, each[:limit]) for each in UNUSUAL)
    yield Twist.BLANK, ""


def is_variant(twist: Twist, value: JsonValue) -> bool:
    """Whether this is one of several of which one is enough."""
    return twist in {Twist.LONGEST, Twist.UNICODE} or (twist is Twist.VALUE and value in UNHEARD)


def numbers(facts: Facts, value: float) -> Iterator[tuple[Twist, JsonValue]]:
    """Other numbers than `value` in its place."""
    whole = isinstance(value, int) and "number" not in facts.types
    least, most = facts.number("minimum"), facts.number("maximum")
    above, below = facts.number("exclusiveMinimum"), facts.number("exclusiveMaximum")
    biggest = BIGGEST.get(str(facts.keywords.get("format")), BIG)
    big = most if most is not None else (below - 1 if below is not None else biggest)
    yield Twist.BIG, int(big) if whole else big
    small = least if least is not None else (above + 1 if above is not None else -1)
    yield Twist.SMALL, int(small) if whole else small
    if not whole:
        yield Twist.VALUE, BROKEN


class Inventing:
    """Invents a value for a member that nobody has sent."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def value(self, stated: list[Schema], depth: int = DEPTH) -> JsonValue:
        """Something that the schemas may permit; whoever uses it validates it."""
        stated = [each for schema in stated for each in (schema, *self._first_alternative(schema))]
        facts = self._schemas.facts(stated, None)
        for given in (*facts.examples, *facts.enum):
            return given
        kinds = facts.types - {"null"}
        if not depth or (not kinds and not facts.properties):
            return None if "null" in facts.types else "new"
        return self._of_kind("object" if facts.properties else min(kinds), facts, depth - 1)

    def _of_kind(self, kind: str, facts: Facts, depth: int) -> JsonValue:
        match kind:
            case "object":
                return {name: self.value(facts.properties.get(name, []), depth) for name in sorted(facts.required)}
            case "array":
                return [self.value(facts.items, depth) for _ in range(int(facts.number("minItems") or 0))]
            case "string":
                text = _FORMATS.get(str(facts.keywords.get("format")), "new")
                return text.ljust(int(facts.number("minLength") or 0), "x")
            case "integer" | "number":
                return facts.number("minimum") or 1
            case _:
                return True

    def _first_alternative(self, schema: Schema) -> list[Any]:
        alternatives = [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
        return [each for each in alternatives if each.get("type") != "null"][:1]
