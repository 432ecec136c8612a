"""Pact's matching rules as they stand in a file: which of them decides at a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from harness.contracts.leaf_matchers import Matcher

Step = str | int
Steps = tuple[Step, ...]
"""The keys and indexes below `$`; in a rule, `*` stands for any of them."""
ANY = "*"
_EXACT, _WILD = 2, 1
"""How much a step of a rule weighs that names a place, and one that names any."""
_TOKEN = re.compile(r"\.?([A-Za-z0-9_@$:-]+|\*)|\[(\d+|\*)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is asked of the value at a place, instead of equality."""

    at: Steps
    matchers: tuple[Matcher, ...]
    any_of: bool = False

    def weight(self, place: Steps) -> int:
        """How well it fits a place, or one above it; 0 when it does not."""
        if len(self.at) > len(place):
            return 0
        weight = _EXACT
        for step, there in zip(self.at, place, strict=False):
            if step not in (there, ANY):
                return 0
            weight *= _EXACT if step == there else _WILD
        return weight


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one body, or of one header."""

    rules: tuple[Rule, ...] = ()

    def best(self, place: Steps) -> tuple[Rule, bool] | None:
        """The rule that decides at a place, and whether it stands above it; None when equality does."""
        fitting = [each for each in self.rules if each.weight(place)]
        usable = [each for each in fitting if len(each.at) == len(place) or not _stays(each)]
        if not usable:
            return None
        rule = max(usable, key=lambda each: (each.weight(place), len(each.at)))
        return rule, len(rule.at) < len(place)


def _stays(rule: Rule) -> bool:
    """Whether it says nothing of what is further below."""
    return any(each.kind in {"values", "eachKey", "eachValue", "arrayContains"} for each in rule.matchers)


def read_rules(category: JsonValue) -> Rules:
    """The rules of a body, by their JSON paths."""
    if not isinstance(category, dict):
        return Rules()
    return Rules(tuple(read_rule(steps_of(path), rule) for path, rule in category.items()))


def read_rule(at: Steps, document: JsonValue) -> Rule:
    """`{"combine": "AND", "matchers": [...]}`, or a matcher by itself."""
    whole = document if isinstance(document, dict) else {}
    listed = whole.get("matchers")
    found = listed if isinstance(listed, list) else [whole] if "match" in whole else []
    matchers = tuple(_matcher(each) for each in found if isinstance(each, dict))
    return Rule(at=at, matchers=matchers, any_of=str(whole.get("combine", "")).upper() == "OR")


def _matcher(document: Mapping[str, JsonValue]) -> Matcher:
    kind = str(document.get("match", ""))
    if not kind:  # the specification lets these be left to their attributes
        kind = next((key for key in ("regex", "min", "max", "timestamp", "date", "time") if key in document), "")
        kind = {"min": "type", "max": "type", "timestamp": "datetime"}.get(kind, kind)
    return Matcher(kind={"timestamp": "datetime"}.get(kind, kind), document=document)


def steps_of(path: str) -> Steps:
    """`$.a[0]['b c'].*` as its steps."""
    steps: list[Step] = []
    for match in _TOKEN.finditer(path.removeprefix("$")):
        name, index, single, double = match.groups()
        if index is not None and index != ANY:
            steps.append(int(index))
        else:
            steps.append(next(each for each in (name, index, single, double) if each is not None))
    return tuple(steps)


def shown(steps: Steps) -> str:
    """Steps as a JSON path."""
    return "$" + "".join(
        f"[{each}]" if isinstance(each, int) else f".{each}" if each.isidentifier() else f"[{each!r}]" for each in steps
    )
