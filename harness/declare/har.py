"""A recorded HAR as a journey: what a browser asked of one host, without what was only its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import JsonValue

from harness.declare.har_file import Entry, Posted, Request, Response, read_har, wrong
from harness.model.steps import BODY_LIMIT_BYTES, STEPS_LIMIT, Checks, Step
from harness.model.templates import literal

LEAST_LENGTH = 8
"""Of a value that, seen in an earlier answer, is taken from there: shorter ones are alike by chance."""

VALUES_LIMIT = 2_000
"""Values of earlier answers that are looked for in what is asked later; the latest count."""

DEPTH_LIMIT = 8
"""Levels of an answer in which values are looked for."""

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_STATIC = re.compile(
    r"\.(css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|otf|eot|mp4|webm|wasm)$", re.IGNORECASE
)
_STATIC_KINDS = ("image/", "font/", "text/css", "video/", "audio/", "application/javascript", "text/javascript")
_OF_THE_CONNECTION = re.compile(
    r"^(:.*|sec-.*|proxy-.*|x-forwarded-.*|forwarded|via|host|content-length|connection|keep-alive|te|trailer|upgrade"
    r"|transfer-encoding|expect|priority|dnt|accept-encoding|origin|referer|user-agent|cookie|cache-control|pragma"
    r"|if-none-match|if-modified-since|upgrade-insecure-requests|traceparent|tracestate|baggage)$"
)
"""Of the connection, the browser or its cache; cookies are kept by the customer as they come."""
_SECRET = re.compile(r"auth|token|secret|session|csrf|xsrf|api-?_?key|jwt|passw|signature|^sid$|^sig$", re.IGNORECASE)
"""Names of headers and query parameters whose values stay out, unless an earlier answer told them."""
_TELLING = frozenset({"etag", "authorization", "x-csrf-token", "x-xsrf-token", "x-auth-token"})
_NOT_MODIFIED = 304
REDACTED = "redacted"


def read_recording(file: Path) -> tuple[Step, ...]:
    """The steps of a recording: the requests to the host of its first page, in their order.

    Raises:
        DeclarationError: if it is no HAR, or nothing of it is left to be asked.
    """
    entries = read_har(file).log.entries
    host = _host(entries)
    kept = [each for each in entries if urlsplit(each.request.url).netloc == host and not _is_noise(each)]
    if not kept:
        raise wrong(
            file, "nothing is left of it without images, scripts and other hosts", "record the pages themselves"
        )
    if len(kept) > STEPS_LIMIT:
        raise wrong(file, f"it holds {len(kept)} requests, and a journey has at most {STEPS_LIMIT}", "record less")
    return tuple(_Steps(kept).all())


def _host(entries: tuple[Entry, ...]) -> str:
    """Where the recording began: the first that gave a page or a document, else the first of all."""
    for entry in entries:
        kind = entry.response.content.kind
        if kind.startswith("text/html") or "json" in kind:
            return urlsplit(entry.request.url).netloc
    return urlsplit(entries[0].request.url).netloc if entries else ""


def _is_noise(entry: Entry) -> bool:
    """What a browser asks by itself: pictures, scripts, preflights, web sockets, what it never got."""
    request, kind = entry.request, entry.response.content.kind
    url = urlsplit(request.url)
    preflight = request.method == "OPTIONS" and any(
        header.name.lower() == "access-control-request-method" for header in request.headers
    )
    return (
        url.scheme not in {"http", "https"}
        or request.method not in _METHODS
        or preflight
        or (request.method in {"GET", "HEAD"} and (bool(_STATIC.search(url.path)) or kind.startswith(_STATIC_KINDS)))
    )


@dataclass(slots=True)
class _Told:
    """A value that an answer told: which step's, and where it stood."""

    step: int
    where: str
    name: str = ""


