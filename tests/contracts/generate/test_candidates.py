"""Which answers are made of healthy ones: valid, and unseen."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from harness.contracts.generate.candidates import candidates, problem_of
from harness.model.changes import Act, Change, Twist, applied
from tests.contracts.generate.documents import HEALTHY, PRODUCT, interaction, permitted

ECHOES = frozenset({"a1"})


def told(*samples: JsonValue, **more: Any) -> set[str]:
    found = candidates(permitted(**more), samples or [HEALTHY], echoes=ECHOES)
    return {str(change) for change in found.changes}


def test_all_that_may_differ_is_found() -> None:
    assert told() >= {
        "/image: optional member absent",
        "/note: null",
        "/note: optional member absent",
        "/kind: new value",
        "/made: new value",
        "/tags: empty list",
        "/tags: other order",
        "/: other order",
        "/name: longest text",
        "/name: unusual characters",
        "/name: empty text",
        "/state: new value",
        "/price: big number",
        "/price: small number",
        "/weight: optional member present",
        "/unseenMember: unknown member",
        "/owner/name: empty text",
    }


@pytest.mark.parametrize(
    "invalid",
    [
        "/sku: optional member absent",
        "/name: null",
        "/owner/unseenMember: unknown member",
        "/kind: longest text",
        "/price: null",
    ],
)
def test_what_the_document_does_not_permit_is_not_made(invalid: str) -> None:
    assert invalid not in told()


def test_what_repeats_the_request_stays() -> None:
    assert not [each for each in told() if each.startswith("/sku: ")]
    assert [each for each in told({**HEALTHY, "sku": "other"}) if each.startswith("/sku: ")]


def test_what_was_seen_is_not_made_again() -> None:
    bare: dict[str, JsonValue] = {key: value for key, value in HEALTHY.items() if key != "image"}
    second = {**bare, "note": None, "tags": [], "price": 0}
    assert not told(HEALTHY, second) & {
        "/image: optional member absent",
        "/note: null",
        "/tags: empty list",
        "/price: small number",
    }


def test_only_values_of_an_enumeration_that_nobody_sent_are_new() -> None:
    found = candidates(permitted(), [HEALTHY, {**HEALTHY, "kind": "toy"}])
    assert [each.value for each in found.changes if each.path == ("kind",) and each.act is Act.SET] == ["tool"]


def test_an_open_enumeration_may_have_a_value_that_nobody_listed() -> None:
    product = {
        **PRODUCT,
        "properties": PRODUCT["properties"] | {"kind": {"type": "string", "x-extensible-enum": ["book"]}},
    }
    found = candidates(permitted(product=product), [HEALTHY])
    assert [each.value for each in found.changes if each.path == ("kind",) and each.twist is Twist.VALUE] == [
        "something-new"
    ]


@pytest.mark.parametrize(("pattern", "value"), [("^[a-z]+$", "x" * 30), ("^[A-Z]+$", "X" * 30), ("^[0-9]+$", "7" * 30)])
def test_a_pattern_leaves_the_longest_text_that_it_permits(pattern: str, value: str) -> None:
    text = {"type": "string", "pattern": pattern, "maxLength": 30}
    product = {**PRODUCT, "properties": PRODUCT["properties"] | {"state": text}}
    healthy = {**HEALTHY, "state": {"x": "sold", "X": "SOLD", "7": "1234"}[value[0]]}
    asked = permitted(product=product)
    found = [each for each in candidates(asked, [healthy]).changes if each.path == ("state",)]
    assert [each.value for each in found if each.twist is Twist.LONGEST] == [value]
    assert len([each for each in found if each.twist is Twist.VALUE]) <= 1
    assert not [each for each in found if each.twist is Twist.UNICODE]


def test_what_a_pact_promises_is_left_as_it_is_and_told() -> None:
    agreed = interaction({"sku": "z9", "image": "z.png"}, {"$.image": {"matchers": [{"match": "type"}]}})
    found = candidates(permitted(agreed), [HEALTHY])
    assert "/image: optional member absent" not in {str(each) for each in found.changes}
    assert any(each.startswith("/image: optional member absent (the pact promises") for each in found.promised)
    assert "/note: null" in {str(each) for each in found.changes}


def test_without_a_document_a_pact_alone_says_what_may_be_answered() -> None:
    agreed = interaction({"sku": "a1", "tags": ["x"]}, {"$.tags": {"matchers": [{"match": "type"}]}}, "/products/a1")
    found = {str(each) for each in candidates(permitted(agreed, written=False), [HEALTHY]).changes}
    assert "/tags: empty list" in found
    assert "/sku: optional member absent" not in found


def test_without_either_nothing_is_made() -> None:
    assert not candidates(permitted(written=False), [HEALTHY]).changes


def test_an_invalid_answer_is_refused() -> None:
    gone = Change(act=Act.REMOVE, path=("sku",), twist=Twist.ABSENT)
    assert "'sku' is a required property" in problem_of(permitted(), [HEALTHY], [gone])
    nowhere = Change(act=Act.REMOVE, path=("nowhere",), twist=Twist.ABSENT)
    assert problem_of(permitted(), [HEALTHY], [nowhere])


_SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "maximum": 9}, {"type": "boolean"}, {"type": ["number", "null"]}]
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from("abc")
    objects = st.builds(
        lambda parts, required: {"type": "object", "properties": parts, "required": sorted(required & {*parts})},
        st.dictionaries(names, inner, max_size=3),
        st.frozensets(names),
    )
    return (
        objects | inner.map(lambda items: {"type": "array", "items": items}) | inner.map(lambda each: {"allOf": [each]})
    )


SCHEMAS = st.recursive(_SCALARS, _around, max_leaves=8)


def sample_of(schema: dict[str, Any]) -> JsonValue:
    if "allOf" in schema:
        return sample_of(schema["allOf"][0])
    match schema["type"]:
        case "object":
            return {name: sample_of(each) for name, each in schema["properties"].items()}
        case "array":
            return [sample_of(schema["items"]), sample_of(schema["items"])]
        case "string":
            return "A text"
        case "boolean":
            return True
        case _:
            return 1


@settings(max_examples=40, deadline=None)
@given(SCHEMAS)
def test_every_answer_that_is_made_is_valid_and_another(schema: dict[str, Any]) -> None:
    allowed = permitted(product=schema)
    sample = sample_of(schema)
    for change in candidates(allowed, [sample]).changes:
        changed, met = applied(sample, [change])
        assert met == 1
        assert allowed.problem(cast("JsonValue", changed)) == ""
        assert change.twist is Twist.ORDER or changed != sample
