"""What a pact promises of an answer, as a JSON schema.

A pact is agreed for one provider state, and holds values that are only there in that state; what it promises in any
state is which members there are and of which form. That is what counts here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from harness.contracts.pacts import Interaction, Kind

_Path = tuple[str, ...]
_TOKEN = re.compile(r"\.([^.\[\]]+)|\['([^']*)'\]|\[(\*|\d+)\]")
_NUMBERS = {"integer": "integer", "decimal": "number", "number": "number"}


def promised(interaction: Interaction) -> dict[str, JsonValue] | None:
    """The schema of an HTTP interaction's answer; None when it says nothing of a JSON body."""
    response = interaction.document.get("response")
    if interaction.kind is not Kind.HTTP or not isinstance(response, dict):
        return None
    has_body, body = _body(response.get("body"))
    if not has_body:
        return None
    rules = {path: found for path, found in _rules(response.get("matchingRules"))}  # noqa: C416 -- pairs of one type
    return _schema(body, (), rules)


def asked(interaction: Interaction) -> tuple[str, str, int]:
    """Method and path of an HTTP interaction, and the status of its answer."""
    request = cast("Mapping[str, Any]", interaction.document.get("request") or {})
    response = cast("Mapping[str, Any]", interaction.document.get("response") or {})
    return str(request.get("method", "GET")).upper(), str(request.get("path", "/")), int(response.get("status", 200))


def _body(body: JsonValue) -> tuple[bool, JsonValue]:
    if isinstance(body, dict) and "content" in body and "contentType" in body:
        content = body["content"]
        if isinstance(content, str) and "json" in str(body["contentType"]):
            try:
                content = json.loads(content)
            except ValueError:
                return False, None
        return "json" in str(body["contentType"]), content
    return isinstance(body, dict | list), body


def _rules(found: JsonValue) -> Iterator[tuple[_Path, Sequence[Mapping[str, Any]]]]:
    body = found.get("body") if isinstance(found, dict) else None
    for expression, rule in (body if isinstance(body, dict) else {}).items():
        matchers = rule.get("matchers") if isinstance(rule, dict) else None
        if isinstance(matchers, list):
            yield _tokens(expression), cast("Sequence[Mapping[str, Any]]", matchers)


def _tokens(expression: str) -> _Path:
    return tuple(next(part for part in groups if part) for groups in _TOKEN.findall(expression.removeprefix("$")))


def _matchers(path: _Path, rules: Mapping[_Path, Sequence[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
    """Those of the most exact rule for a place."""
    fitting = [
        each
        for each in rules
        if len(each) == len(path) and all(wanted in ("*", part) for wanted, part in zip(each, path, strict=True))
    ]
    best = max(fitting, key=lambda each: sum(part != "*" for part in each), default=None)
    return rules[best] if best is not None else ()


def _schema(
    example: JsonValue, path: _Path, rules: Mapping[_Path, Sequence[Mapping[str, Any]]]
) -> dict[str, JsonValue]:
    matchers = _matchers(path, rules)
    kinds = {str(each.get("match")) for each in matchers}
    match example:
        case dict() if kinds & {"values", "eachKey", "eachValue"}:
            return {"type": "object"}
        case dict():
            members: dict[str, JsonValue] = {
                name: _schema(each, (*path, name), rules) for name, each in example.items()
            }
            return {"type": "object", "properties": members, "required": [*example]}
        case list():
            items: list[JsonValue] = [_schema(each, (*path, str(index)), rules) for index, each in enumerate(example)]
            least = max((int(each["min"]) for each in matchers if "min" in each), default=0)
            found: dict[str, JsonValue] = {"type": "array", "minItems": least}
            return {**found, "items": {"anyOf": items}} if items else found
        case _:
            return _scalar(example, matchers)


def _scalar(example: JsonValue, matchers: Sequence[Mapping[str, Any]]) -> dict[str, JsonValue]:
    for each in matchers:
        kind = str(each.get("match"))
        if kind in _NUMBERS:
            return {"type": _NUMBERS[kind]}
        if kind == "regex":
            return {"type": "string", "pattern": f"^(?:{each.get('regex', '')})$"}
        if kind == "null":
            return {"type": "null"}
    kinds = {bool: "boolean", int: "number", float: "number", str: "string"}
    return {"type": kinds[type(example)]} if type(example) in kinds else {}
