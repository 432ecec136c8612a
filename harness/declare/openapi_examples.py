"""Every operation of an OpenAPI document that has examples, as a journey of one request; the others are told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from pydantic import JsonValue

from harness.model.steps import Step, StepJourney
from harness.model.templates import as_text, literal

METHODS = ("get", "head", "post", "put", "patch", "delete")
NAME_LIMIT = 40
"""Characters of a journey's name."""

REFERENCES_LIMIT = 20
"""References that lead to references."""

DEPTH_LIMIT = 12
"""Levels of a schema from whose examples a body is put together."""

_PARAMETER = re.compile(r"\{([^/{}]+)\}")

Node = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An operation that is no journey, and why."""

    operation: str
    why: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What a document gives without anything being guessed."""

    journeys: dict[str, StepJourney]
    skipped: tuple[Skipped, ...]


class _Lacking(Exception):  # noqa: N818 -- no error of ours: the document lacks an example
    """No example; the words say of what."""


def journeys_of(document: Node) -> Examples:
    """A journey for each operation whose parameters and body have examples or defaults, or which needs none."""
    journeys: dict[str, StepJourney] = {}
    skipped: list[Skipped] = []
    reader = _Reader(document)
    for path, item in _mapping(document.get("paths")).items():
        whole = reader.resolved(item)
        for method in METHODS:
            if method not in whole:
                continue
            operation = reader.resolved(whole[method])
            label = f"{method.upper()} {path}"
            try:
                step = reader.step(method, path, whole, operation)
            except _Lacking as lacking:
                skipped.append(Skipped(operation=label, why=str(lacking)))
                continue
            journeys[_name(operation, method, path, journeys)] = StepJourney(steps=(step,))
    return Examples(journeys=journeys, skipped=tuple(skipped))


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Node

    def resolved(self, node: JsonValue) -> Node:
        """A part of the document, references within it followed; empty when they lead nowhere."""
        for _ in range(REFERENCES_LIMIT):
            found = _mapping(node)
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            if not reference.startswith("#/"):
                return {}
            node = dict(self.document)
            for part in reference[2:].split("/"):
                node = _mapping(node).get(part.replace("~1", "/").replace("~0", "~"))
        return {}

    def step(self, method: str, path: str, item: Node, operation: Node) -> Step:
        """The request; raises _Lacking."""
        headers: dict[str, str] = {}
        query: list[tuple[str, str]] = []
        places: dict[str, str] = {}
        for parameter in self._parameters(item, operation):
            place, name = str(parameter.get("in")), str(parameter.get("name"))
            example = self._example(parameter)
            if example is None:
                if parameter.get("required") is True or place == "path":
                    message = f"no example of the {place} parameter '{name}'"
                    raise _Lacking(message)
                continue
            match place:
                case "path":
                    places[name] = quote(as_text(example), safe="")
                case "query":
                    query += [(name, as_text(each)) for each in (example if isinstance(example, list) else [example])]
                case "header":
                    headers[name] = literal(as_text(example))
        missing = [name for name in _PARAMETER.findall(path) if name not in places]
        if missing:
            message = f"the path parameter '{missing[0]}' is not described"
            raise _Lacking(message)
        target = self._prefix() + _PARAMETER.sub(lambda found: places[found[1]], path)
        kind, body = self._body(operation)
        if kind and not kind.startswith("application/json") and "json" in kind:
            headers["Content-Type"] = kind
        form = kind == "application/x-www-form-urlencoded"
        return Step(
            request=f"{method.upper()} {literal(target)}" + (f"?{literal(urlencode(query))}" if query else ""),
            name=f"{method.upper()} {path}",
            headers=headers,
            json_body=None if form else _literal_in(body),
            form={name: _literal_in(each) for name, each in _mapping(body).items()} if form else {},
        )

    def _prefix(self) -> str:
        servers = self.document.get("servers")
        first = _mapping(servers[0]) if isinstance(servers, list) and servers else {}
        url = str(first.get("url", ""))
        return "" if "{" in url else urlsplit(url).path.rstrip("/")

    def _parameters(self, item: Node, operation: Node) -> Iterator[Node]:
        """Those of the path, and those of the operation, which replace them."""
        found: dict[tuple[str, str], Node] = {}
        for each in (*_items(item.get("parameters")), *_items(operation.get("parameters"))):
            parameter = self.resolved(each)
            found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        yield from found.values()

    def _example(self, node: Node) -> JsonValue:
        """The first example that a parameter or a media type gives, or that its schema does; None without one."""
        if node.get("example") is not None:
            return node["example"]
        for each in _mapping(node.get("examples")).values():
            value = self.resolved(each).get("value")
            if value is not None:
                return value
        return self._of_schema(node.get("schema"), DEPTH_LIMIT)

    def _of_schema(self, node: JsonValue, depth: int) -> JsonValue:
        """An example that a schema holds, or that those of its parts make."""
        schema = self.resolved(node)
        if not depth or not schema:
            return None
        told = [schema[key] for key in ("example", "default", "const") if schema.get(key) is not None]
        told += [listed[0] for key in ("examples", "enum") if (listed := _items(schema.get(key)))]
        if told:
            return told[0]
        choices = [*_items(schema.get("anyOf")), *_items(schema.get("oneOf"))]
        if choices:
            found = (self._of_schema(each, depth - 1) for each in choices)
            return next((each for each in found if each is not None), None)
        if schema.get("type") == "array":
            item = self._of_schema(schema.get("items"), depth - 1)
            return None if item is None else [item]
        return self._joined(schema, depth) if "allOf" in schema else self._members(schema, depth)

    def _joined(self, schema: Node, depth: int) -> JsonValue:
        """An object of all that its parts have; None when one of them has no example."""
        whole: dict[str, JsonValue] = {}
        for each in _items(schema.get("allOf")):
            members = self._of_schema(each, depth - 1)
            if not isinstance(members, dict):
                return None
            whole |= members
        return whole

    def _members(self, schema: Node, depth: int) -> JsonValue:
        """An object of the members that have examples; None when a required one has none."""
        members: dict[str, JsonValue] = {}
        for name, each in _mapping(schema.get("properties")).items():
            example = self._of_schema(each, depth - 1)
            if example is not None and self.resolved(each).get("readOnly") is not True:
                members[name] = example
        complete = all(name in members for name in _items(schema.get("required")))
        return dict(members) if members and complete else None

    def _body(self, operation: Node) -> tuple[str, JsonValue]:
        """The kind of the body and the example of it; raises _Lacking when one is required and there is none."""
        body = self.resolved(operation.get("requestBody"))
        content = _mapping(body.get("content"))
        for kind, media in content.items():
            if "json" in kind or kind == "application/x-www-form-urlencoded":
                example = self._example(self.resolved(media))
                if example is not None:
                    return kind, example
        if content and body.get("required") is True:
            message = f"no example of its body ({', '.join(content)})"
            raise _Lacking(message)
        return "", None


def _literal_in(value: JsonValue) -> JsonValue:
    """A document whose texts, filled in, are these."""
    match value:
        case str():
            return literal(value)
        case list():
            return [_literal_in(each) for each in value]
        case dict():
            return {key: _literal_in(each) for key, each in value.items()}
        case _:
            return value


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _name(operation: Node, method: str, path: str, taken: Mapping[str, object]) -> str:
    """A journey's name: the operation's id as lower-case words, or method and path; a number tells equals apart."""
    told = operation.get("operationId")
    raw = str(told) if isinstance(told, str) and told else f"{method}-{path}"
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", raw)
    words = re.sub(r"[^a-z0-9]+", "-", spaced.lower()).strip("-")
    stem = (words if words[:1].isalpha() else f"{method}-{words}".strip("-"))[:NAME_LIMIT].strip("-")
    name, number = stem, 2
    while name in taken:
        ending = f"-{number}"
        name = stem[: NAME_LIMIT - len(ending)].strip("-") + ending
        number += 1
    return name
