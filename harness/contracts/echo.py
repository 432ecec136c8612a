"""What an answer takes over from its request: the values that a pact leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from pydantic import JsonValue

from harness.contracts.matching import differences
from harness.contracts.rules import Rules, Steps

TELLING_CHARACTERS = 4
"""A shorter text, or a number of fewer digits, may be the same by chance."""

Scalar = str | int | float | bool | None
Pairs = dict[Scalar, Scalar]
"""What stands in the request, by the example that stands in its place."""


def pairs_of(expected: JsonValue, actual: JsonValue) -> Pairs:
    """The values of a body by those of its example."""
    return dict(_pairs(expected, actual))


def _pairs(expected: JsonValue, actual: JsonValue) -> Iterator[tuple[Scalar, Scalar]]:
    match expected, actual:
        case dict(), dict():
            for key in expected.keys() & actual.keys():
                yield from _pairs(expected[key], actual[key])
        case list(), list():
            for one, other in zip_longest(expected, actual):
                yield from _pairs(one, other)
        case (str() | int() as one, str() | int() as other) if type(one) is type(other):
            yield one, other


def echoed(answer: JsonValue, pairs: Pairs, rules: Rules, *, everywhere: bool = False) -> JsonValue:
    """The answer, its examples replaced by what the request had instead of them.

    Only where a rule of the answer allows the new value; `everywhere` also where none says anything.
    """
    telling = {one: other for one, other in pairs.items() if one != other and len(str(one)) >= TELLING_CHARACTERS}
    return _echoed(answer, telling, rules, (), everywhere=everywhere) if telling else answer


def _echoed(value: JsonValue, pairs: Pairs, rules: Rules, at: Steps, *, everywhere: bool) -> JsonValue:
    match value:
        case dict():
            return {key: _echoed(each, pairs, rules, (*at, key), everywhere=everywhere) for key, each in value.items()}
        case list():
            return [
                _echoed(each, pairs, rules, (*at, index), everywhere=everywhere) for index, each in enumerate(value)
            ]
        case str() | int() if not isinstance(value, bool) and value in pairs:
            new = pairs[value]
            open_ = everywhere or rules.best(at) is not None
            allowed = rules.best(at) is None or not any(differences(value, new, rules, at))
            return new if open_ and allowed and type(new) is type(value) else value
        case _:
            return value
