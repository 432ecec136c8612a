"""What each of Pact's matchers asks of a single value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from harness.contracts.java_dates import date_pattern

SHOWN_CHARACTERS = 80
"""Of a value in a message."""
_FORMAT_DEFAULT = {"date": "yyyy-MM-dd", "time": "HH:mm:ss", "datetime": "yyyy-MM-dd'T'HH:mm:ss"}
_SEMVER = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One matcher of a rule, as it stands in the pact."""

    kind: str
    document: Mapping[str, JsonValue]

    def text(self, *keys: str) -> str:
        """The first of these attributes that is there."""
        return next((str(self.document[key]) for key in keys if key in self.document), "")

    def size(self, key: str) -> int | None:
        """A limit of a list's length."""
        found = self.document.get(key)
        return found if isinstance(found, int) else None


Complaint = str
"""What was expected instead; empty when nothing is wrong."""


def _said(*, good: bool, expected: str) -> Complaint:
    return "" if good else expected


def _regex(matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    pattern = matcher.text("regex")
    text = actual if isinstance(actual, str) else json.dumps(actual)
    try:
        good = not isinstance(actual, dict | list | None) and re.fullmatch(pattern, text) is not None
    except re.error as error:
        return f"a text of a form that can't be read: {pattern} ({error})"
    return _said(good=good, expected=f"a text of the form {pattern}")


def _of_type(_matcher: Matcher, expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=type_name(expected) == type_name(actual), expected=f"a value of type {type_name(expected)}")


def _equal(_matcher: Matcher, expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=equal(expected, actual), expected=brief(expected))


def _include(matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    part = matcher.text("value")
    text = actual if isinstance(actual, str) else json.dumps(actual)
    return _said(good=part in text, expected=f"something with {part!r} in it")


def _integer(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=isinstance(actual, int) and not isinstance(actual, bool), expected="a whole number")


def _decimal(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=isinstance(actual, float), expected="a number with decimals")


def _number(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=type_name(actual) == "number", expected="a number")


def _boolean(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=isinstance(actual, bool) or actual in ("true", "false"), expected="true or false")


def _null(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=actual is None, expected="null")


def _not_empty(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    return _said(good=actual not in (None, "", [], {}), expected="something that is not empty")


def _semver(_matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    good = isinstance(actual, str) and _SEMVER.fullmatch(actual) is not None
    return _said(good=good, expected="a semantic version")


def _moment(matcher: Matcher, _expected: JsonValue, actual: JsonValue) -> Complaint:
    form = matcher.text("format", "timestamp", matcher.kind) or _FORMAT_DEFAULT[matcher.kind]
    good = isinstance(actual, str) and re.fullmatch(date_pattern(form), actual) is not None
    return _said(good=good, expected=f"a {matcher.kind} of the form {form}")


def _anything(_matcher: Matcher, _expected: JsonValue, _actual: JsonValue) -> Complaint:
    return ""


def brief(value: JsonValue) -> str:
    """A value as it stands in a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def equal(one: JsonValue, other: JsonValue) -> bool:
    """Whether two single values are the same; as Pact has it, 1 and 1.0 are not."""
    return one == other and type(one) is type(other)


def type_name(value: JsonValue) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"


LEAVES: Mapping[str, Callable[[Matcher, JsonValue, JsonValue], Complaint]] = {
    "regex": _regex,
    "type": _of_type,
    "equality": _equal,
    "include": _include,
    "integer": _integer,
    "decimal": _decimal,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
    "notEmpty": _not_empty,
    "semver": _semver,
    "date": _moment,
    "time": _moment,
    "datetime": _moment,
    "contentType": _anything,
    "statusCode": _anything,
}
