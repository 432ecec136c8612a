"""Whether matching rules ask for what a schema allows: a rule says more than the one example that stands beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import JsonValue

from harness.contracts.compare.expectation import Matcher
from harness.contracts.compare.schemas import Schema, Schemas

_ASKED: Mapping[str, frozenset[str]] = {
    "regex": frozenset({"string", "integer", "number", "boolean"}),
    "integer": frozenset({"integer"}),
    "decimal": frozenset({"number"}),
    "number": frozenset({"integer", "number"}),
    "boolean": frozenset({"boolean"}),
    "null": frozenset({"null"}),
    "date": frozenset({"string"}),
    "time": frozenset({"string"}),
    "timestamp": frozenset({"string"}),
    "datetime": frozenset({"string"}),
    "include": frozenset({"string"}),
    "semver": frozenset({"string"}),
    "arrayContains": frozenset({"array"}),
    "eachKey": frozenset({"object"}),
    "eachValue": frozenset({"object", "array"}),
    "values": frozenset({"object"}),
    "notEmpty": frozenset({"string", "array", "object"}),
}
"""Of which types one must be allowed where the rule stands."""

_MOMENTS: Mapping[str, frozenset[str]] = {
    "date": frozenset({"date"}),
    "time": frozenset({"time"}),
    "timestamp": frozenset({"date-time"}),
    "datetime": frozenset({"date-time"}),
}
"""Of the formats of moments, those that a rule's values have."""
_FORMATS_OF_MOMENTS = frozenset({"date", "time", "date-time"})


def rule_problems(matchers: Iterable[Matcher], schema: JsonValue, schemas: Schemas) -> Iterator[tuple[Matcher, str]]:
    """Each rule that asks for what the schema can't give, and why."""
    for matcher in matchers:
        found = reach(schema, matcher.path, schemas)
        if not found:
            continue  # the example tells that nothing is declared there
        for check in _CHECKS:
            message = check(matcher, found, schemas)
            if message:
                yield matcher, message
                break


def reach(schema: JsonValue, path: Iterable[str], schemas: Schemas) -> tuple[JsonValue, ...]:
    """All schemas that may speak of the value at a path; none when nothing is declared there."""
    found: tuple[JsonValue, ...] = (schema,)
    for step in path:
        found = tuple(inner for each in found for inner in _inside(each, step, schemas))
    return found


def _inside(schema: JsonValue, step: str, schemas: Schemas) -> Iterator[JsonValue]:
    if schema is True:
        yield True
    for part in schemas.parts(schema):
        properties = part.get("properties")
        declared = properties if isinstance(properties, dict) else {}
        if step in declared:
            yield declared[step]
        elif step == "*":
            yield from declared.values()
        for pattern, inner in (part.get("patternProperties") or {}).items():
            if step == "*" or re.search(pattern, step):
                yield inner
        if step not in declared and isinstance(part.get("additionalProperties"), dict):
            yield part["additionalProperties"]
        if step == "*" or step.isdecimal():
            yield from part.get("prefixItems") or ()
            if isinstance(part.get("items"), dict):
                yield part["items"]


def _type(matcher: Matcher, found: tuple[JsonValue, ...], schemas: Schemas) -> str:
    asked = _ASKED.get(matcher.kind)
    if asked is None:
        return ""
    allowed = frozenset().union(*(schemas.types(each) for each in found))
    if asked & allowed:
        return ""
    return f"the pact matches any {matcher.kind} here, the document allows {_listed(allowed)}"


def _moment(matcher: Matcher, found: tuple[JsonValue, ...], schemas: Schemas) -> str:
    wanted = _MOMENTS.get(matcher.kind)
    if wanted is None:
        return ""
    formats = {str(part["format"]) for each in found for part in schemas.parts(each) if "format" in part}
    moments = formats & _FORMATS_OF_MOMENTS
    if not moments or moments & wanted:
        return ""
    return f"the pact matches any {matcher.kind} here, the document says format {_listed(moments)}"


def _regex(matcher: Matcher, found: tuple[JsonValue, ...], schemas: Schemas) -> str:
    """Where the document lists all values, one of them must match."""
    if matcher.kind != "regex":
        return ""
    try:
        pattern = re.compile(str(matcher.options.get("regex", "")))
    except re.error:
        return ""  # the words of other languages' expressions are not all ours
    listed = [each for one in found for each in _values(one, schemas)]
    if not listed or any(pattern.search(_text(each)) for each in listed):
        return ""
    return f"no value that the document allows ({_listed(map(_text, listed))}) matches {pattern.pattern!r}"


def _length(matcher: Matcher, found: tuple[JsonValue, ...], schemas: Schemas) -> str:
    """A range of lengths that the pact asks for must meet that of the document."""
    fewest, most = matcher.options.get("min"), matcher.options.get("max")
    for part in (part for each in found for part in schemas.parts(each)):
        top, bottom = part.get("maxItems"), part.get("minItems")
        if isinstance(fewest, int) and isinstance(top, int) and top < fewest:
            return f"the pact asks for at least {fewest} elements, the document allows at most {top}"
        if isinstance(most, int) and isinstance(bottom, int) and bottom > most:
            return f"the pact asks for at most {most} elements, the document has at least {bottom}"
    return ""


def _keys(matcher: Matcher, found: tuple[JsonValue, ...], schemas: Schemas) -> str:
    """Where the pact matches any keys, the document must not list them all."""
    if matcher.kind not in {"eachKey", "values"}:
        return ""
    parts = [part for each in found for part in schemas.parts(each)]
    if any(_is_open(part) for part in parts) or not any("properties" in part for part in parts):
        return ""
    return "the pact matches any keys here, the document lists all that there are"


def _is_open(part: Schema) -> bool:
    return part.get("additionalProperties", False) is not False or "patternProperties" in part


def _values(schema: JsonValue, schemas: Schemas) -> Iterator[JsonValue]:
    for part in schemas.parts(schema):
        if "const" in part:
            yield part["const"]
        yield from part.get("enum") or ()


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(words: Iterable[str]) -> str:
    return " or ".join(sorted(words)) or "nothing"


_CHECKS: tuple[Callable[[Matcher, tuple[JsonValue, ...], Schemas], str], ...] = (
    _type,
    _moment,
    _regex,
    _length,
    _keys,
)
