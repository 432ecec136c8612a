from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from harness.contracts.conformance import Conformance
from harness.errors import ContractError
from harness.model.observation import AnswerClass, DistinctAnswer

PROBLEM: JsonValue = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PRODUCT: JsonValue = {
    "type": "object",
    "additionalProperties": False,
    "required": ["sku", "stock"],
    "properties": {
        "sku": {"type": "string", "pattern": "^sku-[0-9]{4}$"},
        "stock": {"type": ["integer", "null"]},
        "secret": {"type": "string", "writeOnly": True},
        "id": {"type": "string", "format": "uuid"},
    },
}
SHOP: dict[str, JsonValue] = {
    "openapi": "3.1.0",
    "paths": {
        "/products/{sku}": {
            "get": {
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Product"}}}},
                    "4XX": {"$ref": "#/components/responses/Problem"},
                    "503": {"headers": {"Retry-After": {"required": True, "schema": {}}}, **PROBLEM},  # type: ignore[dict-item]  # a dict
                }
            },
            "delete": {"responses": {"204": {"description": "gone"}}},
        },
        "/products/first": {"get": {"responses": {"default": {"content": {"text/*": {}}}}}},
        "/any": {"get": {"responses": {"default": {"content": {"*/*": {}}}}, "description": "x"}},
    },
    "components": {
        "responses": {"Problem": PROBLEM},
        "schemas": {
            "Product": PRODUCT,
            "Problem": {"type": "object", "required": ["status"], "properties": {"status": {"type": "integer"}}},
        },
    },
}


def an_answer(  # noqa: PLR0913 -- each is what a case varies
    body: object = None,
    *,
    method: str = "GET",
    path: str = "/products/sku-0001",
    status: int = 200,
    kind: str = "application/json; charset=utf-8",
    headers: Mapping[str, str] | None = None,
    truncated: bool = False,
) -> DistinctAnswer:
    text = body if isinstance(body, str) else json.dumps(body)
    return DistinctAnswer(
        t=0.0,
        journey="browse",
        request="product page",
        method=method,
        path=path,
        status=status,
        answer=AnswerClass.FULL,
        shape="",
        content_type=kind,
        headers=dict(headers or {}),
        body=text,
        truncated=truncated,
    )


WELL = {"sku": "sku-0001", "stock": None}
PROBLEM_KIND = "application/problem+json"
SOUND = [
    an_answer(WELL),
    an_answer(WELL, path="/products/sku-0001?expand=all"),
    an_answer({"status": 404}, status=404, kind=PROBLEM_KIND),
    an_answer({"status": 503}, status=503, kind=PROBLEM_KIND, headers={"retry-after": "1"}),
    an_answer("", method="DELETE", status=204, kind=""),
    an_answer("plain words", path="/products/first", kind="text/plain"),
    an_answer("anything", path="/any", kind="image/png"),
]


@pytest.mark.parametrize("answer", SOUND, ids=lambda answer: f"{answer.method} {answer.path} {answer.status}")
def test_a_declared_answer_has_no_problems(answer: DistinctAnswer) -> None:
    assert Conformance("catalog", SHOP).problems(answer) == ()


BROKEN = [
    (an_answer(WELL, status=500), "status 500 is not declared (declared: 200, 4XX, 503)"),
    (an_answer(WELL, status=201), "status 201 is not declared"),
    (an_answer("<html>", kind="text/html"), "content type text/html is not declared (declared: application/json)"),
    (an_answer("", kind=""), "content type none is not declared"),
    (an_answer(""), "the body is empty"),
    (an_answer('{"sku": '), "the body is no JSON"),
    (an_answer({"sku": "sku-0001"}), "$: 'stock' is a required property"),
    (an_answer({"sku": "sku-0001", "stock": "3"}), "$.stock: '3' is not of type"),
    (an_answer({**WELL, "sku": "1"}), "$.sku: '1' does not match"),
    (an_answer({**WELL, "more": 1}), "$: Additional properties are not allowed ('more'"),
    (an_answer({**WELL, "id": "no uuid"}), "$.id: 'no uuid' is not a 'uuid'"),
    (an_answer([WELL]), "$: [{'sku': 'sku-0001', 'stock': None}] is not of type 'object'"),
    (an_answer({"status": "404"}, status=404, kind=PROBLEM_KIND), "$.status: '404' is not of type 'integer'"),
    (an_answer({"status": 404}, status=404), "content type application/json is not declared"),
    (an_answer({"status": 503}, status=503, kind=PROBLEM_KIND), "required header Retry-After is missing"),
    (an_answer(WELL, method="DELETE", status=204), "a body came with status 204 to DELETE"),
    (an_answer("{}", path="/products/first"), "content type application/json is not declared (declared: text/*)"),
]


