"""The provider's OpenAPI document, as operations that an interaction can be held against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue

from harness.contracts.compare.schemas import Schema, Schemas
from harness.declare.journeys import parse_openapi
from harness.errors import ContractError, DeclarationError, Place, Problem

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""A document larger than this is read by nobody."""
_PARAMETER = re.compile(r"\{([^/{}]+)\}")
_VARIABLE = re.compile(r"\{([^{}]+)\}")
_IGNORED_HEADERS = ("accept", "content-type", "authorization")
"""OpenAPI has other words for these, and bids to ignore parameters of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    where: str
    """`path`, `query`, `header` or `cookie`."""
    required: bool
    style: str
    explode: bool
    schema: JsonValue
    media: str
    """The media type of a parameter that is written as content, else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bodies by media range; None where there is no schema."""

    media: Mapping[str, JsonValue]
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One declared answer."""

    media: Mapping[str, JsonValue]
    headers: Mapping[str, JsonValue]
    """Name in lower case → schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One way to say who one is."""

    name: str
    kind: str
    """`apiKey`, `http`, `oauth2`, `openIdConnect` or `mutualTLS`."""
    where: str = ""
    key: str = ""
    scheme: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    template: str
    parameters: tuple[Parameter, ...]
    body: Content | None
    responses: Mapping[str, Response]
    """Status (`200`, `4XX`, `default`) → response."""
    security: tuple[tuple[Scheme, ...], ...]
    """Alternatives, each of which asks for all its schemes; none when nothing is asked for."""

    @property
    def name(self) -> str:
        """`GET /orders/{order_id}`."""
        return f"{self.method} {self.template}"

    def response(self, status: int) -> tuple[str, Response] | None:
        """What is declared for a status, and as what: `200`, `2XX` or `default`."""
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in self.responses:
                return key, self.responses[key]
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An operation, and what the path says of its parameters."""

    operation: Operation
    arguments: Mapping[str, str]


class ProviderDocument:
    """An OpenAPI 3.0 or 3.1 document.

    Raises:
        DeclarationError: when it is of another version, or refers to what it doesn't have; with the place of each.
    """

    def __init__(self, document: Mapping[str, JsonValue], *, file: str, text: str = "") -> None:
        self.file = file
        self._document = document
        self._text = text
        version = str(document.get("openapi", ""))
        if not version.startswith(("3.0", "3.1")):
            message = f"expected an OpenAPI document of version 3.0 or 3.1, found {version or 'no openapi'}"
            raise DeclarationError([self._problem(message, "openapi", "write it again in version 3.1")])
        self.schemas = Schemas(document, old=version.startswith("3.0"))
        self._operations: dict[tuple[str, str], Operation] = {}
        if problems := list(self._dangling(cast("JsonValue", document))):
            raise DeclarationError(problems)

    @classmethod
    def read(cls, file: Path) -> ProviderDocument:
        """From a file, JSON or YAML; raises DeclarationError."""
        try:
            if file.stat().st_size > MAX_DOCUMENT_BYTES:
                raise _unreadable(file, f"at most {MAX_DOCUMENT_BYTES} bytes, found {file.stat().st_size}")
            text = file.read_text(encoding="utf-8")
            document = parse_openapi(text)
        except (OSError, ValueError) as error:
            raise _unreadable(file, f"an OpenAPI document that can be read, found: {error}") from None
        if not isinstance(document, dict):
            raise _unreadable(file, f"an OpenAPI document, found {type(document).__name__}")
        return cls(document, file=str(file), text=text)

    @property
    def title(self) -> str:
        """What the document calls itself."""
        info = self._document.get("info")
        return str(info.get("title", "")) if isinstance(info, dict) else ""

    def find(self, method: str, path: str) -> Found | None:
        """The operation that serves a path; one with fewer parameters in its template is preferred."""
        for template, pattern in self._patterns:
            item = self._item(template)
            if method.lower() not in item:
                continue
            for prefix in self._prefixes(item):
                if not path.startswith(prefix):
                    continue
                matched = pattern.fullmatch(path.removeprefix(prefix))
                if matched:
                    names = _PARAMETER.findall(template)
                    arguments = dict(zip(names, map(unquote, matched.groups()), strict=True))
                    return Found(operation=self.operation(template, method.upper()), arguments=arguments)
        return None

    def methods_of(self, path: str) -> tuple[str, ...]:
        """The methods of the templates that a path fits."""
        return tuple(
            sorted(
                method.upper()
                for template, pattern in self._patterns
                for prefix in self._prefixes(self._item(template))
                if path.startswith(prefix) and pattern.fullmatch(path.removeprefix(prefix))
                for method in METHODS
                if method in self._item(template)
            )
        )

    @property
    def base_paths(self) -> tuple[str, ...]:
        """The paths of the servers, which those of the document are below."""
        return self._prefixes({})

    def operation(self, template: str, method: str) -> Operation:
        """An operation that is there; raises DeclarationError when it makes no sense."""
        key = (template, method)
        if key not in self._operations:
            try:
                self._operations[key] = self._read_operation(template, method)
            except (AttributeError, TypeError, KeyError, ContractError) as error:
                message = f"expected an operation {method} {template} that can be read, found {error!r:.200}"
                raise DeclarationError([self._problem(message, template, "mend the document")]) from error
        return self._operations[key]

    @cached_property
    def _patterns(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        paths = self._document.get("paths")
        templates = sorted(paths if isinstance(paths, dict) else (), key=lambda each: (each.count("{"), each))
        return tuple(
            (each, re.compile("([^/]+)".join(re.escape(part) for part in _PARAMETER.split(each)[::2])))
            for each in templates
        )

    def _item(self, template: str) -> Schema:
        return self.schemas.followed(cast("dict[str, JsonValue]", self._document["paths"])[template])

    def _prefixes(self, item: Schema) -> tuple[str, ...]:
        servers = item.get("servers") or self._document.get("servers") or []
        found = dict.fromkeys(_server_path(each) for each in cast("list[Schema]", servers))
        return tuple(found) or ("",)

    def _read_operation(self, template: str, method: str) -> Operation:
        item = self._item(template)
        operation = item[method.lower()]
        body = self.schemas.followed(operation.get("requestBody"))
        return Operation(
            method=method,
            template=template,
            parameters=tuple(self._parameters(item, operation)),
            body=Content(media=_media(body), required=body.get("required") is True) if body else None,
            responses={
                _status(status): self._read_response(self.schemas.followed(each))
                for status, each in (operation.get("responses") or {}).items()
            },
            security=self._security(operation),
        )

    def _parameters(self, item: Schema, operation: Schema) -> Iterator[Parameter]:
        listed = [*(item.get("parameters") or []), *(operation.get("parameters") or [])]
        named = {(each["in"], each["name"]): each for each in map(self.schemas.followed, listed)}
        for (where, name), each in named.items():
            if where == "header" and name.lower() in _IGNORED_HEADERS:
                continue
            style = str(each.get("style") or ("form" if where in {"query", "cookie"} else "simple"))
            media = next(iter(each.get("content") or {}), "")
            yield Parameter(
                name=name,
                where=where,
                required=each.get("required") is True,
                style=style,
                explode=bool(each.get("explode", style == "form")),
                schema=each["content"][media].get("schema", True) if media else each.get("schema", True),
                media=media,
            )

    def _read_response(self, response: Schema) -> Response:
        headers = response.get("headers") or {}
        return Response(
            media=_media(response),
            headers={name.lower(): self.schemas.followed(each).get("schema", True) for name, each in headers.items()},
        )

    def _security(self, operation: Schema) -> tuple[tuple[Scheme, ...], ...]:
        declared = operation["security"] if "security" in operation else self._document.get("security")
        alternatives = cast("list[dict[str, JsonValue]]", declared or [])
        return tuple(tuple(self._scheme(name) for name in each) for each in alternatives)

    def _scheme(self, name: str) -> Scheme:
        found = self.schemas.followed(self.schemas.lookup(f"#/components/securitySchemes/{name}"))
        return Scheme(
            name=name,
            kind=str(found.get("type", "")),
            where=str(found.get("in", "")),
            key=str(found.get("name", "")),
            scheme=str(found.get("scheme", "")).lower(),
        )

    def _dangling(self, document: JsonValue) -> Iterator[Problem]:
        seen: set[str] = set()
        waiting: list[JsonValue] = [document]
        while waiting:
            node = waiting.pop()
            if isinstance(node, list):
                waiting.extend(node)
            if not isinstance(node, dict):
                continue
            waiting.extend(each for word, each in node.items() if word not in {"example", "examples", "default"})
            reference = node.get("$ref")
            if not isinstance(reference, str) or reference in seen:
                continue
            seen.add(reference)
            try:
                self.schemas.lookup(reference)
            except ContractError as error:
                remedy = "write what it refers to into the document"
                yield self._problem(str(error), f'"{reference}"', remedy)

    def _problem(self, message: str, near: str, remedy: str) -> Problem:
        at = self._text.find(near)
        line = self._text.count("\n", 0, at) + 1 if at >= 0 else None
        return Problem(place=Place(file=self.file, line=line), message=message, remedy=remedy)


def _media(node: Schema) -> dict[str, JsonValue]:
    return {kind: (each or {}).get("schema") for kind, each in (node.get("content") or {}).items()}


def _status(status: object) -> str:
    return str(status) if status == "default" else str(status).upper()


def _server_path(server: Schema) -> str:
    variables = cast("dict[str, Schema]", server.get("variables") or {})
    url = _VARIABLE.sub(
        lambda found: str(variables.get(found[1], {}).get("default", found[0])), str(server.get("url", ""))
    )
    return urlsplit(url).path.rstrip("/")


def _unreadable(file: Path, found: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=str(file)), message=f"expected {found}", remedy="mend the file")])
