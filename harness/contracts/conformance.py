"""Whether an answer is one that the service's own OpenAPI document declares."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast
from urllib.parse import quote, urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from harness.contracts.adapting import adapt
from harness.errors import ContractError
from harness.model.observation import DistinctAnswer

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_PROBLEMS = 5
"""Told of one body; the rest mostly follows from them."""
DOCUMENT = "urn:openapi-document"
_PARAMETER = re.compile(r"\{[^/{}]+\}")
_WITHOUT_BODY = (204, 304)


class Aspect(StrEnum):
    """What of an answer may differ, by the name of the fuzzer's check that looks at it."""

    STATUS = "status_code_conformance"
    MEDIA = "content_type_conformance"
    HEADERS = "response_headers_conformance"
    BODY = "response_schema_conformance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """In what an answer is not as it was declared."""

    aspect: Aspect
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathParameter:
    """A part of a path, as the document has it."""

    name: str
    examples: tuple[JsonValue, ...]
    """What the document itself gives as one."""
    highest: int | None
    """Of a number that has a limit."""
    validator: Draft202012Validator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    media: Mapping[str, Draft202012Validator | None]
    """Media range → validator of its schema, when it has one."""
    required_headers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    template: str
    pattern: re.Pattern[str]
    operations: Mapping[str, Mapping[str, _Response]]
    """Method → status (`200`, `4XX`, `default`) → response."""


class Conformance:
    """An OpenAPI 3.0 or 3.1 document, compiled once so that many answers can be asked about.

    Raises:
        ContractError: when the document is of another version, or refers to what it doesn't have.
    """

    def __init__(self, service: str, document: Mapping[str, JsonValue]) -> None:
        self.service = service
        version = str(document.get("openapi", ""))
        if not version.startswith(("3.0", "3.1")):
            message = f"OpenAPI document of {service}: expected version 3.0 or 3.1, found {version or 'none'}"
            raise ContractError(message)
        adapted = copy.deepcopy(dict(document))
        adapt(adapted, nullable=version.startswith("3.0"))
        self._registry: Registry[Any] = Registry().with_resource(DOCUMENT, DRAFT202012.create_resource(adapted))
        self._document = adapted
        self._prefix = _server_path(document)
        try:
            self._paths = self._compile()
        except (Unresolvable, AttributeError, TypeError, KeyError) as error:
            message = f"OpenAPI document of {service}: expected paths that can be read, found {error!r:.200}"
            raise ContractError(message) from error

    def problems(self, answer: DistinctAnswer) -> tuple[str, ...] | None:
        """In what the answer differs from what is declared, in words; see `differences`."""
        found = self.differences(answer)
        return None if found is None else tuple(each.told for each in found)

    def differences(self, answer: DistinctAnswer) -> tuple[Difference, ...] | None:
        """In what the answer differs from what is declared; empty when in nothing.

        None when it can't be judged here: no operation of this document, no answer, or a body that was cut.
        """
        if answer.status == 0 or answer.truncated:
            return None
        operation = self._operation(answer.method, answer.path)
        if operation is None:
            return None
        response = _declared(operation, answer.status)
        if response is None:
            declared = ", ".join(sorted(operation))
            told = f"status {answer.status} is not declared (declared: {declared})"
            return (Difference(aspect=Aspect.STATUS, told=told),)
        return tuple(itertools.islice(_differences(response, answer), MAX_PROBLEMS))

    def declared(self, method: str, path: str) -> frozenset[int]:
        """The statuses that the document names for an operation; none for one that it does not have."""
        operation = self._operation(method, path) or {}
        return frozenset(int(status) for status in operation if status.isdecimal())

    def promised(self, method: str, path: str) -> dict[int, tuple[tuple[str, ...], tuple[str, ...]]]:
        """Status that is declared by its number → the headers that are required, and the content types."""
        operation = self._operation(method, path) or {}
        return {
            int(status): (tuple(response.required_headers), tuple(response.media))
            for status, response in operation.items()
            if status.isdecimal()
        }

    @property
    def registry(self) -> Registry[Any]:
        """What the references of its schemas are looked up in."""
        return self._registry

    def template(self, method: str, path: str) -> str:
        """The path of an operation as the document writes it; empty for one that it does not have."""
        found = self._found(method, path)
        return found.template if found else ""

    def expression(self, method: str, path: str) -> str:
        """A regular expression for all paths of an operation, that of the server before them."""
        found = self._found(method, path)
        return re.escape(self._prefix) + found.pattern.pattern if found else re.escape(path.partition("?")[0])

    def validator(self, method: str, path: str, status: int, content_type: str) -> Draft202012Validator | None:
        """What judges the body of an answer; None when the document says nothing of it."""
        response = _declared(self._operation(method, path) or {}, status)
        if response is None:
            return None
        chosen = _media(response, content_type)
        return response.media[chosen] if chosen is not None else None

    def path_parameters(self, method: str, template: str) -> tuple[PathParameter, ...]:
        """The parameters in the path of an operation, in the order of the path.

        Raises:
            ContractError: when the document refers to what it doesn't have.
        """
        try:
            item, at = self._resolved(("paths", template))
            own = item[method.lower()].get("parameters") or ()
            places = [(*at, "parameters", str(index)) for index in range(len(item.get("parameters") or ()))]
            places += [(*at, method.lower(), "parameters", str(index)) for index in range(len(own))]
            found = {each.name: each for place in places if (each := self._parameter(place)) is not None}
        except (Unresolvable, AttributeError, TypeError, KeyError) as error:
            message = f"OpenAPI document of {self.service}: expected parameters of {template}, found {error!r:.200}"
            raise ContractError(message) from error
        return tuple(found[name] for part in _PARAMETER.findall(template) if (name := part[1:-1]) in found)

    def _parameter(self, at: tuple[str, ...]) -> PathParameter | None:
        parameter, at = self._resolved(at)
        if parameter.get("in") != "path" or "schema" not in parameter:
            return None
        schema, at = self._resolved((*at, "schema"))
        named = parameter.get("examples") or {}
        given = [each["value"] for each in named.values() if "value" in each] if isinstance(named, dict) else []
        given += [node[key] for node in (parameter, schema) for key in ("example", "default") if key in node]
        highest = schema.get("maximum")
        return PathParameter(
            name=str(parameter["name"]),
            examples=(*(schema.get("examples") or ()), *given),
            highest=int(highest) if isinstance(highest, int | float) else None,
            validator=self._validator(at),
        )

    def _validator(self, at: tuple[str, ...]) -> Draft202012Validator:
        checker = Draft202012Validator.FORMAT_CHECKER
        return Draft202012Validator({"$ref": _reference(at)}, registry=self._registry, format_checker=checker)

    def _found(self, method: str, path: str) -> _Path | None:
        bare = path.partition("?")[0].removeprefix(self._prefix)
        matching = (each for each in self._paths if each.pattern.fullmatch(bare))
        found = next(matching, None)
        return found if found is not None and method.lower() in found.operations else None

    def _operation(self, method: str, path: str) -> Mapping[str, _Response] | None:
        bare = path.partition("?")[0].removeprefix(self._prefix)
        for each in self._paths:
            if each.pattern.fullmatch(bare):
                return each.operations.get(method.lower())
        return None

    def _compile(self) -> tuple[_Path, ...]:
        paths = cast("Mapping[str, Any]", self._document.get("paths") or {})
        ordered = sorted(paths, key=lambda template: (len(_PARAMETER.findall(template)), template))
        return tuple(self._path(template, ("paths", template)) for template in ordered)

    def _path(self, template: str, at: tuple[str, ...]) -> _Path:
        item, at = self._resolved(at)
        pattern = "[^/]+".join(re.escape(part) for part in _PARAMETER.split(template))
        operations = {
            method: {
                str(status).upper() if status != "default" else status: self._response(
                    (*at, method, "responses", status)
                )
                for status in item[method].get("responses", {})
            }
            for method in METHODS
            if method in item
        }
        return _Path(template=template, pattern=re.compile(pattern), operations=operations)

    def _response(self, at: tuple[str, ...]) -> _Response:
        response, at = self._resolved(at)
        media: dict[str, Draft202012Validator | None] = {}
        for kind, content in (response.get("content") or {}).items():
            validator = self._validator((*at, "content", kind, "schema"))
            media[kind.partition(";")[0].strip().lower()] = validator if "schema" in content else None
        headers = {name: self._resolved((*at, "headers", name))[0] for name in response.get("headers") or {}}
        required = tuple(name for name, header in headers.items() if header.get("required") is True)
        return _Response(media=media, required_headers=required)

    def _resolved(self, at: tuple[str, ...]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """What stands at a place of the document, references followed, with the place where it was found."""
        for _ in range(len(METHODS)):
            found = self._registry.resolver().lookup(_reference(at)).contents
            reference = found.get("$ref")
            if reference is None:
                return found, at
            if not str(reference).startswith("#/"):
                raise KeyError(reference)
            at = tuple(part.replace("~1", "/").replace("~0", "~") for part in str(reference)[2:].split("/"))
        raise KeyError(at)


def _reference(at: tuple[str, ...]) -> str:
    return f"{DOCUMENT}#/" + "/".join(quote(str(part).replace("~", "~0").replace("/", "~1")) for part in at)


def _server_path(document: Mapping[str, JsonValue]) -> str:
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = first.get("url", "") if isinstance(first, dict) else ""
    return urlsplit(str(url)).path.rstrip("/")


def _declared(operation: Mapping[str, _Response], status: int) -> _Response | None:
    for key in (str(status), f"{status // 100}XX", "default"):
        if key in operation:
            return operation[key]
    return None


def _media(response: _Response, content_type: str) -> str | None:
    """The declared media range that means a content type."""
    kind = content_type.partition(";")[0].strip().lower()
    ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((each for each in ranges if each in response.media), None)


def _differences(response: _Response, answer: DistinctAnswer) -> Iterator[Difference]:
    present = {name.lower() for name in answer.headers}
    for name in response.required_headers:
        if name.lower() not in present:
            yield Difference(aspect=Aspect.HEADERS, told=f"required header {name} is missing")
    if answer.method.upper() == "HEAD" or answer.status in _WITHOUT_BODY:
        if answer.body:
            told = f"a body came with status {answer.status} to {answer.method.upper()}, where none may"
            yield Difference(aspect=Aspect.BODY, told=told)
        return
    if not response.media:
        if answer.body:
            told = f"a body of {answer.content_type or 'no content type'} came, none is declared"
            yield Difference(aspect=Aspect.BODY, told=told)
        return
    kind = answer.content_type.partition(";")[0].strip().lower()
    chosen = _media(response, kind)
    if chosen is None:
        told = f"content type {kind or 'none'} is not declared (declared: {', '.join(response.media)})"
        yield Difference(aspect=Aspect.MEDIA, told=told)
        return
    validator = response.media[chosen]
    if validator is not None and (kind == "application/json" or kind.endswith("+json")):
        yield from (Difference(aspect=Aspect.BODY, told=told) for told in _body_problems(validator, answer.body))


def _body_problems(validator: Draft202012Validator, text: str) -> Iterator[str]:
    try:
        body = json.loads(text)
    except ValueError as error:
        yield f"the body is no JSON: {error}" if text else "the body is empty"
        return
    try:
        for wrong in validator.iter_errors(body):
            yield _told(wrong)
    except Unresolvable as error:
        yield f"the document refers to what it doesn't have: {error.ref}"


def _told(error: ValidationError) -> str:
    deepest = best_match([error]) or error
    return f"{deepest.json_path}: {deepest.message:.300}"
