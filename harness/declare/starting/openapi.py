"""OpenAPI documents as a first description: each is a service that runs already, its examples are journeys."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin, urlsplit

from pydantic import JsonValue

from harness.declare.starting.dotenv import read_text
from harness.declare.starting.draft import Draft, DraftJourney, DraftService, DraftStep, Reason
from harness.declare.starting.names import distinct, normal, words
from harness.declare.yaml import Document, Path_, parse_yaml
from harness.errors import DeclarationError, Problem
from harness.model.system import CUSTOMERS, RuntimeKind

USUAL = "http://127.0.0.1:8080"
MOST_JOURNEYS = 10
_HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 -- what documents name, not what is bound
_JSON = "application/json"

Object = dict[str, JsonValue]


def from_openapi(files: Sequence[Path], *, directory: Path, name: str | None = None) -> Draft:
    """Describe the services that the documents belong to.

    Args:
        files: the documents; the first one's service is the entry.
        directory: where the description will be.
        name: the system's name; that of the entry when left out.

    Raises:
        DeclarationError: if one can't be read, is no OpenAPI 3 document, or refers to what it doesn't have.
    """
    documents = [_Described(file) for file in files]
    ours = _names([each.title for each in documents])
    for each, own in zip(documents, ours, strict=True):
        each.tell_of_its_name(own)
    services = tuple(
        DraftService(
            name=own,
            addresses=(each.address,),
            openapi=Path(os.path.relpath(each.file.resolve(), directory.resolve())).as_posix(),
        )
        for each, own in zip(documents, ours, strict=True)
    )
    far = [each.address for each in documents if urlsplit(each.address).hostname not in _HERE]
    return Draft(
        system=normal(name or ours[0], otherwise="system"),
        source=" and ".join(file.name for file in files),
        entry=Reason(value=ours[0], why="the first document"),
        runtime=RuntimeKind.ATTACH,
        environment=_beyond(far[0]) if far else None,
        services=services,
        journeys=documents[0].journeys(writing=not far),
        remarks=tuple(remark for each in documents for remark in each.remarks),
    )


def _beyond(address: str) -> Reason:
    return Reason(value="remote", why=f"{address} is not this machine: say what it is, and what may be done there")


def _names(titles: list[str]) -> list[str]:
    """A name for each document, though two may have the same title."""
    taken = {CUSTOMERS}
    found = []
    for title in titles:
        (name,) = distinct([title], taken=taken).values()
        taken.add(name)
        found.append(name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """A method on a path, with what both declare."""

    method: str
    template: str
    declared: Object
    shared: list[JsonValue]
    path: Path_


class _Described:
    """One document, read and found sound."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._document = _read(file)
        self.remarks: list[Problem] = []
        content = self._document.content
        version = content.get("openapi") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not str(version).startswith(("3.0", "3.1")):
            found = f"Swagger {content['swagger']}" if isinstance(content, dict) and "swagger" in content else version
            message = f"expected an OpenAPI document of version 3.0 or 3.1, found {found or 'none'}"
            raise DeclarationError([self._document.problem(("swagger",), message, "convert it first")])
        self._content: Object = content
        if problems := list(self._dangling(content, ())):
            raise DeclarationError(problems)
        self.title = str(self._under(content, "info").get("title") or file.stem)
        self._base = self._server()

    @property
    def address(self) -> str:
        """`http://127.0.0.1:8080`: where it runs."""
        parts = urlsplit(self._base)
        return f"{parts.scheme}://{parts.netloc}"

    def tell_of_its_name(self, ours: str) -> None:
        """Say so when it is not called as its title would have it."""
        if ours != normal(self.title):
            message = f"'{self.title}' would be called '{normal(self.title)}', as another is: it is '{ours}'"
            self.remarks.append(self._document.problem(("info", "title"), message, "rename it if you like"))

    def journeys(self, *, writing: bool) -> tuple[DraftJourney, ...]:
        """One for each operation with examples; with those that write only if that is meant."""
        found: dict[str, DraftJourney] = {}
        for each in self._operations():
            if each.method != "get" and not (each.method == "post" and writing):
                continue
            step = self._step(each)
            if step is None or len(found) >= MOST_JOURNEYS:
                continue
            name = next(iter(distinct([words(step.name)], taken=found, otherwise="journey").values()))
            why = f"the examples of {each.method.upper()} {each.template}"
            found[name] = DraftJourney(name=name, steps=(step,), why=why)
        if found:
            return tuple(found.values())
        message = "no operation can be asked by its examples alone: the journey is a guess"
        remedy = "give the parameters and bodies of some operations an `example`, or edit loadtests/journeys.yaml"
        self.remarks.append(self._document.problem(("paths",), message, remedy, key=True))
        look = DraftStep(name="look", method="GET", path=urlsplit(self._base).path or "/")
        return (DraftJourney(name="look", steps=(look,), why="a guess"),)

    def _server(self) -> str:
        """Where the first server is that has an address; the document's own paths begin there."""
        servers = self._content.get("servers")
        relative = ""
        for index, server in enumerate(servers if isinstance(servers, list) else []):
            if not isinstance(server, dict) or not isinstance(server.get("url"), str):
                message = "expected a server with a 'url'"
                raise DeclarationError([self._document.problem(("servers", index), message)])
            url = str(server["url"])
            for variable, declared in self._under(server, "variables").items():
                default = declared.get("default") if isinstance(declared, dict) else None
                url = url.replace(f"{{{variable}}}", str(default or ""))
            if _is_address(url):
                return url.rstrip("/")
            relative = relative or url
        message = f"no server of it has an address: {USUAL} is a guess"
        remedy = "write where it runs into `attach: {addresses: […]}`"
        self.remarks.append(self._document.problem(("servers",), message, remedy, key=True))
        return urljoin(USUAL, relative).rstrip("/") if relative.startswith("/") else USUAL

    def _operations(self) -> Iterator[_Operation]:
        for template, item in self._under(self._content, "paths").items():
            if not isinstance(item, dict):
                continue
            shared = item.get("parameters")
            for method, declared in item.items():
                if method in {"get", "post"} and isinstance(declared, dict):
                    yield _Operation(
                        method=method,
                        template=template,
                        declared=declared,
                        shared=shared if isinstance(shared, list) else [],
                        path=("paths", template, method),
                    )

    def _step(self, each: _Operation) -> DraftStep | None:
        """The operation as one request; None when its examples don't suffice."""
        if each.declared.get("security", self._content.get("security")):
            return None
        own = each.declared.get("parameters")
        path, query = each.template, {}
        for parameter in [*each.shared, *(own if isinstance(own, list) else [])]:
            declared = self._resolved(parameter)
            where, name, example = declared.get("in"), str(declared.get("name")), self._example(declared)
            if example is None and declared.get("required"):
                return None
            if where in {"header", "cookie"} and declared.get("required"):
                return None
            if where == "path":
                path = path.replace(f"{{{name}}}", quote(_plain(example), safe=""))
            elif where == "query" and declared.get("required"):
                query[name] = _plain(example)
        if "{" in path:
            return None
        body = self._body(each) if each.method == "post" else None
        if each.method == "post" and body is None:
            return None
        prefix = urlsplit(self._base).path
        return DraftStep(
            name=str(each.declared.get("operationId") or f"{each.method} {each.template}"),
            method=each.method.upper(),
            path=prefix + path + (f"?{urlencode(query)}" if query else ""),
            status=_success(self._under(each.declared, "responses")),
            body=body,
        )

    def _body(self, each: _Operation) -> str | None:
        body = self._resolved(each.declared.get("requestBody"))
        media = self._under(self._under(body, "content"), _JSON)
        example = self._example(media)
        return None if example is None else json.dumps(example)

    def _example(self, declared: Object) -> JsonValue:
        """What stands as an example of a parameter or of a body, or in its schema."""
        if "example" in declared:
            return declared["example"]
        for each in self._under(declared, "examples").values():
            return self._resolved(each).get("value")
        schema = self._resolved(declared.get("schema"))
        if "example" in schema:
            return schema["example"]
        for key in ("examples", "enum"):
            listed = schema.get(key)
            if isinstance(listed, list) and listed:
                return listed[0]
        return schema.get("default")

    def _under(self, value: Object, key: str) -> Object:
        found = value.get(key)
        return found if isinstance(found, dict) else {}

    def _resolved(self, value: JsonValue, depth: int = 0) -> Object:
        """What a `$ref` leads to; nothing for one that leads out of the document, or round in circles."""
        if not isinstance(value, dict) or depth > MOST_JOURNEYS:
            return {}
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return value
        return self._resolved(self._at(reference), depth + 1) if reference.startswith("#") else {}

    def _dangling(self, value: JsonValue, path: Path_) -> Iterator[Problem]:
        if isinstance(value, list):
            for index, each in enumerate(value):
                yield from self._dangling(each, (*path, index))
        if not isinstance(value, dict):
            return
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith("#") and self._at(reference) is None:
            message = f"'$ref: {reference}' leads to nothing in this document"
            yield self._document.problem((*path, "$ref"), message, "add what it names, or correct it")
        elif isinstance(reference, str) and not reference.startswith("#"):
            message = f"'$ref: {reference}' leads out of the document, and is not followed"
            self.remarks.append(self._document.problem((*path, "$ref"), message, "bundle the documents into one"))
        for key, each in value.items():
            if key not in {"example", "examples"}:
                yield from self._dangling(each, (*path, key))

    def _at(self, reference: str) -> JsonValue:
        current: JsonValue = self._content
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(current, dict) and key in current:
                current = current[key]
            elif isinstance(current, list) and key.isdigit() and int(key) < len(current):
                current = current[int(key)]
            else:
                return None
        return current


def _read(file: Path) -> Document:
    text = read_text(file)
    # JSON may be indented by tabs, which YAML refuses; within its texts there are none.
    return parse_yaml(text.replace("\t", " ") if text.lstrip().startswith("{") else text, file=str(file))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _plain(example: JsonValue) -> str:
    return example if isinstance(example, str) else json.dumps(example)


def _success(responses: Object) -> int:
    return next((int(code) for code in responses if code.isdigit() and code.startswith("2")), 200)
