from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = tuple(sorted(file.parent.name for file in (ROOT / "targets" / "shop" / "services").glob("*/app.py")))


@pytest.fixture(scope="module")
def export() -> ModuleType:
    spec = importlib.util.spec_from_file_location("export_openapi", ROOT / "targets" / "shop" / "export_openapi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(service: str) -> str:
    return (ROOT / "contracts" / "openapi" / f"{service}.json").read_text(encoding="utf-8")


def test_every_service_is_exported(export: ModuleType) -> None:
    assert export.SERVICES == SERVICES
    assert sorted(file.stem for file in (ROOT / "contracts" / "openapi").glob("*.json")) == list(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_the_committed_document_is_what_the_app_produces(export: ModuleType, service: str) -> None:
    assert committed(service) == export.document(service), "run: python targets/shop/export_openapi.py"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_declares_its_errors_as_problem_documents(service: str) -> None:
    document: dict[str, Any] = json.loads(committed(service))
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            errors = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
            assert {"422", "429", "503"} <= errors.keys(), f"{method} {path}"
            assert all(list(answer["content"]) == ["application/problem+json"] for answer in errors.values())
            assert all(errors[status]["headers"]["Retry-After"]["required"] for status in ("429", "503"))


@pytest.mark.parametrize("service", SERVICES)
def test_every_object_says_what_it_holds_and_holds_nothing_else(service: str) -> None:
    schemas: dict[str, Any] = json.loads(committed(service))["components"]["schemas"]
    for name, schema in schemas.items():
        assert schema["additionalProperties"] is False, name


NEVER_KEPT = {"password", "secret", "refresh_token"}
"""Texts of requests that go into no database as they are: they are hashed, or compared."""
LONG_WITH_NUL = "a" * 20 + "\0" + "a" * 20


@pytest.mark.parametrize("service", SERVICES)
def test_no_text_that_is_asked_to_be_kept_may_hold_what_postgres_refuses(service: str) -> None:
    document: dict[str, Any] = json.loads(committed(service))
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    asked = [operation.get(part, {}) for operation in operations for part in ("requestBody", "parameters")]

    taken = {
        name
        for name, text in texts_in(asked, document, "")
        if not {"enum", "const", "format"} & text.keys() and re.search(text.get("pattern", ""), LONG_WITH_NUL)
    }

    assert taken <= NEVER_KEPT


def texts_in(node: Any, document: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas of texts in a part of a document, each with the name of the property or parameter that it is of."""
    if isinstance(node, list):
        for each in node:
            yield from texts_in(each, document, name)
    elif isinstance(node, dict) and node.get("in") != "header":  # HTTP itself forbids it there
        if "$ref" in node:
            yield from texts_in(document["components"]["schemas"][node["$ref"].rpartition("/")[2]], document, name)
        if node.get("type") == "string":
            yield name, node
        for key, value in node.items():
            if key == "properties":
                for each, schema in value.items():
                    yield from texts_in(schema, document, each)
            elif key not in {"examples", "example"}:
                yield from texts_in(value, document, node.get("name", name) if key == "schema" else name)
