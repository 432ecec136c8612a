"""What a consumer sends and expects, out of one interaction of a pact of version 3 or 4."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pydantic import JsonValue

from harness.contracts.pacts import Interaction

JsonObject = Mapping[str, JsonValue]

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\*)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One matching rule at a path of a body: `("lines", "*", "sku")`."""

    path: tuple[str, ...]
    kind: str
    """`type`, `regex`, `integer`, … as Pact calls it."""
    options: JsonObject

    @property
    def where(self) -> str:
        """The path as Pact writes it: `$.lines[*].sku`."""
        return "$" + "".join(f"[{step}]" if step == "*" or step.isdecimal() else f".{step}" for step in self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is sent or expected as a body; `value` is JSON, or text when it is of another kind."""

    value: JsonValue
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRequest:
    """What the consumer sends; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: Body | None
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedResponse:
    """What the consumer expects; names of headers are in lower case."""

    status: int
    status_class: str
    """`success`, `clientError`, … when any status of a class will do, else empty."""
    headers: Mapping[str, str]
    body: Body | None
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """An interaction over HTTP."""

    request: ExpectedRequest
    response: ExpectedResponse


def expectation_of(interaction: Interaction) -> Expectation:
    """Read an interaction over HTTP; raises ValueError, with what it lacks."""
    request, response = _object(interaction.document.get("request")), _object(interaction.document.get("response"))
    versioned = "type" in interaction.document
    return Expectation(
        request=_request(request, versioned=versioned), response=_response(response, versioned=versioned)
    )


def message_body(interaction: Interaction) -> Body | None:
    """What the consumer reads of a message."""
    document = interaction.document
    contents = document.get("contents")
    rules = _object(document.get("matchingRules"))
    if isinstance(contents, dict) and "content" in contents:
        contents = _decoded(contents, str(contents.get("contentType", "")))
    elif contents is None:
        return None
    section = _object(rules.get("body") or rules.get("content"))
    return Body(value=contents, matchers=_matchers(section))


def steps(path: str) -> tuple[str, ...]:
    """`$.lines[*]['sku']` as its steps."""
    return tuple(next(part for part in found.groups() if part is not None) for found in _STEP.finditer(path))


def _request(document: JsonObject, *, versioned: bool) -> ExpectedRequest:
    method, path = document.get("method"), document.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        message = "expected a request with 'method' and 'path'"
        raise ValueError(message)  # noqa: TRY004 -- what is wrong is the file's content
    headers = _headers(document.get("headers"))
    content_type = headers.get("content-type", "") or _type_of(document.get("body"), versioned=versioned)
    return ExpectedRequest(
        method=method.upper(),
        path=path if path.startswith("/") else f"/{path}",
        query=_query(document.get("query")),
        headers=headers,
        body=_body(document, content_type, versioned=versioned),
        content_type=content_type,
    )


def _response(document: JsonObject, *, versioned: bool) -> ExpectedResponse:
    status = document.get("status", 200)
    if not isinstance(status, int):
        message = f"expected a status that is a number, found {status!r:.40}"
        raise ValueError(message)  # noqa: TRY004 -- what is wrong is the file's content
    headers = _headers(document.get("headers"))
    content_type = headers.get("content-type", "") or _type_of(document.get("body"), versioned=versioned)
    return ExpectedResponse(
        status=status,
        status_class=_status_class(_object(document.get("matchingRules")).get("status")),
        headers=headers,
        body=_body(document, content_type, versioned=versioned),
        content_type=content_type,
    )


def _object(node: JsonValue) -> JsonObject:
    return node if isinstance(node, dict) else {}


def _headers(node: JsonValue) -> dict[str, str]:
    return {
        name.lower(): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in _object(node).items()
    }


def _query(node: JsonValue) -> dict[str, tuple[str, ...]]:
    if isinstance(node, str):
        listed: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(node, keep_blank_values=True):
            listed[name] = (*listed.get(name, ()), value)
        return listed
    return {
        name: tuple("" if each is None else str(each) for each in value) if isinstance(value, list) else (str(value),)
        for name, value in _object(node).items()
    }


def _type_of(body: JsonValue, *, versioned: bool) -> str:
    found = _object(body).get("contentType") if versioned else None
    return found if isinstance(found, str) else ""


def _body(document: JsonObject, content_type: str, *, versioned: bool) -> Body | None:
    body = document.get("body")
    if versioned:
        if not isinstance(body, dict) or "content" not in body:
            return None
        body = _decoded(body, content_type)
    elif "body" not in document:
        return None
    rules = _object(document.get("matchingRules"))
    return Body(value=body, matchers=_matchers(_object(rules.get("body"))))


def _decoded(body: JsonObject, content_type: str) -> JsonValue:
    content, encoded = body.get("content"), body.get("encoded")
    if not isinstance(content, str):
        return content
    if isinstance(encoded, str) and encoded.lower() == "base64":
        try:
            content = base64.b64decode(content).decode("utf-8", "replace")
        except binascii.Error:
            return content
    if "json" in content_type and encoded:
        try:
            parsed: JsonValue = json.loads(content)
        except ValueError:
            return content
        return parsed
    return content


def _matchers(section: JsonObject) -> tuple[Matcher, ...]:
    return tuple(
        Matcher(path=steps(path), kind=str(options.get("match", "")), options=options)
        for path, rule in section.items()
        for options in _listed(rule)
    )


def _listed(rule: JsonValue) -> list[JsonObject]:
    found = _object(rule).get("matchers")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _status_class(node: JsonValue) -> str:
    """A rule for the status stands by itself in some pacts, and under `$` or an empty name in others."""
    rules = _listed(node) + [each for rule in _object(node).values() for each in _listed(rule)]
    for each in rules:
        wanted = each.get("status")
        if each.get("match") == "statusCode" and isinstance(wanted, str):
            return wanted
    return ""
