"""Spans out of OTLP's protobuf: as much of the wire format as an ExportTraceServiceRequest needs.

The numbers are those of opentelemetry-proto's trace, resource and common messages, v1. What is unknown is skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

from harness.observe.otlp_told import OtlpError, Told

_FIXED64 = 1
_VARINT_BITS = 70
"""Ten bytes of seven bits."""
_UINT64 = (1 << 64) - 1
_SIGN = 1 << 63

_IDS = {1: "trace", 2: "span", 4: "parent"}
_NUMBERS = {6: "kind", 7: "start_ns", 8: "end_ns"}
_NAME, _ATTRIBUTES, _EVENTS, _STATUS = 5, 9, 11, 15
"""Of a span."""

Value: TypeAlias = "int | memoryview"
"""A number, fixed ones as they lie there; else what the length says."""


def read_protobuf(body: bytes) -> Iterator[Told]:
    """The spans of a request; raises OtlpError when it is none."""
    for number, value in _fields(memoryview(body)):
        if number == 1:
            yield from _resource_spans(_message(value))


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:  # a varint
                number, at = _varint(message, at)
                yield tag >> 3, number
            case 1 | 5 as kind:  # fixed, of eight or four bytes
                size = 8 if kind == _FIXED64 else 4
                if at + size > end:
                    raise OtlpError("expected protobuf, found a number that ends beyond its message")
                yield tag >> 3, int.from_bytes(message[at : at + size], "little")
                at += size
            case 2:  # bytes of a given length
                size, at = _varint(message, at)
                if at + size > end:
                    raise OtlpError("expected protobuf, found a field that ends beyond its message")
                yield tag >> 3, message[at : at + size]
                at += size
            case kind:
                raise OtlpError(f"expected protobuf, found a field of the unknown wire type {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < _VARINT_BITS:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 -- the bit that says that more follows
            return value & _UINT64, at
        shift += 7
    raise OtlpError("expected protobuf, found a number without an end")


def _message(value: Value) -> memoryview:
    if isinstance(value, int):
        raise OtlpError("expected a message of OTLP, found a number in its place")
    return value


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise OtlpError("expected a number of OTLP, found bytes in its place")
    return value


def _text(value: Value) -> str:
    return str(_message(value), "utf-8", "replace")


def _resource_spans(message: memoryview) -> Iterator[Told]:
    fields = [*_fields(message)]
    resource = {
        name: value
        for number, each in fields
        if number == 1
        for inner, pair in _fields(_message(each))
        if inner == 1
        for name, value in [_pair(_message(pair))]
    }
    for number, each in fields:
        if number == 2:  # noqa: PLR2004 -- scope_spans
            for inner, span in _fields(_message(each)):
                if inner == 2:  # noqa: PLR2004 -- spans
                    yield _span(_message(span), resource)


def _span(message: memoryview, resource: dict[str, str]) -> Told:
    told = Told(resource=resource)
    for number, value in _fields(message):
        if number in _IDS:
            setattr(told, _IDS[number], bytes(_message(value)).hex())
        elif number in _NUMBERS:
            setattr(told, _NUMBERS[number], _number(value))
        elif number == _NAME:
            told.name = _text(value)
        elif number == _ATTRIBUTES:
            name, text = _pair(_message(value))
            told.attributes[name] = text
        elif number == _EVENTS:
            told.exception = told.exception or _exception(_message(value))
        elif number == _STATUS:
            told.message, told.code = _status(_message(value))
    return told


def _exception(event: memoryview) -> str:
    found = dict(_pair(_message(value)) for number, value in _fields(event) if number == 3)  # noqa: PLR2004 -- attributes
    return found.get("exception.message") or found.get("exception.type", "")


def _status(message: memoryview) -> tuple[str, int]:
    text, code = "", 0
    for number, value in _fields(message):
        if number == 2:  # noqa: PLR2004 -- message
            text = _text(value)
        elif number == 3:  # noqa: PLR2004 -- code
            code = _number(value)
    return text, code


def _pair(message: memoryview) -> tuple[str, str]:
    key = text = ""
    for number, value in _fields(message):
        if number == 1:
            key = _text(value)
        elif number == 2:  # noqa: PLR2004 -- value
            text = _any(_message(value))
    return key, text


def _any(message: memoryview) -> str:
    """A value as text; lists, maps and bytes say nothing that is read."""
    for number, value in _fields(message):
        match number:
            case 1:
                return _text(value)
            case 2:
                return "true" if _number(value) else "false"
            case 3:
                whole = _number(value)
                return str(whole - (1 << 64) if whole & _SIGN else whole)
            case 4:
                (real,) = struct.unpack("<d", _number(value).to_bytes(8, "little"))
                return f"{real:g}"
            case _:
                return ""
    return ""
