"""A stub of a provider from the pact that a consumer has with it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote

from pydantic import JsonValue

from harness.contracts.leaf_matchers import brief
from harness.contracts.matching import unknown_kinds
from harness.contracts.pacts import Interaction, Kind, Pact
from harness.contracts.rules import Rule, read_rule, read_rules, steps_of
from harness.contracts.stubs.model import Answer, Expected, Stubbed, Texts, is_json, media_type
from harness.contracts.stubs.play import Stub
from harness.errors import DeclarationError, Problem

_INJECTED = re.compile(r"\$\{[^}]*\}")
_IDENTIFIER = re.compile(r"[^/]*\d[^/]*")
"""A segment that nobody would have written into a route."""


def stub_of(pact: Pact, *, loose: bool = False) -> Stub:
    """The provider of a pact.

    Raises:
        DeclarationError: when a matcher is not known here, or an interaction can't be played; each at its place.
    """
    problems = [problem for each in pact.interactions for problem in _unplayable(each)]
    if problems:
        raise DeclarationError(problems)
    return Stub(
        consumer=pact.consumer,
        provider=pact.provider,
        source=pact.file.name,
        interactions=tuple(_stubbed(each) for each in pact.interactions if each.kind is Kind.HTTP),
        loose=loose,
    )


def _unplayable(interaction: Interaction) -> Iterator[Problem]:
    if interaction.kind is not Kind.HTTP:
        return
    request, response = _mapping(interaction.document["request"]), _mapping(interaction.document["response"])
    for kind in sorted(unknown_kinds(request.get("matchingRules"))):
        message = f"the matcher {kind!r} of {interaction.description!r} is not known to the stub"
        yield Problem(place=interaction.place, message=message, remedy="use another")
    status = response.get("status", 200)
    if not isinstance(status, int) or not 100 <= status <= 599:  # noqa: PLR2004 -- what HTTP knows
        message = f"expected an HTTP status in {interaction.description!r}, found {brief(status)}"
        yield Problem(place=interaction.place, message=message, remedy="write the pact again")


def _stubbed(interaction: Interaction) -> Stubbed:
    request, response = _mapping(interaction.document["request"]), _mapping(interaction.document["response"])
    rules, headers = _mapping(request.get("matchingRules")), _texts(request.get("headers"))
    body, kind = _body(request.get("body"), headers)
    answers = _texts(response.get("headers"))
    given, given_kind = _body(response.get("body"), answers)
    status = response.get("status", 200)
    return Stubbed(
        description=interaction.description,
        states=tuple(state.name for state in interaction.states),
        expected=Expected(
            method=str(request.get("method", "GET")).upper(),
            path=str(request.get("path", "/")),
            path_rule=_path_rule(request),
            query=_query(request.get("query")),
            query_rules=_named_rules(rules.get("query")),
            headers={name.lower(): values for name, values in headers.items()},
            header_rules={name.lower(): rule for name, rule in _named_rules(rules.get("header")).items()},
            body=body,
            body_kind=kind,
            body_rules=read_rules(rules.get("body")),
        ),
        answer=Answer(
            status=status if isinstance(status, int) else 200,
            headers=answers,
            body=given,
            body_kind=given_kind,
            body_rules=read_rules(_mapping(response.get("matchingRules")).get("body")),
        ),
    )


def _path_rule(request: Mapping[str, JsonValue]) -> Rule | None:
    """The rule of a path: it stands there by itself, or below an empty name.

    That a path is any text says nothing: then it is open only where a provider state fills it in.
    """
    document = _mapping(_mapping(request.get("matchingRules")).get("path"))
    document = _mapping(document[""]) if "" in document else document
    rule = read_rule((), dict(document))
    if any(each.kind != "type" for each in rule.matchers):
        return rule
    generator = _mapping(_mapping(request.get("generators")).get("path"))
    expression = str(_mapping(generator.get("", dict(generator))).get("expression", ""))
    if not rule.matchers and not expression:
        return None
    return path_rule(expression or str(request.get("path", "/")), _INJECTED if expression else _IDENTIFIER)


def path_rule(template: str, opened: re.Pattern[str]) -> Rule:
    """A path that is open where a pattern fits its template."""
    fixed = [re.escape(unquote(part)) for part in opened.sub("\0", template).split("\0")]
    return read_rule((), {"match": "regex", "regex": f"^{'[^/]+'.join(fixed)}$"})


def _named_rules(category: JsonValue) -> dict[str, Rule]:
    """Rules by the name of a header or of a part of the query, as older and newer files have it."""
    found = {}
    for path, document in _mapping(category).items():
        steps = steps_of(path) if path.startswith("$") or path.endswith("]") else (path,)
        found[str(steps[0]) if steps else path] = read_rule((), document)
    return found


def _texts(value: JsonValue) -> dict[str, tuple[str, ...]]:
    listed = {name: each if isinstance(each, list) else [each] for name, each in _mapping(value).items()}
    return {name: tuple(str(each) for each in values) for name, values in listed.items()}


def _query(value: JsonValue) -> Texts:
    if isinstance(value, str):
        return {name: tuple(values) for name, values in parse_qs(value, keep_blank_values=True).items()}
    return _texts(value)


def _body(value: JsonValue, headers: Texts) -> tuple[JsonValue, str]:
    """The example of a body, and its media type; without one the type is empty, and any body will do."""
    said = next((values[0] for name, values in headers.items() if name.lower() == "content-type" and values), "")
    if value is None:
        return None, ""
    if not (isinstance(value, dict) and "content" in value and {*value} <= {"content", "contentType", "encoded",
                                                                            "contentTypeHint"}):  # fmt: skip
        return value, media_type(said) or ("text/plain" if isinstance(value, str) else "application/json")
    content, kind = value["content"], media_type(str(value.get("contentType") or said))
    if isinstance(content, str) and value.get("encoded"):
        try:
            raw = base64.b64decode(content)
            content = json.loads(raw) if is_json(kind) else raw.decode("latin-1")
        except (binascii.Error, ValueError):
            return content, kind or "text/plain"
    return content, kind or "application/json"


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
