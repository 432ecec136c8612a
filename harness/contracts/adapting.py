"""Schemas of OpenAPI documents as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any


def adapt(node: object, *, nullable: bool) -> None:
    """Turn schemas into JSON Schema 2020-12 for answers: 3.0's `nullable`, and required members only sent, not read."""
    if isinstance(node, list):
        for each in node:
            adapt(each, nullable=nullable)
    if not isinstance(node, dict):
        return
    for each in node.values():
        adapt(each, nullable=nullable)
    _forget_write_only(node)
    if nullable:
        _adapt_bounds(node)
        if node.get("nullable") is True:
            _adapt_nullable(node)


def _forget_write_only(node: dict[str, Any]) -> None:
    required, properties = node.get("required"), node.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        hidden = {name for name, each in properties.items() if isinstance(each, dict) and each.get("writeOnly") is True}
        node["required"] = [name for name in required if name not in hidden]


def _adapt_bounds(node: dict[str, Any]) -> None:
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if node.get(exclusive) is True and bound in node:
            node[exclusive] = node.pop(bound)
        elif isinstance(node.get(exclusive), bool):
            del node[exclusive]


def _adapt_nullable(node: dict[str, Any]) -> None:
    if "type" not in node:
        return  # 3.0.3: nullable says something only beside a type
    inner = {key: value for key, value in node.items() if key != "nullable"}
    node.clear()
    node["anyOf"] = [inner, {"type": "null"}]
