import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from harness.declare.starting import Draft, from_openapi
from harness.errors import DeclarationError

Object = dict[str, JsonValue]


def document(paths: Object | None = None, title: str = "Order Service", **more: JsonValue) -> Object:
    return {"openapi": "3.1.0", "info": {"title": title, "version": "1"}, "paths": paths or {}, **more}


def drafted(tmp_path: Path, *documents: Object) -> Draft:
    files = []
    for index, each in enumerate(documents):
        files.append(tmp_path / f"api{index}.json")
        files[-1].write_text(json.dumps(each, indent="\t"), encoding="utf-8")
    return from_openapi(files, directory=tmp_path / "out")


def steps(draft: Draft) -> list[tuple[str, str, str]]:
    return [(journey.name, step.method, step.path) for journey in draft.journeys for step in journey.steps]


SERVED: JsonValue = {"200": {"description": "it"}}
HERE: JsonValue = [{"url": "http://localhost:8001/v1"}]


def test_each_document_is_a_service_that_runs_already(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, document(servers=HERE), document(title="Payments", servers=[{"url": "http://127.0.0.1:8002"}])
    )
    assert [(each.name, each.addresses, each.openapi) for each in draft.services] == [
        ("order-service", ("http://localhost:8001",), "../api0.json"),
        ("payments", ("http://127.0.0.1:8002",), "../api1.json"),
    ]
    assert draft.entry.value == "order-service"
    assert draft.environment is None


def test_documents_with_the_same_title_get_a_number(tmp_path: Path) -> None:
    draft = drafted(tmp_path, document(servers=HERE), document(servers=HERE))
    assert [each.name for each in draft.services] == ["order-service", "order-service-2"]
    assert "'Order Service' would be called 'order-service', as another is: it is 'order-service-2'" in str(
        draft.remarks
    )


def test_examples_become_journeys(tmp_path: Path) -> None:
    paths: Object = {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "operationId": "getOrder",
                "parameters": [
                    {"name": "view", "in": "query", "required": True, "schema": {"enum": ["a b"]}},
                    {"name": "more", "in": "query", "schema": {}},
                ],
                "responses": SERVED,
            },
        },
        "/orders": {
            "get": {"responses": SERVED},
            "post": {
                "operationId": "placeOrder",
                "requestBody": {"content": {"application/json": {"example": {"sku": "a"}}}},
                "responses": {"201": {"description": "it"}},
            },
            "delete": {"responses": SERVED},
        },
    }
    parameter: JsonValue = {"name": "id", "in": "path", "required": True, "example": 7}
    draft = drafted(tmp_path, document(paths, servers=HERE, components={"parameters": {"id": parameter}}))
    assert steps(draft) == [
        ("get-order", "GET", "/v1/orders/7?view=a+b"),
        ("get-orders", "GET", "/v1/orders"),
        ("place-order", "POST", "/v1/orders"),
    ]
    (order,) = draft.journeys[-1].steps
    assert (order.body, order.status) == ('{"sku": "a"}', 201)


@pytest.mark.parametrize(
    "operation",
    [
        {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]},
        {"parameters": [{"name": "X-Key", "in": "header", "required": True, "example": "k"}]},
        {"security": [{"key": []}]},
    ],
)
def test_what_examples_do_not_suffice_for_is_no_journey(tmp_path: Path, operation: Object) -> None:
    draft = drafted(tmp_path, document({"/orders": {"get": {**operation, "responses": SERVED}}}, servers=HERE))
    assert steps(draft) == [("look", "GET", "/v1")]
    assert "no operation can be asked by its examples alone" in str(draft.remarks[-1])


def test_nothing_is_written_to_what_is_not_on_this_machine(tmp_path: Path) -> None:
    post: Object = {"requestBody": {"content": {"application/json": {"example": {}}}}, "responses": SERVED}
    paths: Object = {"/a": {"get": {"responses": SERVED}, "post": post}}
    draft = drafted(
        tmp_path,
        document(paths, servers=[{"url": "https://{env}.example.org/", "variables": {"env": {"default": "qa"}}}]),
    )
    assert steps(draft) == [("get-a", "GET", "/a")]
    assert draft.services[0].addresses == ("https://qa.example.org",)
    assert draft.environment is not None


@pytest.mark.parametrize("servers", [[], [{"url": "/v2"}]])
def test_a_document_without_an_address_gets_a_guess_that_is_told_of(tmp_path: Path, servers: JsonValue) -> None:
    draft = drafted(tmp_path, document({"/a": {"get": {"responses": SERVED}}}, servers=servers))
    assert draft.services[0].addresses == ("http://127.0.0.1:8080",)
    assert "no server of it has an address" in str(draft.remarks[0])
    assert steps(draft) == [("get-a", "GET", "/v2/a" if servers else "/a")]


def test_a_reference_to_another_file_is_told_of(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, document({"/a": {"get": {"responses": {"200": {"$ref": "other.json#/x"}}}}}, servers=HERE)
    )
    assert "'$ref: other.json#/x' leads out of the document" in str(draft.remarks[0])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (document({"/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/gone"}}}}}),
         "'$ref: #/components/responses/gone' leads to nothing in this document"),
        ({"swagger": "2.0", "paths": {}}, "version 3.0 or 3.1, found Swagger 2.0; convert it first"),
        ({"openapi": "4.0.0"}, "version 3.0 or 3.1, found 4.0.0"),
        (document(servers=[3]), "expected a server with a 'url'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, found: Object, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        drafted(tmp_path, found)
    assert said in str(refused.value)
    assert "api0.json:" in str(refused.value)


def test_a_reference_that_goes_round_in_circles_ends(tmp_path: Path) -> None:
    circle: Object = {"a": {"$ref": "#/components/parameters/b"}, "b": {"$ref": "#/components/parameters/a"}}
    get: Object = {"parameters": [{"$ref": "#/components/parameters/a"}], "responses": SERVED}
    draft = drafted(tmp_path, document({"/a": {"get": get}}, servers=HERE, components={"parameters": circle}))
    assert steps(draft) == [("get-a", "GET", "/v1/a")]
