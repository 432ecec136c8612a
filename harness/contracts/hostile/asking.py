"""Honest requests: where they come from, and how one is put together with something hostile in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from pydantic import JsonValue

from harness.contracts.hostile.operations import JSON_MEDIA, Operation
from harness.model.fuzzing import Example
from harness.model.hostile import Honest
from harness.model.request import Request

POINTS_LIMIT = 12
"""Places of one operation where hostile values are put."""
CANDIDATES_LIMIT = 8
_PARAMETER = re.compile(r"\{([^/{}]+)\}")
_OK = 200
_PROOF = re.compile(r"authorization|cookie|.*(api-?key|token|secret|session).*", re.IGNORECASE)
_HIDDEN = "***"


def proves(header: str) -> bool:
    """Whether a header of that name is one by which a client proves who it is."""
    return _PROOF.fullmatch(header) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in a request where a text stands or may stand."""

    part: str
    """`path`, `query`, `header` or `body`."""
    name: str
    steps: tuple[str | int, ...] = ()
    """In the body: the keys and indexes that lead there."""

    def __str__(self) -> str:
        return f"{self.part} {self.name}"


def candidates(operation: Operation, seen: Mapping[str, Sequence[Honest]], example: Example | None) -> Iterator[Honest]:
    """Honest requests for an operation, the most promising first."""
    made = [*_of_example(operation, example), *reversed([each for each in seen.get(operation.name, ()) if _fine(each)])]
    made += _of_parent(operation, seen)
    made += [each for each in seen.get(operation.name, ()) if not _fine(each)]
    if not made and not _PARAMETER.search(operation.template) and not operation.takes_json:
        made.append(Honest(operation=operation.name))
    yield from (_without_proofs(each) for each in made[:CANDIDATES_LIMIT])


def _without_proofs(honest: Honest) -> Honest:
    """Who asks is decided for each request anew; what the fuzzer sent is nobody's business."""
    kept = {name: value for name, value in honest.headers.items() if not proves(name) and value != _HIDDEN}
    return replace(honest, headers=kept)


def _fine(honest: Honest) -> bool:
    return honest.status // 100 == _OK // 100


def _of_example(operation: Operation, example: Example | None) -> Iterator[Honest]:
    if example is None:
        return
    path = {name: str(values[0]) for name, values in example.path.items() if values}
    if path.keys() >= set(_PARAMETER.findall(operation.template)):
        query = {name: str(values[0]) for name, values in example.query.items() if values}
        yield Honest(operation=operation.name, path=path, query=query, body=example.body, media=_media(example.body))


def _media(body: JsonValue) -> str:
    return JSON_MEDIA if body is not None else ""


def _of_parent(operation: Operation, seen: Mapping[str, Sequence[Honest]]) -> Iterator[Honest]:
    """What `/things` answered tells the `{thing_id}` of `/things/{thing_id}`."""
    names = _PARAMETER.findall(operation.template)
    if len(names) != 1 or operation.takes_json:
        return
    parent = operation.template.partition("{")[0].rstrip("/")
    for other in (f"POST {parent}", f"GET {parent}"):
        for honest in seen.get(other, ()):
            value = _named(honest.answer, names[0])
            if value is not None:
                yield Honest(operation=operation.name, path={names[0]: value})


def _named(answer: JsonValue, name: str) -> str | None:
    """The value that an answer has for a parameter, in its first element if it is a list."""
    if isinstance(answer, dict):
        for key in (name, name.rpartition("_")[2]):
            value = answer.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
        inner = next((each for each in answer.values() if isinstance(each, list) and each), None)
        return _named(inner, name) if inner else None
    return _named(answer[0], name) if isinstance(answer, list) and answer else None


def points(operation: Operation, honest: Honest) -> list[Point]:
    """Where texts stand in a request, or may stand."""
    found = [Point(part="path", name=name) for name in honest.path]
    found += [Point(part="query", name=name) for name in operation.query]
    found += [Point(part="header", name=name) for name in operation.header]
    if operation.takes_json and isinstance(honest.body, dict):
        inside = list(_leaves(honest.body))
        there = {steps[0] for steps in inside}
        inside += [(name,) for name in operation.fields if name not in there]
        found += [Point(part="body", name="/".join(map(str, steps)), steps=steps) for steps in inside]
    return found[:POINTS_LIMIT]


def _leaves(node: JsonValue, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    match node:
        case str():
            yield steps
        case dict():
            for key, value in node.items():
                yield from _leaves(value, (*steps, key))
        case list():
            for index, value in enumerate(node[:2]):
                yield from _leaves(value, (*steps, index))


def with_value(honest: Honest, point: Point, value: JsonValue) -> Honest:
    """The same with a value in a place; in the body it may be any, elsewhere it is text."""
    match point.part:
        case "path":
            return replace(honest, path={**honest.path, point.name: str(value)})
        case "query":
            return replace(honest, query={**honest.query, point.name: str(value)})
        case "header":
            return replace(honest, headers={**honest.headers, point.name: str(value)})
        case _:
            return replace(honest, body=_changed(honest.body, point.steps, value))


def _changed(node: JsonValue, steps: tuple[str | int, ...], value: JsonValue) -> JsonValue:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(node, list) and isinstance(step, int):
        return [_changed(each, rest, value) if index == step else each for index, each in enumerate(node)]
    inner = node if isinstance(node, dict) else {}
    return {**inner, str(step): _changed(inner.get(str(step)), rest, value)}


def request_of(
    honest: Honest, base: str, headers: Mapping[str, str], *, method: str = "", body: bytes | None = None
) -> Request:
    """The request in one piece; `headers` are sent along and win, `method` and `body` take the place of its own."""
    path = _PARAMETER.sub(lambda found: _encoded(honest.path.get(found[1], "1")), honest.template)
    query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in honest.query.items())
    own = {name: value for name, value in honest.headers.items() if name.lower() not in map(str.lower, headers)}
    if body is None and honest.body is not None:
        body = json.dumps(honest.body).encode()
    if body is not None and not any(name.lower() == "content-type" for name in own):
        own["Content-Type"] = honest.media or JSON_MEDIA
    return Request(
        method=method or honest.method,
        url=base.rstrip("/") + path + (f"?{query}" if query else ""),
        headers=tuple({**own, **headers}.items()),
        body=body,
    )


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