@dataclass(slots=True)
class _Steps:
    """Turns requests into steps; what an earlier answer told becomes a capture of its step."""

    entries: list[Entry]
    _told: dict[str, _Told] = field(default_factory=dict)
    _ids: dict[str, _Told] = field(default_factory=dict)
    """Short ones, which count as whole segments of a path only."""
    _ways: dict[str, _Told] = field(default_factory=dict)
    """Paths that an answer has led to."""
    _captures: dict[int, dict[str, str]] = field(default_factory=dict)

    def all(self) -> Iterator[Step]:
        steps: list[Step] = []
        asked: set[str] = set()
        for index, entry in enumerate(self.entries):
            steps.append(self._step(entry))
            asked.add(_path(urlsplit(entry.request.url)))
            self._learn(index, entry.response, asked)
        for index, step in enumerate(steps):
            yield step.model_copy(update={"capture": self._captures.get(index, {})})

    def _learn(self, index: int, response: Response, asked: set[str]) -> None:
        for header in response.headers:
            name = header.name.lower()
            if name == "location" and (way := _path(urlsplit(header.value))) not in asked:
                self._ways[way] = _Told(index, f"header {header.name}")
            elif name in _TELLING and len(header.value) >= LEAST_LENGTH:
                self._told[header.value] = _Told(index, f"header {header.name}")
        for pointer, value in _values(response):
            if isinstance(value, str) and len(value) >= LEAST_LENGTH:
                self._told.pop(value, None)  # the latest answer counts, and comes last
                self._told[value] = _Told(index, pointer)
            elif pointer.lower().endswith("id"):
                self._ids[str(value)] = _Told(index, pointer)
        self._told = dict(list(self._told.items())[-VALUES_LIMIT:])

    def _step(self, entry: Entry) -> Step:
        request, status = entry.request, entry.response.status
        body = _body(request.posted)
        usual = "2xx" if status == _NOT_MODIFIED else f"{status // 100}xx"
        return Step(
            request=f"{request.method} {self._target(urlsplit(request.url))}",
            headers=self._headers(request, posted=bool(body)),
            json_body=self._templated_in(body.get("json")),
            form=_mapping(self._templated_in(body.get("form"))),
            body=self._templated(str(body["body"])) if "body" in body else None,
            check=Checks(status=(usual,)) if status else Checks(),
        )

    def _target(self, url: SplitResult) -> str:
        if (way := self._ways.get(_path(url))) is not None:
            return f"{{{self._name(way)}}}"
        parts = [
            f"{{{self._name(self._ids[part])}}}" if part in self._ids else self._templated(part)
            for part in (url.path or "/").replace(" ", "%20").split("/")
        ]
        pairs = (part.partition("=") for part in url.query.split("&") if part)
        query = "&".join(f"{name}{equals}{self._parameter(name, value)}" for name, equals, value in pairs)
        return "/".join(parts) + (f"?{query}" if query else "")

    def _parameter(self, name: str, value: str) -> str:
        text = self._templated(value)
        return REDACTED if _SECRET.search(name) and text == literal(value) else text

    def _headers(self, request: Request, *, posted: bool) -> dict[str, str]:
        kept: dict[str, str] = {}
        for header in request.headers:
            name = header.name.lower()
            if _OF_THE_CONNECTION.match(name) or (name == "content-type" and not posted):
                continue
            text = self._templated(header.value)
            if not _SECRET.search(name) or text != literal(header.value):
                kept[header.name] = text
        return kept

    def _templated_in(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self._templated(value)
            case list():
                return [self._templated_in(each) for each in value]
            case dict():
                return {key: self._templated_in(each) for key, each in value.items()}
            case _:
                return value

    def _templated(self, text: str) -> str:
        """The text with names in place of what earlier answers told, the longest first."""
        for value in sorted((each for each in self._told if each in text), key=len, reverse=True):
            before, _, after = text.partition(value)
            if not (before[-1:].isalnum() or after[:1].isalnum()):  # a word of its own, no part of a longer one
                return f"{self._templated(before)}{{{self._name(self._told[value])}}}{self._templated(after)}"
        return literal(text)

    def _name(self, told: _Told) -> str:
        if not told.name:
            last = told.where.rsplit("/", 1)[-1].removeprefix("header ").lower()
            word = re.sub(r"[^a-z0-9]+", "_", last).strip("_")
            name = f"{word if word[:1].isalpha() else 'value'}_{told.step + 1}"
            taken = self._captures.setdefault(told.step, {})
            while taken.get(name, told.where) != told.where:
                name += "x"
            told.name = name
            taken[name] = told.where
        return told.name


def _path(url: SplitResult) -> str:
    path = (url.path or "/").replace(" ", "%20")
    return f"{path}?{url.query}" if url.query else path


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _body(posted: Posted | None) -> dict[str, JsonValue]:
    """The body by its kind, under the key that a step has for it."""
    if posted is None or not (posted.text or posted.params):
        return {}
    kind = posted.kind.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(posted.text, keep_blank_values=True) or [(each.name, each.value) for each in posted.params]
        if len(dict(pairs)) == len(pairs):
            form: dict[str, JsonValue] = dict(pairs)
            return {"form": form}
    if (kind == "application/json" or kind.endswith("+json")) and (parsed := _json(posted.text)) is not None:
        return {"json": parsed}
    return {"body": posted.text[:BODY_LIMIT_BYTES]}


def _json(text: str) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _values(response: Response) -> Iterator[tuple[str, str | int]]:
    """What an answer's JSON tells that may be asked for later, with where it stands."""
    content = response.content
    if "json" in content.kind and content.text and not content.encoding:
        yield from _words(_json(content.text), "", depth=DEPTH_LIMIT)


def _words(value: JsonValue, pointer: str, *, depth: int) -> Iterator[tuple[str, str | int]]:
    match value:
        case bool() | None:
            return
        case int():
            yield pointer, value
        case str() if value and value.isascii() and not re.search(r"\s", value):
            yield pointer, value
        case dict() if depth:
            for key, each in value.items():
                yield from _words(each, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", depth=depth - 1)
        case list() if depth:
            for index, each in enumerate(value):
                yield from _words(each, f"{pointer}/{index}", depth=depth - 1)
        case _:
            return
