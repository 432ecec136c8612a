from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.contracts.stubs import Choice, Request, Stub
from harness.contracts.stubs.from_document import stub_of_document
from harness.errors import ContractError
from tests.contracts.stubs.pacts import post

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "payments", "version": "1"},
    "paths": {
        "/charges/{id}": {"get": {"responses": {"200": {"$ref": "#/components/responses/Charge"}}}},
        "/charges/latest": {
            "get": {"responses": {"200": {"content": {"application/json": {"example": {"latest": True}}}}}}
        },
        "/charges": {
            "post": {
                "responses": {
                    "503": {
                        "headers": {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
                        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                    },
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Charge"}}}},
                    "default": {"description": "anything"},
                }
            }
        },
        "/ping": {"head": {"responses": {"204": {"description": "nothing"}}}},
        "/odd": {"get": {"responses": {"200": {"content": {"application/json": {
            "schema": {"type": "string", "pattern": "^[Q-Z]{17}!$"}}}}}}},
    },
    "components": {
        "responses": {"Charge": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Charge"}}}}},
        "schemas": {
            "Problem": {"type": "object", "required": ["status", "title"],
                        "properties": {"status": {"type": "integer"}, "title": {"type": "string"}}},
            "Charge": {
                "type": "object",
                "required": ["id", "cents", "status", "lines", "note", "at"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "cents": {"type": "integer", "minimum": 5},
                    "status": {"enum": ["captured", "refunded"]},
                    "lines": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {
                        "sku": {"type": "string", "examples": ["sku-0001"]}, "weight": {"type": "number"}}}},
                    "note": {"anyOf": [{"type": "string", "minLength": 9}, {"type": "null"}]},
                    "at": {"type": ["string", "null"], "format": "date-time"},
                    "optional": {"type": "string"},
                },
            },
        },
    },
}  # fmt: skip


def stub_from(directory: Path, document: object = DOCUMENT) -> Stub:
    file = directory / "payments.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return stub_of_document(file, consumer="orders", provider="payments")


def test_what_is_required_is_made_up_and_what_has_an_example_is_that(tmp_path: Path) -> None:
    played = stub_from(tmp_path).play(post({"whatever": 1}))
    assert (played.reply.status, json.loads(played.reply.body)) == (
        201,
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "cents": 5,
            "status": "captured",
            "lines": [{"sku": "sku-0001"}],
            "note": "aaaaaaaaa",
            "at": "2026-01-01T00:00:00Z",
        },
    )


def test_another_answer_is_chosen_by_its_status(tmp_path: Path) -> None:
    played = stub_from(tmp_path).play(post({}), Choice(names=("503",)))
    assert (played.reply.status, dict(played.reply.headers)["Retry-After"]) == (503, "1")
    assert json.loads(played.reply.body) == {"status": 503, "title": "text"}


def test_a_path_without_a_placeholder_goes_first(tmp_path: Path) -> None:
    stub = stub_from(tmp_path)
    assert json.loads(stub.play(Request(method="GET", path="/charges/latest")).reply.body) == {"latest": True}
    assert stub.play(Request(method="GET", path="/charges/x")).reply.status == 200
    assert stub.play(Request(method="GET", path="/charges/x/y")).reply.status == 501


def test_an_answer_without_a_body_has_none(tmp_path: Path) -> None:
    reply = stub_from(tmp_path).play(Request(method="HEAD", path="/ping")).reply
    assert (reply.status, reply.body, reply.headers) == (204, b"", ())


def test_a_value_that_could_not_be_made_up_says_so(tmp_path: Path) -> None:
    reply = stub_from(tmp_path).play(Request(method="GET", path="/odd")).reply
    assert "does not match" in dict(reply.headers)["X-Stub-Doubt"]


def test_a_schema_that_holds_itself_ends(tmp_path: Path) -> None:
    tree = {"type": "object", "required": ["child"], "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    answer = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}}
    document = {"paths": {"/t": {"get": {"responses": answer}}}, "components": {"schemas": {"Tree": tree}}}
    reply = stub_from(tmp_path, document).play(Request(method="GET", path="/t")).reply
    assert "X-Stub-Doubt" in dict(reply.headers)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [({"paths": {}}, "expected an OpenAPI document with operations, found none"), ([], "found none")],
)
def test_a_document_without_operations_is_refused(document: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=complaint):
        stub_from(tmp_path, document)


def test_a_document_that_is_broken_is_told_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "payments.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ContractError, match=r"payments\.json can't be read"):
        stub_of_document(file, consumer="orders", provider="payments")
