"""Whether a body is one that a schema speaks of, with what the matching rules say of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from jsonschema.exceptions import ValidationError
from pydantic import JsonValue

from harness.contracts.compare.expectation import Body, Matcher
from harness.contracts.compare.mismatch import Mismatch, error
from harness.contracts.compare.rules import rule_problems
from harness.contracts.compare.schemas import NEVER, Schemas, Side

MAX_PROBLEMS = 20
"""Told of one body; the rest mostly follows from them."""
_QUOTED = re.compile(r"'([^']*)'")
_UNDECLARED = ("unevaluatedProperties", "additionalProperties")
_LENGTHS = ("minItems", "uniqueItems")


def body_problems(body: Body, schema: JsonValue, schemas: Schemas, side: Side, part: str) -> Iterator[Mismatch]:
    """What can't be of a JSON body.

    Args:
        body: the example with its matching rules.
        schema: as it stands in the document.
        schemas: of the document.
        side: who writes it.
        part: `request.body` or `response.body`, for the words.
    """
    wrong = schemas.validator(schema, side).iter_errors(body.value)
    told: dict[tuple[str, str], Mismatch] = {}
    for each in itertools.chain.from_iterable(map(_deepest, wrong)):
        if side is Side.EXPECTED and _lengths_are_open(each, body.matchers):
            continue
        found = _told(each, part)
        told.setdefault((found.where, found.message), found)
        if len(told) >= MAX_PROBLEMS:
            break
    yield from told.values()
    seen = {each.where for each in told.values()}
    for matcher, message in rule_problems(body.matchers, schema, schemas):
        where = f"{part} {matcher.where}"
        if where not in seen:
            yield error(f"{part}.rule", where, message)


def _deepest(wrong: ValidationError) -> Iterable[ValidationError]:
    """Of alternatives that all fail, those of the one that came nearest; the others only confuse."""
    if wrong.validator not in {"anyOf", "oneOf"} or not wrong.context:
        return (wrong,)
    branches: dict[object, list[ValidationError]] = {}
    for each in wrong.context:
        branches.setdefault(each.schema_path[0], []).append(each)
    typed = [branch for branch in branches.values() if not any(_of_other_type(each, wrong) for each in branch)]
    if len(typed) != 1:
        return (wrong,)
    return itertools.chain.from_iterable(map(_deepest, typed[0]))


def _of_other_type(inner: ValidationError, outer: ValidationError) -> bool:
    return inner.validator == "type" and list(inner.absolute_path) == list(outer.absolute_path)


def _lengths_are_open(wrong: ValidationError, matchers: Sequence[Matcher]) -> bool:
    """An example under `each like` stands for any number of elements, so that its own number says nothing."""
    if wrong.validator not in _LENGTHS:
        return False
    at = tuple(map(str, wrong.absolute_path))
    limit = cast("float", wrong.validator_value) if wrong.validator == "minItems" else 0
    return any(
        each.kind == "type" and _same(each.path, at) and _most(each) >= limit
        for each in matchers
        if "min" in each.options or "max" in each.options
    )


def _most(matcher: Matcher) -> float:
    most = matcher.options.get("max")
    return float(most) if isinstance(most, int) else float("inf")


def _same(pattern: Sequence[str], path: Sequence[str]) -> bool:
    return len(pattern) == len(path) and all(left in {"*", right} for left, right in zip(pattern, path, strict=True))


def _told(wrong: ValidationError, part: str) -> Mismatch:
    where = f"{part} {wrong.json_path}"
    if wrong.validator in _UNDECLARED and wrong.validator_value is False:
        names = _QUOTED.findall(wrong.message.rpartition("(")[2])
        if len(names) == 1:
            where = f"{where}.{names[0]}"
        return error(f"{part}.undeclared", where, f"the document declares no {', '.join(names)} here")
    if wrong.schema == NEVER:
        return error(f"{part}.undeclared", where, "the document says that it is only written, never answered")
    return error(f"{part}.{wrong.validator}", where, f"{wrong.message:.300}")
