"""Changes that make healthy answers into valid ones that nobody has seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from harness.contracts.generate.facts import Facts, Schema
from harness.contracts.generate.permitted import PROMISED, Permitted
from harness.contracts.generate.seen import Seen
from harness.contracts.generate.values import Inventing, is_variant, numbers, texts
from harness.model.changes import DEPTH_LIMIT, Act, Change, Path, Twist, applied

ELEMENTS_LIMIT = 5
"""Of a list that are looked at."""
UNKNOWN_MEMBER = "unseenMember"
POSITIONAL = re.compile(r"(^|.*_)(id|ids|key|token|uuid|ref|cursor|url|href)$|.*(Id|Ids|Key|Token|Uuid|Ref|Url)$")
"""Members whose text leads somewhere: with another, the consumer would ask for something that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What may be changed in the answers of an operation, one by one."""

    changes: tuple[Change, ...]
    promised: tuple[str, ...] = ()
    """Changes that the document permits, and the pact does not; each with what it promises."""
    refused: int = 0
    """Changes that turned out to be invalid, and are not made."""


@dataclass(slots=True)
class _Walk:
    permitted: Permitted
    seen: Seen
    echoes: frozenset[str]
    found: dict[str, Change] = field(default_factory=dict)

    def add(self, act: Act, path: Path, twist: Twist, value: JsonValue = None) -> None:
        change = Change(act=act, path=path, twist=twist, value=value)
        self.found.setdefault(f"{act} {change} {value!r}", change)


def candidates(
    permitted: Permitted, samples: Sequence[JsonValue], *, echoes: frozenset[str] = frozenset()
) -> Candidates:
    """All changes of which each, made to any of the samples that it means, gives a valid answer that was not seen.

    Args:
        permitted: what may be answered.
        samples: healthy answers.
        echoes: texts of the requests; where an answer repeats one, it stays.
    """
    walk = _Walk(permitted, Seen(samples), echoes)
    for sample in samples:
        _walk(walk, permitted.schema, sample, (), DEPTH_LIMIT)
    if any(isinstance(sample, dict) and len(sample) > 1 for sample in samples):
        walk.add(Act.REVERSE, (), Twist.ORDER)
    changes: list[Change] = []
    promised: list[str] = []
    refused = 0
    enough: set[str] = set()
    for change in walk.found.values():
        variant = is_variant(change.twist, cast("JsonValue", change.value))
        if variant and str(change) in enough:
            continue
        why = problem_of(permitted, samples, [change])
        if not why:
            changes.append(change)
            enough |= {str(change)} if variant else set()
        elif why.startswith(PROMISED):
            promised.append(f"{change} ({why})")
        else:
            refused += 1
    return Candidates(changes=tuple(changes), promised=tuple(promised), refused=refused)


def problem_of(permitted: Permitted, samples: Sequence[JsonValue], changes: Sequence[Change]) -> str:
    """Why the samples may not be changed so; empty when each that is changed stays valid, and at least one is."""
    met = False
    for sample in samples:
        if permitted.problem(sample):
            continue
        changed, count = applied(sample, changes)
        if count:
            met = True
            if problem := permitted.problem(cast("JsonValue", changed)):
                return problem
    return "" if met else "no valid answer has what it changes"


def _walk(walk: _Walk, schemas: Sequence[Schema], value: JsonValue, path: Path, depth: int) -> None:
    if depth == 0:
        return
    facts = walk.permitted.schemas.facts(schemas, value)
    if value is not None and not walk.seen.value(path, None) and path and path[-1] is not None:
        walk.add(Act.SET, path, Twist.NULL, None)
    match value:
        case dict():
            _members(walk, facts, value, path)
            for name, each in value.items():
                _walk(walk, facts.properties.get(name) or facts.others, each, (*path, name), depth - 1)
        case list():
            _list(walk, value, path)
            for each in value[:ELEMENTS_LIMIT]:
                _walk(walk, facts.items, each, (*path, None), depth - 1)
        case None:
            pass
        case _:
            for twist, other in _others(walk, facts, value, path):
                if not walk.seen.value(path, other):
                    walk.add(Act.SET, path, twist, other)


def _members(walk: _Walk, facts: Facts, value: dict[str, JsonValue], path: Path) -> None:
    for name in value:
        if name not in facts.required and name in facts.properties and not walk.seen.absent((*path, name)):
            walk.add(Act.REMOVE, (*path, name), Twist.ABSENT)
    inventing = Inventing(walk.permitted.schemas)
    for name in facts.properties:
        if not walk.seen.present((*path, name)):
            walk.add(Act.SET, (*path, name), Twist.PRESENT, inventing.value(facts.properties[name]))
    if UNKNOWN_MEMBER not in walk.seen.names(path):
        invented: JsonValue = inventing.value(facts.others) if facts.others else {"new": [1, None]}
        walk.add(Act.SET, (*path, UNKNOWN_MEMBER), Twist.EXTRA, invented)


def _list(walk: _Walk, value: list[JsonValue], path: Path) -> None:
    if not walk.seen.empty(path):
        walk.add(Act.SET, path, Twist.EMPTY, [])
    if len(value) > 1 and value != value[::-1]:
        walk.add(Act.REVERSE, path, Twist.ORDER)


def _others(walk: _Walk, facts: Facts, value: JsonValue, path: Path) -> Iterator[tuple[Twist, JsonValue]]:
    """Other values for a place that holds a text, a number or a truth value."""
    if str(value) in walk.echoes and not isinstance(value, bool):
        return
    named = next((part for part in reversed(path) if part is not None), "")
    if POSITIONAL.fullmatch(named):
        return
    yield from ((Twist.VALUE, each) for each in facts.enum)
    match value:
        case bool():
            yield Twist.VALUE, not value
        case str():
            yield from texts(facts, value)
        case int() | float():
            yield from numbers(facts, value)
