"""Spans out of OTLP's JSON; ids are hex there, long numbers are texts, and enumerations may be words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.observe.otlp_told import OtlpError, Told

_KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_CODES = {"OK": 1, "ERROR": 2}
_SHOWN_CHARS = 80


def read_json(body: bytes) -> Iterator[Told]:
    """The spans of a request; raises OtlpError when it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"expected JSON, found {body[:_SHOWN_CHARS]!r}"
        raise OtlpError(message) from error
    try:
        yield from _read(document)
    except (AttributeError, TypeError, ValueError, LookupError, OverflowError) as error:
        message = f"expected an ExportTraceServiceRequest as JSON, found something else in it ({error})"
        raise OtlpError(message) from error


def _read(document: Any) -> Iterator[Told]:
    for of_resource in document.get("resourceSpans") or ():
        resource = _attributes((of_resource.get("resource") or {}).get("attributes"))
        for of_scope in of_resource.get("scopeSpans") or ():
            for each in of_scope.get("spans") or ():
                yield _span(each, resource)


def _span(each: Any, resource: dict[str, str]) -> Told:
    status = each.get("status") or {}
    return Told(
        resource=resource,
        trace=str(each.get("traceId", "")).lower(),
        span=str(each.get("spanId", "")).lower(),
        parent=str(each.get("parentSpanId") or "").lower(),
        name=str(each.get("name", "")),
        kind=_enumerated(each.get("kind", 0), "SPAN_KIND_", _KINDS),
        start_ns=int(each.get("startTimeUnixNano") or 0),
        end_ns=int(each.get("endTimeUnixNano") or 0),
        code=_enumerated(status.get("code", 0), "STATUS_CODE_", _CODES),
        message=str(status.get("message") or ""),
        attributes=_attributes(each.get("attributes")),
        exception=_exception(each.get("events")),
    )


def _enumerated(value: Any, prefix: str, words: dict[str, int]) -> int:
    return words.get(value.removeprefix(prefix), 0) if isinstance(value, str) else int(value)


def _attributes(pairs: Any) -> dict[str, str]:
    found = {}
    for pair in pairs or ():
        for kind, value in (pair.get("value") or {}).items():
            if kind in {"stringValue", "intValue", "doubleValue"}:
                found[str(pair["key"])] = f"{value:g}" if isinstance(value, float) else str(value)
            elif kind == "boolValue":
                found[str(pair["key"])] = "true" if value else "false"
    return found


def _exception(events: Any) -> str:
    for event in events or ():
        found = _attributes(event.get("attributes"))
        if told := found.get("exception.message") or found.get("exception.type"):
            return told
    return ""
