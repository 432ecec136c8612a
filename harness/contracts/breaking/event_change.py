"""What changed between two JSON Schemas of an event, seen by those who read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from harness.contracts.breaking.change import Change, Direction, Level
from harness.contracts.compare.events import EventSchema
from harness.contracts.compare.schemas import Schema, Schemas

MAX_DEPTH = 24
"""Levels of a schema; one that contains itself is left there."""

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_PARTS = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    schemas: Schemas
    schema: Schema


def changes_of(old: EventSchema, new: EventSchema) -> tuple[Change, ...]:
    """All changes; what a producer may write now that it might not before is for its readers to cope with."""
    found = list(_headers(old, new))
    sides = (
        _Side(schemas=old.schemas, schema=cast("Schema", old.document)),
        _Side(schemas=new.schemas, schema=cast("Schema", new.document)),
    )
    found += _Comparing(old.name).compared(*sides, ())
    return tuple(dict.fromkeys(found))


def _headers(old: EventSchema, new: EventSchema) -> Iterator[Change]:
    for rule, before, after in (
        ("event-subject-changed", old.subject, new.subject),
        ("event-producer-changed", old.producer, new.producer),
        ("event-renamed", old.name, new.name),
    ):
        if before != after:
            what = rule.removeprefix("event-").replace("-", " ")
            level = Level.BREAKING if rule == "event-subject-changed" else Level.RISKY
            yield Change(
                rule=rule,
                level=level,
                text=f"{what}: from {before!r} to {after!r}",
                operation=old.name,
                direction=Direction.RESPONSE,
            )


class _Comparing:
    def __init__(self, event: str) -> None:
        self._event = event

    def compared(self, old: _Side, new: _Side, at: tuple[str, ...]) -> Iterator[Change]:
        """All that changed here and below."""
        if len(at) > MAX_DEPTH:
            return
        yield from self._types(old, new, at)
        yield from self._values(old, new, at)
        yield from self._words(old, new, at)
        yield from self._bounds(old, new, at)
        yield from self._properties(old, new, at)
        before, after = _items(old), _items(new)
        if before is not None and after is not None:
            yield from self.compared(_of(old, before), _of(new, after), at)

    def _change(self, rule: str, level: Level, at: tuple[str, ...], text: str, value: str = "") -> Change:
        where = ".".join(at) or "the event"
        return Change(
            rule=f"event-{rule}",
            level=level,
            text=f"{where}: {text}",
            operation=self._event,
            direction=Direction.RESPONSE,
            names=at,
            value=value,
        )

    def _types(self, old: _Side, new: _Side, at: tuple[str, ...]) -> Iterator[Change]:
        before, after = _allowed(old), _allowed(new)
        if before == after:
            return
        words = f"type {_types(before)} became {_types(after)}"
        if after < before:
            yield self._change("type-narrowed", Level.SAFE, at, words)
        elif after > before:
            yield self._change("type-widened", Level.BREAKING, at, words)
        else:
            yield self._change("type-changed", Level.BREAKING, at, words)

    def _values(self, old: _Side, new: _Side, at: tuple[str, ...]) -> Iterator[Change]:
        before, after = _listed(old), _listed(new)
        if before == after:
            return
        if before is None:
            yield self._change("enum-added", Level.SAFE, at, "its values are listed now")
        elif after is None:
            yield self._change("enum-removed", Level.RISKY, at, "its values are no longer listed")
        else:
            for value in sorted(after - before):
                yield self._change("enum-value-added", Level.RISKY, at, f"new value {value}", json.loads(value))
            for value in sorted(before - after):
                yield self._change("enum-value-removed", Level.SAFE, at, f"value {value} is gone")

    def _words(self, old: _Side, new: _Side, at: tuple[str, ...]) -> Iterator[Change]:
        for word in ("format", "pattern"):
            before, after = _said(old, word), _said(new, word)
            if before == after:
                continue
            if not before:
                yield self._change(f"{word}-added", Level.SAFE, at, f"{word} {_shown(after)} is new")
            elif not after:
                yield self._change(f"{word}-removed", Level.RISKY, at, f"{word} {_shown(before)} is gone")
            else:
                level = Level.BREAKING if word == "format" else Level.RISKY
                yield self._change(f"{word}-changed", level, at, f"{word} {_shown(before)} became {_shown(after)}")

    def _bounds(self, old: _Side, new: _Side, at: tuple[str, ...]) -> Iterator[Change]:
        for words, wider in ((_LOWER, -1), (_UPPER, 1)):
            for word in words:
                before, after = _bound(old, word), _bound(new, word)
                if before == after:
                    continue
                widened = before is not None and (after is None or (after - before) * wider > 0)
                rule = f"{'wider' if widened else 'narrower'}-{word}"
                level = Level.RISKY if widened else Level.SAFE
                yield self._change(rule, level, at, f"{word} {_none(before)} became {_none(after)}")

    def _properties(self, old: _Side, new: _Side, at: tuple[str, ...]) -> Iterator[Change]:
        before, after = _properties(old), _properties(new)
        required_before, required_after = _required(old), _required(new)
        for name in sorted(before.keys() - after.keys()):
            level = Level.BREAKING if name in required_before else Level.RISKY
            kind = "required" if name in required_before else "optional"
            yield self._change(f"{kind}-property-removed", level, (*at, name), f"{kind} property is gone")
        for name in sorted(after.keys() - before.keys()):
            level = Level.RISKY if _closed(old) else Level.SAFE
            words = "property is new" + (", and who validates by the old schema refuses it" if _closed(old) else "")
            yield self._change("property-added", level, (*at, name), words)
        for name in sorted(before.keys() & after.keys()):
            if name in required_before - required_after:
                yield self._change("property-became-optional", Level.BREAKING, (*at, name), "may be missing now")
            elif name in required_after - required_before:
                yield self._change("property-became-required", Level.SAFE, (*at, name), "is always there now")
            yield from self.compared(_of(old, before[name]), _of(new, after[name]), (*at, name))
        if _closed(old) and not _closed(new):
            yield self._change("additional-properties-allowed", Level.RISKY, at, "may have other properties now")
        if (before or after) and _closed(new) and not _closed(old):
            yield self._change("additional-properties-refused", Level.SAFE, at, "has no other properties any more")


def _of(side: _Side, schema: JsonValue) -> _Side:
    return _Side(schemas=side.schemas, schema=schema if isinstance(schema, dict) else {})


def _own(side: _Side) -> Iterator[Schema]:
    """The schema itself, what it refers to, and all its parts."""
    return side.schemas.parts(cast("JsonValue", side.schema))


def _allowed(side: _Side) -> frozenset[str]:
    return side.schemas.types(cast("JsonValue", side.schema))


def _properties(side: _Side) -> Mapping[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for part in _own(side):
        declared = part.get("properties")
        found = {**(declared if isinstance(declared, dict) else {}), **found}
    return found


def _required(side: _Side) -> frozenset[str]:
    """Required in whatever branch is taken: of alternatives, what all of them require."""
    return _required_by(side, side.schema, MAX_DEPTH)


def _required_by(side: _Side, schema: Schema, depth: int) -> frozenset[str]:
    found = frozenset(cast("list[str]", schema.get("required") or []))
    if depth == 0:
        return found
    if isinstance(schema.get("$ref"), str):
        found |= _required_by(side, side.schemas.followed(cast("JsonValue", {"$ref": schema["$ref"]})), depth - 1)
    for word in _PARTS:
        branches = [_required_by(side, each, depth - 1) for each in schema.get(word) or () if isinstance(each, dict)]
        if branches:
            found |= frozenset.union(*branches) if word == "allOf" else frozenset.intersection(*branches)
    return found


def _items(side: _Side) -> JsonValue | None:
    return next((cast("JsonValue", part["items"]) for part in _own(side) if "items" in part), None)


def _closed(side: _Side) -> bool:
    return any(
        part.get("additionalProperties") is False or part.get("unevaluatedProperties") is False for part in _own(side)
    )


def _listed(side: _Side) -> frozenset[str] | None:
    """The values, as JSON, when all are listed."""
    found: set[str] = set()
    for part in _own(side):
        if "const" in part:
            found.add(json.dumps(part["const"], sort_keys=True))
        found |= {json.dumps(each, sort_keys=True) for each in part.get("enum") or ()}
    return frozenset(found) or None


def _said(side: _Side, word: str) -> frozenset[str]:
    return frozenset(str(part[word]) for part in _own(side) if word in part)


def _bound(side: _Side, word: str) -> float | None:
    return next((float(part[word]) for part in _own(side) if isinstance(part.get(word), (int, float))), None)


def _types(types: frozenset[str]) -> str:
    shown = types - {"integer"} if "number" in types else types
    return " or ".join(sorted(shown)) or "nothing"


def _shown(words: frozenset[str]) -> str:
    return " and ".join(sorted(words))


def _none(bound: float | None) -> str:
    return "none" if bound is None else f"{bound:g}"
