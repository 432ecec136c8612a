"""In what a request is not what an interaction expects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote

from pydantic import JsonValue

from harness.contracts.leaf_matchers import brief
from harness.contracts.matching import Difference, differences, text_differences
from harness.contracts.rules import Rule
from harness.contracts.stubs.model import Expected, Request, Texts, is_json, media_type


def request_differences(expected: Expected, request: Request) -> Iterator[Difference]:
    """All in which a request is not what an interaction expects."""
    if expected.method != request.method:
        yield Difference(where="method", expected=expected.method, found=request.method)
    yield from _path_differences(expected, request.path)
    yield from _query_differences(expected, request.query)
    for name, values in expected.headers.items():
        yield from _header_differences(name, values, request.headers.get(name), expected.header_rules.get(name))
    if expected.body_kind:
        yield from _body_differences(expected, request)


def _path_differences(expected: Expected, path: str) -> Iterator[Difference]:
    wanted, found = unquote(expected.path), unquote(path)
    for each in text_differences(wanted, found, expected.path_rule, "path"):
        yield Difference(where=each.where, expected=each.expected, found=each.found, kin=_same_route(wanted, found))


def _same_route(one: str, other: str) -> bool:
    """Whether two paths differ only in what looks like an identifier."""
    pairs = list(zip(one.split("/"), other.split("/"), strict=False))
    alike = all(mine == theirs or any(map(str.isdigit, mine)) for mine, theirs in pairs)
    return alike and one.count("/") == other.count("/")


def _query_differences(expected: Expected, query: Texts) -> Iterator[Difference]:
    if expected.query is None:
        return
    for name, values in expected.query.items():
        found, rule = query.get(name), expected.query_rules.get(name)
        where = f"query {name}"
        if found is None:
            yield Difference(where=where, expected=brief(", ".join(values)), found="nothing")
        elif rule is None and len(found) != len(values):
            yield Difference(where=where, expected=f"{len(values)} values", found=f"{len(found)} values")
        else:
            for index, value in enumerate(found):
                example = values[min(index, len(values) - 1)] if values else ""
                yield from text_differences(example, value, rule, where)
    for name in query.keys() - expected.query.keys():
        yield Difference(where=f"query {name}", expected="nothing", found=brief(", ".join(query[name])))


def _header_differences(
    name: str, values: tuple[str, ...], found: tuple[str, ...] | None, rule: Rule | None
) -> Iterator[Difference]:
    where, wanted = f"header {name}", ", ".join(values)
    if found is None:
        yield Difference(where=where, expected=brief(wanted), found="nothing")
        return
    actual = ", ".join(found)
    if rule is None and name in {"content-type", "accept"}:
        if _kinds_of(wanted) != _kinds_of(actual):
            yield Difference(where=where, expected=brief(wanted), found=brief(actual))
    elif rule is None:
        squeezed = [[part.strip() for part in text.split(",")] for text in (wanted, actual)]
        if squeezed[0] != squeezed[1]:
            yield Difference(where=where, expected=brief(wanted), found=brief(actual), kin=True)
    else:
        yield from text_differences(wanted, actual, rule, where)


def _kinds_of(text: str) -> list[str]:
    return [media_type(part) for part in text.split(",")]


def _body_differences(expected: Expected, request: Request) -> Iterator[Difference]:
    if request.kind and request.kind != expected.body_kind and not request.kind.startswith("multipart/"):
        yield Difference(where="body", expected=expected.body_kind, found=request.kind)
        return
    if is_json(expected.body_kind):
        try:
            actual: JsonValue = json.loads(request.body)
        except ValueError:
            found = brief(request.body.decode("utf-8", "replace")) if request.body else "nothing"
            yield Difference(where="body", expected=f"JSON: {brief(expected.body)}", found=found)
            return
        yield from differences(expected.body, actual, expected.body_rules)
    elif expected.body_kind == "application/x-www-form-urlencoded":
        one, other = (parse_qs(text, keep_blank_values=True) for text in (str(expected.body), _text(request)))
        yield from differences(_json_of(one), _json_of(other), expected.body_rules)
    elif not expected.body_kind.startswith("multipart/"):
        rule = next((each for each in expected.body_rules.rules if not each.at), None)
        yield from text_differences(str(expected.body), _text(request), rule, "body")


def _text(request: Request) -> str:
    return request.body.decode("utf-8", "replace")


def _json_of(form: Mapping[str, list[str]]) -> JsonValue:
    return {name: list(values) for name, values in form.items()}
