"""A histogram of one second as its few filled buckets, read without the thousands of empty ones."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from harness.model.figures import HIGHEST_US, SIGNIFICANT_DIGITS

_HEADER = struct.Struct(">iiiiqqd")
_OUTER = struct.Struct(">II")
_COOKIE, _COOKIE_COMPRESSED = 0x1C849303, 0x1C849304
_COOKIE_MASK = 0xF0
_BYTES_LIMIT = 1 << 20
"""What a histogram of our range can't exceed when every bucket is filled."""
_HALF_BITS = 10
"""Three significant digits: 2,048 buckets in the first range, half as many in each further one."""
_LEB_BYTES = 9

MAX_KEPT = 16_384
"""Histograms kept as read: a report asks for those of one second again for each window and chart that has it."""

Buckets = dict[int, int]
"""The greatest latency of each filled bucket in microseconds (as in `figures.Histogram`) → how many."""


@lru_cache(maxsize=MAX_KEPT)
def buckets(text: str) -> Mapping[int, int]:
    """The filled buckets of a histogram in the form of `figures.encoded`; none of an empty text.

    Raises:
        ValueError: if it is no HdrHistogram V2 of that range and precision.
    """
    if not text:
        return MappingProxyType({})
    try:
        raw = base64.b64decode(text, validate=True)
        cookie, length = _OUTER.unpack_from(raw)
        body = zlib.decompressobj().decompress(raw[_OUTER.size : _OUTER.size + length], _BYTES_LIMIT)
        inner, size, _, digits, _, highest, _ = _HEADER.unpack_from(body)
    except (binascii.Error, struct.error, zlib.error, ValueError) as error:
        raise ValueError(_unlike(text, str(error))) from error
    if (cookie & ~_COOKIE_MASK, inner & ~_COOKIE_MASK) != (_COOKIE_COMPRESSED, _COOKIE):
        raise ValueError(_unlike(text, "another format"))
    if (highest, digits) != (HIGHEST_US, SIGNIFICANT_DIGITS):
        message = (
            f"expected a histogram up to {HIGHEST_US} µs with {SIGNIFICANT_DIGITS} digits, found one up to "
            f"{highest} with {digits}"
        )
        raise ValueError(message)
    return MappingProxyType(dict(_filled(text, body[_HEADER.size : _HEADER.size + size])))


def lowest_us(highest_us: int) -> int:
    """The smallest latency of the bucket whose greatest is this."""
    bucket = max(highest_us.bit_length() - _HALF_BITS - 1, 0)
    return highest_us + 1 - (1 << bucket)


def _filled(text: str, payload: bytes) -> Iterator[tuple[int, int]]:
    index = 0
    for number in _numbers(text, payload):
        if number < 0:
            index -= number
            continue
        if number:
            yield _highest_us(index), number
        index += 1


def _numbers(text: str, payload: bytes) -> Iterator[int]:
    """Zig-zag LEB128: a count, or below zero how many empty buckets follow one another."""
    value, shift, bytes_read = 0, 0, 0
    for byte in payload:
        bytes_read += 1
        last = bytes_read == _LEB_BYTES
        value |= (byte if last else byte & 0x7F) << shift
        shift += 7
        if last or byte < 0x80:  # noqa: PLR2004 -- the highest bit says that more follows
            yield (value >> 1) ^ -(value & 1)
            value, shift, bytes_read = 0, 0, 0
    if bytes_read:
        raise ValueError(_unlike(text, "it is cut short"))


def _highest_us(index: int) -> int:
    bucket = max((index >> _HALF_BITS) - 1, 0)
    within = index if index < 2 << _HALF_BITS else (index & ((1 << _HALF_BITS) - 1)) + (1 << _HALF_BITS)
    return ((within + 1) << bucket) - 1


def _unlike(text: str, why: str) -> str:
    return f"expected a histogram in the base64 form of HdrHistogram V2, found {text[:40]!r} ({why})"
