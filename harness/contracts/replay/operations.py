"""Which operation of an OpenAPI document a request is for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import JsonValue

METHODS = ("get", "head", "post", "put", "patch", "delete")
KEY_HEADERS = frozenset({"idempotency-key", "x-idempotency-key", "request-id", "x-request-id"})
"""Headers whose value makes a command a new one."""
_PARAMETER = re.compile(r"\{[^/{}]+\}")

Node = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a document."""

    name: str
    """`GET /products/{sku}`."""
    method: str
    pattern: re.Pattern[str]
    fresh: tuple[str, ...]
    """Its parameters that are idempotency keys."""


@dataclass(frozen=True, slots=True)
class Operations:
    """All operations of a document; of nothing, when there is no document."""

    known: tuple[Operation, ...]

    @classmethod
    def of(cls, document: Node) -> Operations:
        """Read them; what isn't built as an OpenAPI document is has none."""
        prefix = _prefix(document)
        found = [each for path, item in _mapping(document.get("paths")).items() for each in _read(prefix, path, item)]
        return cls(tuple(sorted(found, key=lambda each: (each.name.count("{"), each.name))))

    def of_request(self, method: str, path: str) -> Operation | None:
        """The operation that a request is for; the one with fewest parameters counts."""
        bare = path.partition("?")[0]
        return next(
            (each for each in self.known if each.method == method.upper() and each.pattern.fullmatch(bare)), None
        )


def _read(prefix: str, path: str, item: JsonValue) -> Iterator[Operation]:
    whole = _mapping(item)
    pattern = re.compile(re.escape(prefix) + "[^/]+".join(re.escape(part) for part in _PARAMETER.split(path)))
    for method in METHODS:
        if method in whole:
            parameters = [*_items(whole.get("parameters")), *_items(_mapping(whole[method]).get("parameters"))]
            named = [str(_mapping(each).get("name")) for each in parameters if _mapping(each).get("in") == "header"]
            fresh = tuple(name for name in named if name.lower() in KEY_HEADERS)
            yield Operation(name=f"{method.upper()} {path}", method=method.upper(), pattern=pattern, fresh=fresh)


def _prefix(document: Node) -> str:
    servers = _items(document.get("servers"))
    url = str(_mapping(servers[0]).get("url", "")) if servers else ""
    return "" if "{" in url else urlsplit(url).path.rstrip("/")


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
