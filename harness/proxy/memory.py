"""Answers that are remembered, to be given again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

MEMORY_LIMIT_BYTES = 8 << 20
"""Of all that are remembered for one fault on one line; one that does not fit is not remembered."""
_TELLING = ("accept", "accept-encoding", "accept-language", "authorization", "cookie", "range")
"""Headers of a request that make its answer another."""


class Memory:
    """By what was asked, the first answer to it."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, bytes]] = {}
        self._room = MEMORY_LIMIT_BYTES

    def put(self, key: bytes, message: bytes, body: bytes) -> bool:
        """Remember an answer and its body, unless there is one; whether there is room."""
        if key in self._known:
            return True
        size = len(message) + len(body)
        if size > self._room:
            return False
        self._room -= size
        self._known[key] = message, body
        return True

    def get(self, key: bytes) -> tuple[bytes, bytes] | None:
        """The answer and its body."""
        return self._known.get(key)


def key_of(method: str, target: str, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """What makes a request the same as another."""
    lines: Mapping[str, str] = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    told = [method, target, *(lines.get(name, "") for name in _TELLING)]
    return hashlib.sha256("\0".join(told).encode() + b"\0" + body).digest()
