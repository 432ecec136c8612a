"""In what a value differs from what a pact has, its matching rules considered."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from harness.contracts.leaf_matchers import LEAVES, Matcher, brief, equal, type_name
from harness.contracts.rules import Rule, Rules, Step, Steps, read_rule, read_rules, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which what came is not what was agreed."""

    where: str
    expected: str
    found: str
    kin: bool = False
    """Whether only the value is another one, of the same type."""

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"


def differences(expected: JsonValue, actual: JsonValue, rules: Rules, at: Steps = ()) -> Iterator[Difference]:
    """In what a JSON value differs from what was agreed on it. As Pact has it of requests, nothing may be added."""
    found = rules.best(at)
    if found is None:
        yield from _same(expected, actual, rules, at)
        return
    rule, cascaded = found
    tried = [list(_by(each, expected, actual, _Here(rules, at, cascaded))) for each in rule.matchers]
    if rule.any_of and any(not each for each in tried):
        return
    yield from dict.fromkeys(itertools.chain.from_iterable(tried))


def text_differences(expected: str, actual: str, rule: Rule | None, where: str) -> Iterator[Difference]:
    """The same of a text that is no JSON: a path, a value of a header or of the query."""
    if rule is None:
        if expected != actual:
            yield Difference(where=where, expected=brief(expected), found=brief(actual), kin=True)
        return
    complaints = [
        (each, LEAVES[each.kind](each, expected, _as_number(actual, each.kind)))
        for each in rule.matchers
        if each.kind in LEAVES
    ]
    wrong = [complaint for _, complaint in complaints if complaint]
    if wrong and not (rule.any_of and len(wrong) < len(complaints)):
        yield Difference(where=where, expected=wrong[0], found=brief(actual))


@dataclass(frozen=True, slots=True)
class _Here:
    rules: Rules
    at: Steps
    cascaded: bool

    def differs(self, expected: str, actual: JsonValue, *, kin: bool = False) -> Difference:
        return Difference(where=f"body {shown(self.at)}", expected=expected, found=brief(actual), kin=kin)


def _same(expected: JsonValue, actual: JsonValue, rules: Rules, at: Steps) -> Iterator[Difference]:
    here = _Here(rules, at, cascaded=False)
    match expected, actual:
        case dict(), dict():
            yield from _members(expected, actual, here)
        case list(), list():
            if len(expected) != len(actual):
                yield here.differs(f"{len(expected)} elements", f"{len(actual)} elements")
            for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
                yield from differences(one, other, rules, (*at, index))
        case _ if type_name(expected) != type_name(actual):
            yield here.differs(f"{brief(expected)} ({type_name(expected)})", actual)
        case _ if not equal(expected, actual):
            yield here.differs(brief(expected), actual, kin=True)


def _members(expected: Mapping[str, JsonValue], actual: Mapping[str, JsonValue], here: _Here) -> Iterator[Difference]:
    for key, value in expected.items():
        if key in actual:
            yield from differences(value, actual[key], here.rules, (*here.at, key))
        else:
            where = f"body {shown((*here.at, key))}"
            yield Difference(where=where, expected=brief(value), found="nothing")
    for key in actual.keys() - expected.keys():
        where = f"body {shown((*here.at, key))}"
        yield Difference(where=where, expected="nothing", found=brief(actual[key]))


