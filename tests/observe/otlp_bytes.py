"""An ExportTraceServiceRequest as protobuf writes it, made field by field from opentelemetry-proto's definitions."""

from __future__ import annotations

import struct

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
START_NS, END_NS = 1_700_000_000_000_000_000, 1_700_000_000_250_000_000


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def whole(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number & (1 << 64) - 1)


def fixed64(field: int, number: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", number)


def fixed32(field: int, number: int) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<I", number)


def sized(field: int, content: bytes | str) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def pair(key: str, value: bytes) -> bytes:
    return sized(1, key) + sized(2, value)


def text(key: str, value: str) -> bytes:
    return pair(key, sized(1, value))


def number(key: str, value: int) -> bytes:
    return pair(key, whole(3, value))


def real(key: str, value: float) -> bytes:
    return pair(key, varint(4 << 3 | 1) + struct.pack("<d", value))


def request(*spans: bytes, service: str = "orders") -> bytes:
    resource = sized(1, text("service.name", service)) + sized(1, text("service.instance.id", f"{service}-1"))
    scope = sized(1, sized(1, "some-library") + sized(2, "1.45.2"))
    scoped = scope + b"".join(sized(2, span) for span in spans) + sized(3, "https://opentelemetry.io/schemas/1.27.0")
    return sized(1, sized(1, resource) + sized(2, scoped))


def a_span(*more: bytes, kind: int = 3, start_ns: int = START_NS, end_ns: int = END_NS) -> bytes:
    parts = [
        sized(1, bytes.fromhex(TRACE)),
        sized(2, bytes.fromhex(SPAN)),
        sized(4, bytes.fromhex(PARENT)),
        sized(5, "POST"),
        whole(6, kind),
        fixed64(7, start_ns),
        fixed64(8, end_ns),
        fixed32(16, 0x101),
    ]
    return b"".join((*parts, *more))
