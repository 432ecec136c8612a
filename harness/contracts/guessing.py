"""Guesses Pact's matchers from several samples of one document, and says why.

A value that all samples share is taken for agreed only when the samples differ elsewhere, and when it is neither an
id nor a time: what one saw once is no agreement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, Literal

from pydantic import JsonValue

from harness.contracts.secret_parts import REDACTED, is_secret

DEPTH_LIMIT = 32
Matcher = dict[str, JsonValue]


class _Left(Enum):
    OUT = "out"


OUT: Final = _Left.OUT
"""Nothing can be said of this place."""
Example = JsonValue | Literal[_Left.OUT]

_ZONE = r"(Z|[+-]\d{2}:?\d{2})"
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{2}:\d{2}:\d{2}(\.\d+)?"
FORMS: tuple[tuple[str, str, str], ...] = (
    (
        "a uuid",
        "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        "e2490de5-5bd3-43d5-b7c4-526e33f71304",
    ),
    ("a time with its zone", f"{_DATE}[Tt ]{_TIME}{_ZONE}", "2026-01-01T00:00:00Z"),
    ("a time", f"{_DATE}[Tt ]{_TIME}{_ZONE}?", "2026-01-01T00:00:00"),
    ("a date", _DATE, "2026-01-01"),
)
"""What a text may be, its regular expression, and the example that stands for all: a draft is the same in every run."""
_ID = re.compile(r"(^|.*[_-])(id|ids|key|sku|ref|uuid|number|version|etag|cursor)$|.*(Id|Ids|Key|Ref|Uuid|Number)$")
_WHEN = re.compile(r"(^|.*[_-])(at|on|time|date|timestamp|until|since|expires|ttl|age)$|.*(At|Time|Date|Until|Since)$")
_RUNS = re.compile(r"[A-Z]+|[a-z]+|[0-9]+|[^A-Za-z0-9]")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLASSES = ((re.compile(r"[A-Z]+"), "[A-Z]"), (re.compile(r"[a-z]+"), "[a-z]"), (re.compile(r"[0-9]+"), r"\d"))


class Guess:
    """An example of a document, the matchers at its places, and why they are what they are."""

    def __init__(self, samples: Sequence[JsonValue]) -> None:
        self.rules: dict[str, list[Matcher]] = {}
        """By path expression: `$.items[*].sku`."""
        self.whys: list[str] = []
        self.redacted = False
        self._varied = len({json.dumps(each, sort_keys=True) for each in samples}) > 1
        found = self._value(samples, "$", "", DEPTH_LIMIT)
        self.example: JsonValue = None if found is OUT else found

    def _say(self, at: str, what: str) -> None:
        self.whys.append(f"{at}: {what}")

    def _match(self, at: str, matcher: Matcher, why: str) -> None:
        self.rules[at] = [matcher]
        self._say(at, why)

    def _value(self, samples: Sequence[JsonValue], at: str, name: str, depth: int) -> Example:
        if depth == 0 or not samples:
            return OUT
        if any(is_secret(name, each) for each in samples):
            self.redacted = True
            self._match(at, {"match": "type"}, "redacted: it looks like a secret")
            return REDACTED if isinstance(samples[0], str) else 0
        kinds = {_kind(each) for each in samples}
        if kinds <= {"integer", "decimal"}:
            return self._number([each for each in samples if isinstance(each, int | float)], at, name)
        if len(kinds) > 1:
            self._say(at, f"left out: {' in some samples, '.join(sorted(kinds))} in others")
            return OUT
        return self._of_kind(kinds.pop(), samples, at, name, depth)

    def _of_kind(self, kind: str, samples: Sequence[JsonValue], at: str, name: str, depth: int) -> Example:
        match kind:
            case "object":
                return self._object([each for each in samples if isinstance(each, dict)], at, depth)
            case "list":
                return self._list([each for each in samples if isinstance(each, list)], at, name, depth)
            case "text":
                return self._text(sorted(each for each in samples if isinstance(each, str)), at, name)
            case "boolean":
                return self._same(samples, at, name, {"match": "type"}, "a truth value")
        self._match(at, {"match": "null"}, "null in all samples")
        return None

    def _object(self, samples: Sequence[dict[str, JsonValue]], at: str, depth: int) -> JsonValue:
        found: dict[str, JsonValue] = {}
        for name in sorted(set[str]().union(*samples)):
            place = f"{at}.{name}" if _PLAIN.fullmatch(name) else f"{at}['{name}']"
            if "'" in name or any(name not in each for each in samples):
                self._say(place, "left out: only in some samples" if "'" not in name else "left out: its name")
                continue
            value = self._value([each[name] for each in samples], place, name, depth - 1)
            if value is not OUT:
                found[name] = value
        return found

    def _list(self, samples: Sequence[list[JsonValue]], at: str, name: str, depth: int) -> JsonValue:
        elements = [each for sample in samples for each in sample]
        least: Matcher = {"match": "type", "min": 1} if all(samples) else {"match": "type"}
        value = self._value(elements, f"{at}[*]", name, depth - 1)
        if value is OUT:
            self._match(at, {"match": "type"}, "a list; of its elements nothing was seen that holds for all")
            return []
        self._match(at, least, "each element like this one" + ("" if all(samples) else ", and there may be none"))
        return [value]

    def _text(self, samples: Sequence[str], at: str, name: str) -> JsonValue:
        for what, expression, example in FORMS:
            if all(re.fullmatch(expression, each) for each in samples):
                self._match(at, {"match": "regex", "regex": f"^{expression}$"}, f"{what} in all samples")
                return example
        if len(set(samples)) == 1:
            return self._same(samples, at, name, {"match": "type"}, "a text")
        expression = shape_of(samples)
        if expression:
            self._match(at, {"match": "regex", "regex": f"^{expression}$"}, "of this form in all samples")
        else:
            self._match(at, {"match": "type"}, "a text that differs between samples")
        return samples[0]

    def _number(self, samples: Sequence[float], at: str, name: str) -> JsonValue:
        kinds = {_kind(each) for each in samples}
        kind = kinds.pop() if len(kinds) == 1 else "number"
        return self._same(sorted(samples), at, name, {"match": kind}, f"{'an' if kind == 'integer' else 'a'} {kind}")

    def _same(self, samples: Sequence[JsonValue], at: str, name: str, otherwise: Matcher, what: str) -> JsonValue:
        """Equality for what is the same in all samples of which some differ; else the looser matcher."""
        if len({json.dumps(each) for each in samples}) > 1:
            self._match(at, otherwise, f"{what} that differs between samples")
        elif not self._varied:
            self._match(at, otherwise, f"{what}; all samples were the same, which agrees on nothing")
        elif _ID.fullmatch(name) or _WHEN.fullmatch(name):
            self._match(at, otherwise, f"{what}; the same in all samples, but named like an id or a time")
        else:
            self._say(at, f"exactly this: the same in all samples, which differ elsewhere ({json.dumps(samples[0])})")
        return samples[0]


_KINDS: Final = {bool: "boolean", int: "integer", float: "decimal", str: "text", list: "list", dict: "object"}


def _kind(value: JsonValue) -> str:
    return _KINDS.get(type(value), "null")


def shape_of(samples: Sequence[str]) -> str:
    """A regular expression for texts that are built alike; empty when they are not, or when it says little."""
    runs = [_RUNS.findall(each) for each in samples]
    if len({len(each) for each in runs}) != 1 or not runs[0]:
        return ""
    parts = [_part([each[index] for each in runs]) for index in range(len(runs[0]))]
    built = "".join(part or "" for part in parts)
    telling = any(not run.isalpha() and not run.isspace() for run in runs[0])
    spaces = any(run.isspace() for run in runs[0])
    return built if all(parts) and telling and not spaces else ""


def _part(runs: Sequence[str]) -> str | None:
    """What is common to the same part of several texts; None for nothing."""
    for pattern, sign in _CLASSES:
        if all(pattern.fullmatch(run) for run in runs):
            lengths = {len(run) for run in runs}
            if sign != r"\d" and len(set(runs)) == 1:
                return re.escape(runs[0])
            return f"{sign}{{{lengths.pop()}}}" if len(lengths) == 1 else f"{sign}+"
    return re.escape(runs[0]) if len(set(runs)) == 1 else None
