from __future__ import annotations

from typing import Any

from harness.declare.openapi_examples import journeys_of
from harness.model.steps import Step


def document(**paths: Any) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "servers": [{"url": "http://x.test/api/"}],
        "paths": {path.replace("__", "/"): item for path, item in paths.items()},
        "components": {
            "schemas": {
                "Item": {
                    "type": "object",
                    "required": ["sku", "quantity"],
                    "properties": {
                        "sku": {"type": "string", "examples": ["sku-1"]},
                        "quantity": {"type": "integer", "default": 1},
                        "note": {"type": "string"},
                        "id": {"type": "string", "readOnly": True, "example": "x"},
                    },
                },
                "Loop": {
                    "type": "object",
                    "required": ["next"],
                    "properties": {"next": {"$ref": "#/components/schemas/Loop"}},
                },
            },
            "parameters": {"Sku": {"name": "sku", "in": "path", "required": True, "example": "a b"}},
        },
    }


def only(journeys: dict[str, Any]) -> Step:
    (journey,) = journeys.values()
    (step,) = journey.steps
    assert isinstance(step, Step)
    return step


def body(schema: Any, **more: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, **more}}}


def test_an_operation_that_needs_nothing_is_a_journey() -> None:
    found = journeys_of(document(__products={"get": {"operationId": "listProducts"}}))
    assert list(found.journeys) == ["list-products"]
    assert only(found.journeys).request == "GET /api/products"
    assert not found.skipped


def test_parameters_are_taken_from_examples_and_defaults() -> None:
    item = {
        "parameters": [{"$ref": "#/components/parameters/Sku"}],
        "get": {
            "parameters": [
                {"name": "page", "in": "query", "schema": {"type": "integer", "default": 2}},
                {"name": "q", "in": "query", "schema": {"type": "string"}},
                {"name": "X-Tenant", "in": "header", "required": True, "examples": {"one": {"value": "blue"}}},
            ]
        },
    }
    step = only(journeys_of(document(**{"__products__{sku}": item})).journeys)
    assert step.request == "GET /api/products/a%20b?page=2"
    assert step.operation == "GET /products/{sku}"
    assert step.headers == {"X-Tenant": "blue"}


def test_a_body_is_its_example_or_put_together_from_those_of_its_members() -> None:
    whole = {"post": {"requestBody": body({"$ref": "#/components/schemas/Item"})}}
    given = {"post": {"requestBody": body({}, examples={"a": {"value": {"text": "{x}"}}})}}
    assert only(journeys_of(document(__items=whole)).journeys).json_body == {"sku": "sku-1", "quantity": 1}
    assert only(journeys_of(document(__items=given)).journeys).json_body == {"text": "{{x}}"}


def test_an_operation_without_an_example_is_told_and_not_guessed() -> None:
    found = journeys_of(
        document(
            **{
                "__orders__{id}": {"get": {"parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}]}},
                "__undescribed__{id}": {"get": {}},
                "__orders": {"post": {"requestBody": body({"type": "object", "required": ["a"]})}},
                "__loop": {"post": {"requestBody": body({"$ref": "#/components/schemas/Loop"})}},
                "__outside": {"post": {"requestBody": body({"$ref": "other.yaml#/X"})}},
            }
        )
    )
    assert not found.journeys
    assert [str(each) for each in found.skipped] == [
        "GET /orders/{id}: no example of the path parameter 'id'",
        "GET /undescribed/{id}: the path parameter 'id' is not described",
        "POST /orders: no example of its body (application/json)",
        "POST /loop: no example of its body (application/json)",
        "POST /outside: no example of its body (application/json)",
    ]


def test_names_are_words_short_enough_and_told_apart() -> None:
    long = "a" * 60
    found = journeys_of(
        document(
            __a={"get": {"operationId": "read_it"}, "put": {"operationId": "readIt"}},
            __b={"get": {"operationId": long}, "put": {"operationId": long}, "delete": {}},
        )
    )
    assert list(found.journeys) == ["read-it", "read-it-2", "a" * 40, "a" * 38 + "-2", "delete-b"]


def test_a_document_that_is_none_has_no_journeys() -> None:
    assert not journeys_of({}).journeys
    assert not journeys_of({"paths": {"/x": {"get": []}, "/y": None, "/z": {"$ref": "#/nowhere"}}}).skipped
