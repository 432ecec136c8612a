"""Requests that may be worth asking again: those of pacts, of examples, of a fuzzer; few of each operation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlencode, urlsplit

from pydantic import JsonValue

from harness.contracts.replay.operations import KEY_HEADERS, Operations
from harness.declare.openapi_examples import journeys_of
from harness.model.replayed import Asked, Source
from harness.model.steps import Step
from harness.model.templates import as_text, filled, filled_in

MOST_CANDIDATES = 12
"""Of one operation that are asked at all."""
MOST_BODY_BYTES = 64 << 10
"""Of a request; a larger one is not asked again."""
_LEFT_OUT = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding", "traceparent"}
)
"""What each client sets by itself."""


def asked(  # noqa: PLR0913 -- a request has that many parts
    operations: Operations,
    source: Source,
    *,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    without: Iterable[str] = (),
) -> Asked | None:
    """A request as it can be asked again, without the headers `without`; None when it is too large or no operation."""
    operation = operations.of_request(method, path)
    if len(body) > MOST_BODY_BYTES or (operation is None and operations.known):
        return None
    left_out = {*_LEFT_OUT, *(name.lower() for name in without)}
    kept = {name: value for name, value in headers.items() if name.lower() not in left_out}
    fresh = dict.fromkeys([*(operation.fresh if operation else ()), *(n for n in kept if n.lower() in KEY_HEADERS)])
    lower = {name.lower() for name in fresh}
    return Asked(
        operation=operation.name if operation else f"{method.upper()} {path.partition('?')[0]}",
        method=method.upper(),
        path=path,
        headers={name: value for name, value in kept.items() if name.lower() not in lower},
        body=body,
        source=source,
        fresh=tuple({name.lower(): name for name in fresh}.values()),
    )


def of_examples(document: Mapping[str, JsonValue]) -> Iterator[Asked]:
    """A request for each operation whose parameters and body have examples."""
    operations = Operations.of(document)
    for journey in journeys_of(document).journeys.values():
        for step in journey.steps:
            headers, body = _sent(step)
            path = filled(step.target, {})
            found = asked(operations, Source.EXAMPLE, method=step.method, path=path, headers=headers, body=body)
            if found is not None:
                yield found


def _sent(step: Step) -> tuple[dict[str, str], bytes]:
    headers = {name: filled(value, {}) for name, value in step.headers.items()}
    if step.json_body is not None:
        kind = {} if any(name.lower() == "content-type" for name in headers) else {"Content-Type": "application/json"}
        return {**headers, **kind}, json.dumps(filled_in(step.json_body, {})).encode()
    if step.form:
        fields = {name: as_text(filled_in(value, {})) for name, value in step.form.items()}
        return {**headers, "Content-Type": "application/x-www-form-urlencoded"}, urlencode(fields).encode()
    return headers, b""


def few(candidates: Iterable[Asked], most: int = MOST_CANDIDATES) -> tuple[Asked, ...]:
    """Each request once, at most so many of an operation, in the order in which they are to be asked."""
    found: dict[tuple[str, str, bytes, tuple[tuple[str, str], ...]], Asked] = {}
    for each in candidates:
        found.setdefault((each.method, each.path, each.body, tuple(sorted(each.headers.items()))), each)
    kept: dict[str, list[Asked]] = {}
    for each in sorted(found.values(), key=lambda one: (list(Source).index(one.source), len(one.path) + len(one.body))):
        of_operation = kept.setdefault(each.operation, [])
        if len(of_operation) < most:
            of_operation.append(each)
    return tuple(sorted((each for some in kept.values() for each in some), key=lambda each: each.risk))


def path_of(url: str) -> str:
    """The path and the query of a URL, as they are sent."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
