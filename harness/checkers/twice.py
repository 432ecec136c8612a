"""Was one request carried out twice: a command that was sent again, and that its provider took for another?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from harness.checkers.alike import Seen
from harness.checkers.shape import parsed
from harness.model.changes import Headers, KeptExchange
from harness.model.tracing import TRACEPARENT

LISTED = 5
"""Commands that are told of."""
SHOWN_CHARACTERS = 60
_ACCEPTED = range(200, 300)
_NAMES = re.compile(r"(?:^|_)(?:id|uuid|number|no)$|Id$|ID$|Number$")
"""Fields whose value is the name of a thing."""
_OF_THE_REQUEST = re.compile(r"^(?:request|trace|correlation|span|session|message|event|x)(?:_|I)", re.IGNORECASE)
"""Fields that name the exchange, and are others each time."""
KEY = "idempotency-key"


def commands_made_once(seen: Seen) -> frozenset[str]:
    """`POST /orders`: what clean visits post once, for one request of the customer; twice may be meant elsewhere."""
    posted = [call for call in (*seen.calls, *seen.perhaps) if call.asked.startswith("POST ")]
    often = {call.asked for call in posted if call.nth > 1}
    within: dict[str, set[str]] = {}
    for call in posted:
        within.setdefault(call.asked, set()).add(call.request)
    return frozenset(asked for asked, requests in within.items() if asked not in often and len(requests) == 1)


def done_twice(visits: Iterable[Sequence[KeptExchange]], *, alone: bool) -> tuple[str, ...]:
    """The commands of which a provider made two things, though they were one, each in a line.

    The same in method, path and body, within one trace; of those without a trace, within one visit. Whoever knows a
    repetition answers with the name of the thing that is there already, so only accepted ones count whose answers name
    different things.

    Args:
        visits: what crossed an edge meanwhile, with the answers that the provider gave.
        alone: whether each of them is of one visit; of several only traces tell what belongs together.
    """
    groups: dict[tuple[object, ...], list[KeptExchange]] = {}
    for number, exchanges in enumerate(visits):
        for each in exchanges:
            if each.method == "POST" and each.status in _ACCEPTED and each.request_body and not each.cut:
                trace = _trace(each)
                if trace or alone:
                    groups.setdefault((trace or number, each.path, each.request_body), []).append(each)
    found = [line for group in groups.values() if (line := _two_things(group))]
    return tuple(found[:LISTED])


def _two_things(group: Sequence[KeptExchange]) -> str:
    first, *others = sorted(group, key=lambda each: each.t)
    for other in others:
        differ = [*_differing(_things(first), _things(other))]
        if differ:
            field, one, two = differ[0]
            return (
                f"POST {first.path} was sent again and accepted again ({first.status}, {other.status}):"
                f" {field} is {one}, then {two}; {_keys(first, other)}"
            )
    return ""


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    yield from ((field, one[field], other[field]) for field in one if field in other and one[field] != other[field])


def _things(exchange: KeptExchange) -> dict[str, str]:
    """Field → the name of a thing, as the answer tells it."""
    is_json, document = parsed(exchange.body)
    found = _named(document) if is_json and isinstance(document, dict) else {}
    location = exchange.header("location")
    return found | ({"Location": location} if location else {})


def _named(document: Mapping[str, JsonValue]) -> dict[str, str]:
    return {
        field: str(value)[:SHOWN_CHARACTERS]
        for field, value in document.items()
        if isinstance(value, str | int) and _NAMES.search(field) and not _OF_THE_REQUEST.search(field)
    }


def _keys(one: KeptExchange, other: KeptExchange) -> str:
    """What the two say of belonging together."""
    keys = [_header(each.request_headers, KEY) for each in (one, other)]
    if not any(keys):
        return "neither has an Idempotency-Key"
    if keys[0] == keys[1]:
        return "both have the same Idempotency-Key"
    return "each has an Idempotency-Key of its own" if all(keys) else "one of them has an Idempotency-Key"


def _trace(exchange: KeptExchange) -> str:
    """The trace that a request belongs to; empty when it does not say."""
    parts = _header(exchange.request_headers, TRACEPARENT).split("-")
    return parts[1] if len(parts) >= len(("version", "trace", "parent")) else ""


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")
