"""What is guessed from samples: matchers that hold for all of them, and nothing that one saw once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from harness.contracts.generate.promised import promised
from harness.contracts.guessing import Guess, shape_of
from harness.contracts.secret_parts import is_secret, open_path, open_query, without_secrets
from tests.contracts.generate.documents import interaction


def guessed(*samples: JsonValue) -> dict[str, Any]:
    return {path: rule[0] for path, rule in Guess(samples).rules.items()}


def test_what_is_the_same_while_others_differ_is_taken_for_agreed() -> None:
    guess = Guess([{"kind": "book", "n": 1}, {"kind": "book", "n": 2}])
    assert guess.rules == {"$.n": [{"match": "integer"}]}
    assert guess.example == {"kind": "book", "n": 1}
    assert any("$.kind: exactly this" in why for why in guess.whys)


@pytest.mark.parametrize("samples", [[{"kind": "book"}], [{"kind": "book"}] * 3])
def test_what_was_seen_once_agrees_on_nothing(samples: list[JsonValue]) -> None:
    assert guessed(*samples) == {"$.kind": {"match": "type"}}


@pytest.mark.parametrize("name", ["id", "order_id", "orderId", "sku", "created_at", "createdAt", "expires", "version"])
def test_ids_and_times_are_never_taken_for_agreed(name: str) -> None:
    assert guessed({name: 7, "n": 1}, {name: 7, "n": 2})[f"$.{name}"] == {"match": "integer"}


@pytest.mark.parametrize(
    ("one", "other", "matcher"),
    [
        (1, 2, {"match": "integer"}),
        (1.5, 2.5, {"match": "decimal"}),
        (1, 2.5, {"match": "number"}),
        (True, False, {"match": "type"}),
        ("a tea", "a pot", {"match": "type"}),
        ("sku-0001", "sku-0042", {"match": "regex", "regex": r"^sku\-\d{4}$"}),
        ("A1", "BC23", {"match": "regex", "regex": r"^[A-Z]+\d+$"}),
        ("book", "toy", {"match": "type"}),
        (None, None, {"match": "null"}),
    ],
)
def test_each_form_has_its_matcher(one: JsonValue, other: JsonValue, matcher: dict[str, str]) -> None:
    assert guessed({"x": one, "n": 1}, {"x": other, "n": 2})["$.x"] == matcher


@pytest.mark.parametrize(
    ("value", "example"),
    [
        ("7f2c1f3e-1d2b-4c5a-9e8f-0123456789ab", "e2490de5-5bd3-43d5-b7c4-526e33f71304"),
        ("2026-11-21T18:00:00.123456+01:00", "2026-01-01T00:00:00Z"),
        ("2026-11-21T18:00:00", "2026-01-01T00:00:00"),
        ("2026-11-21", "2026-01-01"),
    ],
)
def test_uuids_and_times_are_of_a_form_and_their_examples_always_the_same(value: str, example: str) -> None:
    guess = Guess([{"x": value}])
    assert guess.example == {"x": example}
    (matcher,) = guess.rules["$.x"]
    assert re.fullmatch(str(matcher["regex"]), value)
    assert re.fullmatch(str(matcher["regex"]), example)


def test_lists_are_each_like_one_element() -> None:
    guess = Guess([{"items": [{"n": 1}, {"n": 2, "more": 1}]}, {"items": [{"n": 3}]}])
    assert guess.rules == {"$.items": [{"match": "type", "min": 1}], "$.items[*].n": [{"match": "integer"}]}
    assert guess.example == {"items": [{"n": 1}]}
    assert "$.items[*].more: left out: only in some samples" in guess.whys


def test_lists_that_may_be_empty_have_no_least_length() -> None:
    assert guessed({"a": []}, {"a": ["x"]})["$.a"] == {"match": "type"}
    assert Guess([{"a": []}]).example == {"a": []}


def test_what_is_null_or_missing_in_some_is_left_out() -> None:
    guess = Guess([{"a": None, "b": 1, "c": 1}, {"a": "x", "c": 2}])
    assert guess.example == {"c": 1}
    assert {"$.b: left out: only in some samples"} < {*guess.whys}


def test_a_name_that_is_no_word_stands_in_brackets() -> None:
    assert "$['a b']" in guessed({"a b": 1}, {"a b": 2})


def test_secrets_are_never_examples() -> None:
    guess = Guess([{"access_token": "abc", "who": {"Password": "hunter2"}, "n": "eyJhbGciOi.eyJzdWIi.c2ln"}])
    assert guess.redacted
    assert guess.example == {"access_token": "redacted", "who": {"Password": "redacted"}, "n": "redacted"}
    assert "hunter2" not in json.dumps([guess.rules, guess.whys])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "x"),
        ("X-Api-Key", "x"),
        ("sessionId", "x"),
        ("refreshToken", "x"),
        ("any", "Bearer abc"),
        ("any", "0123456789abcdef0123456789abcdef"),
        ("card_number", 4111111111111111),
    ],
)
def test_secrets_are_told_by_name_or_form(name: str, value: JsonValue) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "A book about bees"),
        ("id", "7f2c1f3e-1d2b-4c5a-9e8f-0123456789ab"),
        ("image", "https://example.org/a/very/long/path/to/1/picture.png"),
        ("tokens", ["x"]),
        ("n", 12),
    ],
)
def test_other_values_are_no_secrets(name: str, value: JsonValue) -> None:
    assert not is_secret(name, value)


def test_secrets_leave_paths_queries_and_bodies() -> None:
    assert open_path("/sessions/eyJhbGciOi.eyJzdWIi.c2ln?x=1") == ("/sessions/redacted", True)
    assert open_query("/a?token=abc&page=2&page=3") == ({"token": ["redacted"], "page": ["2", "3"]}, True)
    assert without_secrets({"a": [{"secret": "x", "b": 1}]}) == ({"a": [{"secret": "redacted", "b": 1}]}, True)
    assert without_secrets({"a": 1}) == ({"a": 1}, False)


SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
DOCUMENTS = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from("abc"), each, max_size=3)
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), DOCUMENTS, max_size=3), min_size=1, max_size=4))
def test_what_is_guessed_holds_for_all_samples(samples: list[dict[str, JsonValue]]) -> None:
    guess = Guess(samples)
    rules: dict[str, JsonValue] = {path: {"matchers": [*rule]} for path, rule in guess.rules.items()}
    schema = promised(interaction(guess.example, rules))
    assert schema is not None
    for sample in samples:
        assert [each.message for each in Draft202012Validator(schema).iter_errors(sample)] == []


@given(st.lists(st.from_regex(r"[A-Z]{2}-[0-9]{1,3}", fullmatch=True), min_size=2))
def test_a_form_fits_all_it_was_made_of(texts: list[str]) -> None:
    expression = shape_of(texts)
    assert expression
    assert all(re.fullmatch(expression, each) for each in texts)