def _by(matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    """What one matcher finds wrong."""
    if matcher.kind in _WHOLES:
        yield from _WHOLES[matcher.kind](matcher, expected, actual, here)
    elif isinstance(expected, dict | list) and type_name(expected) == type_name(actual):
        yield from _inside(expected, actual, here)  # it is meant for what is below
    elif matcher.kind in LEAVES:
        complaint = LEAVES[matcher.kind](matcher, expected, actual)
        if complaint:
            yield here.differs(complaint, actual)


def _inside(expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    match expected, actual:
        case dict(), dict():
            yield from _members(expected, actual, here)
        case list(), list() if expected:
            for index, value in enumerate(actual):
                example = expected[index] if index < len(expected) else expected[0]
                yield from differences(example, value, here.rules, (*here.at, index))


def _type(matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    if type_name(expected) != type_name(actual):
        yield here.differs(f"a value of type {type_name(expected)}", actual)
    if isinstance(actual, list) and isinstance(expected, list) and not here.cascaded:
        least, most = matcher.size("min"), matcher.size("max")
        if least is not None and len(actual) < least:
            yield here.differs(f"at least {least} elements", f"{len(actual)} elements")
        if most is not None and len(actual) > most:
            yield here.differs(f"at most {most} elements", f"{len(actual)} elements")
    yield from _inside(expected, actual, here)


def _equality(_matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    if type_name(expected) == type_name(actual) and isinstance(expected, dict | list):
        below = Rules(tuple(each for each in here.rules.rules if len(each.at) > len(here.at)))
        yield from _same(expected, actual, below, here.at)
    elif not equal(expected, actual):
        yield here.differs(brief(expected), actual, kin=type_name(expected) == type_name(actual))


def _values(_matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    """Keys are free; each value is as the example of that key, or as the first."""
    if type_name(expected) != type_name(actual):
        yield here.differs(f"a value of type {type_name(expected)}", actual)
    elif isinstance(expected, dict) and isinstance(actual, dict) and expected:
        first = next(iter(expected.values()))
        for key, value in actual.items():
            yield from differences(expected.get(key, first), value, here.rules, (*here.at, key))
    else:
        yield from _inside(expected, actual, here)


def _each_key(matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    """Rules for all keys; of the values they say nothing."""
    if not isinstance(actual, dict) or not isinstance(expected, dict):
        yield here.differs(f"a value of type {type_name(expected)}", actual)
        return
    rule = read_rule((), {"matchers": matcher.document.get("rules", [])})
    for key in actual:
        below = _Here(Rules(), (*here.at, key), cascaded=False)
        for each in rule.matchers:
            yield from _by(each, next(iter(expected), ""), key, below)


def _each_value(matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    """Rules for all values, whatever their keys."""
    if type_name(expected) != type_name(actual) or not isinstance(actual, dict | list):
        yield here.differs(f"a value of type {type_name(expected)}", actual)
        return
    for step, value in _items(actual):
        known = dict(_items(expected))
        first = next(iter(known.values()), matcher.document.get("value"))
        at = (*here.at, step)
        rule = read_rule(at, {"matchers": matcher.document.get("rules", [])})
        yield from differences(known.get(step, first), value, Rules((rule, *here.rules.rules)), at)


def _items(value: JsonValue) -> Sequence[tuple[Step, JsonValue]]:
    match value:
        case dict():
            return list(value.items())
        case list():
            return list(enumerate(value))
        case _:
            return []


def _array_contains(matcher: Matcher, expected: JsonValue, actual: JsonValue, here: _Here) -> Iterator[Difference]:
    if not isinstance(actual, list) or not isinstance(expected, list):
        yield here.differs("a list", actual)
        return
    variants = matcher.document.get("variants")
    for variant in variants if isinstance(variants, list) else []:
        told = variant if isinstance(variant, dict) else {}
        index = told.get("index")
        example = expected[index] if isinstance(index, int) and index < len(expected) else None
        rules = read_rules(told.get("rules"))
        if not any(not list(differences(example, each, rules)) for each in actual):
            yield here.differs(f"an element as {brief(example)}", actual)


def _as_number(text: str, kind: str) -> JsonValue:
    """A text read as what a matcher asks for, where it can be."""
    if kind in {"integer", "number", "decimal"} and re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text):
        return float(text) if set(text) & {".", "e", "E"} else int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


_WHOLES: Mapping[str, Callable[[Matcher, JsonValue, JsonValue, _Here], Iterator[Difference]]] = {
    "type": _type,
    "equality": _equality,
    "values": _values,
    "eachKey": _each_key,
    "eachValue": _each_value,
    "arrayContains": _array_contains,
}
KINDS = frozenset({*LEAVES, *_WHOLES, "timestamp"})
"""The matchers that are known."""


def unknown_kinds(document: JsonValue) -> set[str]:
    """The matchers below `matchingRules` that are not known here."""
    if isinstance(document, list):
        return set().union(*map(unknown_kinds, document))
    if not isinstance(document, dict):
        return set()
    found = set().union(*map(unknown_kinds, document.values()))
    kind = document.get("match")
    return found | ({kind} if isinstance(kind, str) and kind not in KINDS else set())
