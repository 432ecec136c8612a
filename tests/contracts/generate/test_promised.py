"""What a pact promises of an answer, in any provider state."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from harness.contracts.generate.promised import asked, promised
from tests.contracts.generate.documents import HEALTHY, interaction, permitted

BODY: JsonValue = {"sku": "a", "items": [{"n": 1, "at": "2026-01-01"}], "price": 1.5, "gone": None, "other": ["x"]}
RULES: dict[str, JsonValue] = {
    "$.items": {"matchers": [{"match": "type", "min": 1}]},
    "$.items[*].n": {"matchers": [{"match": "integer"}]},
    "$.items[*].at": {"matchers": [{"match": "regex", "regex": r"\d{4}-\d\d-\d\d"}]},
    "$.gone": {"matchers": [{"match": "null"}]},
    "$['other']": {"matchers": [{"match": "type"}]},
}


def holds(body: JsonValue) -> bool:
    schema = promised(interaction(BODY, RULES))
    assert schema is not None
    return bool(Draft202012Validator(schema).is_valid(body))


def body(**more: JsonValue) -> JsonValue:
    assert isinstance(BODY, dict)
    return {**BODY, **more}


@pytest.mark.parametrize(
    "kept",
    [
        body(),
        body(sku="another value"),
        body(items=[{"n": 2, "at": "2030-12-31", "more": 1}] * 3),
        body(price=3, more=True),
        body(other=[]),
    ],
)
def test_other_values_and_more_members_keep_it(kept: JsonValue) -> None:
    assert holds(kept)


@pytest.mark.parametrize(
    "broken",
    [
        {key: value for key, value in BODY.items() if key != "sku"} if isinstance(BODY, dict) else None,
        body(sku=1),
        body(items=[]),
        body(items=[{"n": 1.5, "at": "2026-01-01"}]),
        body(items=[{"n": 1, "at": "yesterday"}]),
        body(items=[{"n": 1}]),
        body(gone=1),
        body(price="1.5"),
    ],
)
def test_missing_members_and_other_forms_break_it(broken: JsonValue) -> None:
    assert not holds(broken)


def test_what_says_nothing_of_a_json_body_promises_nothing() -> None:
    assert promised(interaction("plain")) is None
    bare = interaction({})
    object.__setattr__(bare, "document", {"request": {"path": "/x"}, "response": {"status": 204}})
    assert promised(bare) is None
    assert asked(bare) == ("GET", "/x", 204)


def test_one_of_several_agreed_answers_is_enough() -> None:
    full = interaction({"sku": "a1", "tags": ["x"]}, {"$.tags": {"matchers": [{"match": "type", "min": 1}]}})
    assert permitted(full).problem({**HEALTHY, "tags": []})
    empty = interaction({"sku": "a1", "tags": []}, {"$.tags": {"matchers": [{"match": "type"}]}})
    assert not permitted(full, empty).problem({**HEALTHY, "tags": []})
