"""Ids that nobody gave out: valid by the document, none of those that are known, and the same ones by the same seed."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from harness.contracts.conformance import Conformance, PathParameter
from harness.contracts.hostile import operations_of
from harness.contracts.unknown_ids import IDS_EACH, Stranger, strangers, unknown_ids
from harness.errors import ContractError
from harness.model.fuzzing import Example
from harness.model.hostile import Honest

UUID = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"


def document(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    parameter = {"name": "id", "in": "path", "required": True, "schema": schema, **more}
    got = {"parameters": [parameter], "responses": {"200": {"description": "it"}}}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/things/{id}": {"get": got}}}


def parameter(schema: dict[str, Any], **more: Any) -> PathParameter:
    (found,) = Conformance("things", document(schema, **more)).path_parameters("GET", "/things/{id}")
    return found


def made(schema: dict[str, Any], *known: str, seed: int = 1) -> list[str]:
    return unknown_ids(parameter(schema), known, random.Random(seed))  # noqa: S311 -- ids of a test


@pytest.mark.parametrize(
    ("schema", "known", "form"),
    [
        ({"type": "string", "pattern": "^sku-[0-9]{4}$"}, "sku-0001", r"sku-\d{4}"),
        ({"type": "string", "format": "uuid"}, UUID, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}"),
        ({"type": "string", "pattern": "^[0-9a-f]{12}$"}, "deadbeefcafe", r"[0-9a-f]{12}"),
        ({"type": "string"}, "blue-Kettle", r"[a-z]{4}-[A-Z][a-z]{5}|[0-9a-z-]+K[0-9a-z]+"),
        ({"type": "string"}, "0001", r"\d{4}"),
        ({"type": "integer", "minimum": 1}, "7", r"2147483[56]\d\d|999\d{3}|99\d\d"),
        ({"type": "integer", "maximum": 500}, "7", r"4[1-9]\d|500|\d{1,2}"),
        ({"type": "integer", "exclusiveMaximum": 50}, "7", r"\d{1,2}"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "7", r"\d+"),
    ],
)
def test_they_are_formed_like_a_known_one_and_are_not_it(schema: dict[str, Any], known: str, form: str) -> None:
    found = made(schema, known)
    assert 1 <= len(found) <= IDS_EACH
    assert len(set(found)) == len(found)
    assert known not in found
    assert all(re.fullmatch(form, each) for each in found), found
    assert made(schema, known) == found


@pytest.mark.parametrize(
    "schema",
    [{"enum": ["a", "b"]}, {"const": "a"}, {"type": "boolean"}, {"type": "string", "pattern": "^(a|b)$"}],
)
def test_where_all_that_is_permitted_is_known_there_is_none(schema: dict[str, Any]) -> None:
    assert made(schema, "a", "b") == []


def test_without_any_known_one_the_usual_forms_are_tried() -> None:
    assert made({"type": "string", "format": "uuid"})
    assert made({"type": "integer"})
    assert made({"type": "string", "maxLength": 8})


def test_what_a_fuzzer_made_up_is_no_form() -> None:
    assert all(re.fullmatch(r"[\w-]+", each) for each in made({"type": "string"}, "../etc", "\u202e1", ""))


def test_examples_of_the_document_are_known() -> None:
    stated = parameter({"type": "integer", "examples": [1], "example": 2, "default": 3}, examples={"one": {"value": 4}})
    assert {*stated.examples} == {1, 2, 3, 4}
    assert parameter({"type": "integer"}, example=5).examples == (5,)


def asked(description: dict[str, Any], example: Example | None = None, seed: int = 1) -> list[Stranger]:
    operation = operations_of(description)["GET /things/{id}"]
    seen = {operation.name: [Honest(operation=operation.name, path={"id": "11"}, query={"q": "x"}, status=200)]}
    return [*strangers(operation, Conformance("things", description), seen=seen, example=example, seed=seed)]


def test_requests_differ_from_an_honest_one_in_the_id_alone() -> None:
    (found,) = asked(document({"type": "integer"}))
    assert found.parameter == "id"
    assert {each.query["q"] for each in found.requests} == {"x"}
    ids = {each.path["id"] for each in found.requests}
    assert len(ids) == IDS_EACH
    assert "11" not in ids


def test_examples_that_are_declared_for_fuzzing_are_known_too() -> None:
    two = {"type": "string", "pattern": "^[0-9]$", "enum": ["1", "2", "3"]}
    (found,) = asked(document(two), Example(path={"id": ("1", 2)}))
    assert [each.path["id"] for each in found.requests] in ([], ["3"])


def test_a_parameter_of_the_whole_path_behind_references_is_read() -> None:
    description = document({"type": "integer"})
    item = description["paths"]["/things/{id}"]
    item["parameters"] = [{"$ref": "#/components/parameters/Id"}]
    item["get"]["parameters"] = [{"name": "id", "in": "query", "schema": {}}]
    stated = {"name": "id", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Id"}}
    description["components"] = {"parameters": {"Id": stated}, "schemas": {"Id": {"type": "integer", "maximum": 90}}}
    (found,) = asked(description)
    assert all(1 <= int(each.path["id"]) <= 90 for each in found.requests)


def test_a_reference_to_nothing_is_told() -> None:
    with pytest.raises(ContractError, match="expected parameters of /things"):
        asked(document({"$ref": "#/components/schemas/Nowhere"}))