@pytest.mark.parametrize(("answer", "told"), BROKEN, ids=[told for _, told in BROKEN])
def test_an_answer_that_is_not_declared_is_told(answer: DistinctAnswer, told: str) -> None:
    problems = Conformance("catalog", SHOP).problems(answer)

    assert problems
    assert told in problems[0]


UNJUDGED = [
    an_answer(WELL, path="/elsewhere"),
    an_answer(WELL, path="/products/sku-0001/reviews"),
    an_answer(WELL, method="POST"),
    an_answer(WELL, status=0),
    an_answer('{"sku": "sku-', truncated=True),
]


@pytest.mark.parametrize("answer", UNJUDGED)
def test_what_can_not_be_judged_is_not_called_sound(answer: DistinctAnswer) -> None:
    assert Conformance("catalog", SHOP).problems(answer) is None


def test_problems_of_one_body_are_bounded() -> None:
    answer = an_answer({"sku": "sku-0001", "stock": 1} | {"id": 5, "secret": 5} | {f"more-{n}": n for n in range(99)})

    assert len(Conformance("catalog", SHOP).problems(answer) or ()) <= 5


def a_document_of_3_0(schema: JsonValue) -> dict[str, JsonValue]:
    responses: JsonValue = {"200": {"content": {"application/json": {"schema": schema}}}}
    return {"openapi": "3.0.3", "paths": {"/products/{sku}": {"get": {"responses": responses}}}}


OLDER: list[tuple[JsonValue, object, bool]] = [
    ({"type": "string", "nullable": True}, None, True),
    ({"type": "string", "nullable": True}, '"x"', True),
    ({"type": "string", "nullable": True}, 1, False),
    ({"type": "string"}, None, False),
    ({"type": "string", "nullable": True, "enum": ["a"]}, None, True),
    ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, 0, False),
    ({"type": "integer", "minimum": 0, "exclusiveMinimum": False}, 0, True),
    ({"type": "object", "properties": {"nullable": {"type": "string"}}}, {"nullable": None}, False),
]


@pytest.mark.parametrize(("schema", "body", "sound"), OLDER)
def test_version_3_0_says_null_and_bounds_in_its_own_way(schema: JsonValue, body: object, *, sound: bool) -> None:
    problems = Conformance("catalog", a_document_of_3_0(schema)).problems(an_answer(body))

    assert (problems == ()) is sound


def test_the_base_path_of_the_document_is_left_off() -> None:
    document = SHOP | {"servers": [{"url": "http://127.0.0.1:8000/v1"}]}

    assert Conformance("catalog", document).problems(an_answer(WELL, path="/v1/products/sku-0001")) == ()


BAD = [
    {"openapi": "2.0"},
    {"swagger": "2.0"},
    {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/Gone"}}}}}},
    {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {"$ref": "http://elsewhere/x.json"}}}}}},
    {"openapi": "3.1.0", "paths": {"/a": 5}},
    {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": 5}}}}},
]


@pytest.mark.parametrize("document", BAD, ids=str)
def test_a_document_that_makes_no_sense_is_refused(document: dict[str, JsonValue]) -> None:
    with pytest.raises(ContractError, match="OpenAPI document of catalog: expected"):
        Conformance("catalog", document)


def test_a_thousand_answers_are_judged_within_a_second_of_processor_time() -> None:
    conformance = Conformance("catalog", SHOP)
    answer = an_answer(WELL)
    began = time.process_time()

    for _ in range(1000):
        conformance.problems(answer)

    assert time.process_time() - began < 1.0


def test_the_statuses_of_an_operation_are_told_and_of_no_operation_none() -> None:
    document: dict[str, JsonValue] = {
        "openapi": "3.1.0",
        "paths": {"/orders/{id}": {"get": {"responses": {"200": {}, "507": {}, "default": {}}}}},
    }
    conformance = Conformance("shop", document)

    assert conformance.declared("GET", "/orders/7?full=1") == {200, 507}
    assert conformance.declared("GET", "/elsewhere") == frozenset()
