"""What an OpenAPI document says of each operation, as far as hostile requests need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

METHODS = ("get", "head", "post", "put", "patch", "delete")
REFERENCES_LIMIT = 20
"""References that lead to references."""
JSON_MEDIA = "application/json"

Node = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation, and where in it something can be put."""

    name: str
    """`GET /products/{sku}`."""
    secured: bool
    """Whether the document says that a token is needed."""
    query: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    takes_json: bool = False
    fields: tuple[str, ...] = ()
    """Members of its JSON body that are text."""
    statuses: tuple[str, ...] = ()
    """Declared."""

    @property
    def method(self) -> str:
        """`GET`."""
        return self.name.partition(" ")[0]

    @property
    def template(self) -> str:
        """`/products/{sku}`."""
        return self.name.partition(" ")[2]


def operations_of(document: Node) -> dict[str, Operation]:
    """By their names; what can't be read in the document is left out."""
    reader = _Reader(document)
    return {each.name: each for each in reader.operations()}


class _Reader:
    def __init__(self, document: Node) -> None:
        self._document = document

    def operations(self) -> Iterator[Operation]:
        for path, raw in _mapping(self._document.get("paths")).items():
            item = self._resolved(raw)
            for method in METHODS:
                if isinstance(item.get(method), dict):
                    yield self._operation(f"{method.upper()} {path}", item, self._resolved(item[method]))

    def _operation(self, name: str, item: Node, operation: Node) -> Operation:
        parameters = [
            self._resolved(each) for each in (*_list(item.get("parameters")), *_list(operation.get("parameters")))
        ]
        content = _mapping(self._resolved(operation.get("requestBody")).get("content"))
        schema = self._resolved(_mapping(content.get(JSON_MEDIA)).get("schema"))
        return Operation(
            name=name,
            secured=_secured(operation.get("security", self._document.get("security"))),
            query=tuple(str(each["name"]) for each in parameters if each.get("in") == "query" and "name" in each),
            header=tuple(str(each["name"]) for each in parameters if each.get("in") == "header" and "name" in each),
            takes_json=JSON_MEDIA in content,
            fields=tuple(self._texts(schema)),
            statuses=tuple(map(str, _mapping(operation.get("responses")))),
        )

    def _texts(self, schema: Node) -> Iterator[str]:
        for name, raw in _mapping(schema.get("properties")).items():
            kind = self._resolved(raw).get("type")
            if kind == "string" or (isinstance(kind, list) and "string" in kind):
                yield name

    def _resolved(self, node: JsonValue) -> Node:
        for _ in range(REFERENCES_LIMIT):
            found = _mapping(node)
            reference = found.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return found
            node = cast("JsonValue", self._document)
            for step in reference[2:].split("/"):
                node = _mapping(node).get(step.replace("~1", "/").replace("~0", "~"))
        return {}


def _secured(security: JsonValue) -> bool:
    """An empty requirement among them says that it works without, too."""
    return isinstance(security, list) and bool(security) and all(security)


def _mapping(node: JsonValue) -> Node:
    return node if isinstance(node, dict) else {}


def _list(node: JsonValue) -> list[JsonValue]:
    return node if isinstance(node, list) else []
