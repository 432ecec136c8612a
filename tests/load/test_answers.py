from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.answers import Reply, is_marked, judge
from harness.model.declared import DegradedMark
from harness.model.observation import AnswerClass

MARK = DegradedMark(header="X-Degraded", json_pointer="/degraded")
JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json; charset=utf-8"}
RETRY = {"retry-after": "1"}
FULL, DEGRADED, CLEAN, DIRTY = AnswerClass.FULL, AnswerClass.DEGRADED, AnswerClass.CLEAN, AnswerClass.DIRTY

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def reply(
    status: int,
    headers: dict[str, str] = JSON,
    body: bytes | None = b"{}",
    *,
    method: str = "GET",
    error: str = "",
) -> Reply:
    return Reply(method=method, status=status, headers=headers, body=body, error=error)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200), FULL),
        (reply(201, body=b'{"id": 1}'), FULL),
        (reply(204, {}, b""), FULL),
        (reply(204, JSON, b""), FULL),
        (reply(200, {"content-type": "text/plain"}, b"hello"), FULL),
        (reply(200, JSON, b"", method="HEAD"), FULL),
        (reply(302, {}, b""), FULL),
        (reply(304, JSON, b""), FULL),
        (reply(200, body=None), FULL),
        (reply(200, {**JSON, "content-encoding": "gzip", "content-length": "999"}), FULL),
        (reply(200, {**JSON, "content-length": "2"}), FULL),
        (reply(200, {**JSON, "x-degraded": "stock"}), DEGRADED),
        (reply(200, body=b'{"degraded": ["stock"]}'), DEGRADED),
        (reply(200, body=b'{"degraded": true}'), DEGRADED),
        (reply(200, body=b'{"degraded": []}'), FULL),
        (reply(200, body=b'{"degraded": false}'), FULL),
        (reply(200, body=b'["degraded"]'), FULL),
        (reply(404, PROBLEM), CLEAN),
        (reply(422, PROBLEM, b'{"title": "no"}'), CLEAN),
        (reply(503, PROBLEM | RETRY), CLEAN),
        (reply(429, PROBLEM | RETRY), CLEAN),
        (reply(404, PROBLEM, b"", method="HEAD"), CLEAN),
        (reply(503, PROBLEM), DIRTY),
        (reply(429, PROBLEM), DIRTY),
        (reply(503, PROBLEM | {"retry-after": ""}), DIRTY),
        (reply(503, JSON | RETRY), DIRTY),
        (reply(404), DIRTY),
        (reply(404, PROBLEM, b"no json"), DIRTY),
        (reply(404, PROBLEM, b"[]"), DIRTY),
        (reply(404, PROBLEM, b""), DIRTY),
        (reply(404, {}, b""), DIRTY),
        (reply(500, PROBLEM), DIRTY),
        (reply(502, PROBLEM | RETRY), DIRTY),
        (reply(504, PROBLEM | RETRY), DIRTY),
        (reply(0, {}, None, error="Timeout: 2 s"), DIRTY),
        (reply(999), DIRTY),
        (reply(200, body=b""), DIRTY),
        (reply(200, {}, b""), DIRTY),
        (reply(202, {"content-type": "text/plain"}, b""), DIRTY),
        (reply(200, body=b'{"a":'), DIRTY),
        (reply(200, body=b"\xff\xfe"), DIRTY),
        (reply(200, body=b"[" * 100_000), DIRTY),
        (reply(200, {**JSON, "content-length": "3"}), DIRTY),
        (reply(200, error="CatchResponseError: wrong data"), DIRTY),
        (reply(200, {**JSON, "x-degraded": "stock"}, b""), DIRTY),
        (reply(503, PROBLEM | RETRY | {"content-length": "99"}), DIRTY),
    ],
)
def test_an_answer_is_classified_by_itself(answer: Reply, expected: AnswerClass) -> None:
    assert judge(answer, MARK).answer == expected


def test_without_a_declared_mark_nothing_is_degraded() -> None:
    assert judge(reply(200, {**JSON, "x-degraded": "stock"}, b'{"degraded": true}'), DegradedMark()).answer is FULL


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("/a/0/b~1c", True), ("/a/1", False), ("/a/0/b~1c/d", False), ("/m~0n", True), ("/a/x", False), ("/", False)],
)
def test_the_mark_is_found_by_an_rfc_6901_pointer(pointer: str, found: bool) -> None:  # noqa: FBT001 -- a table
    body = b'{"a": [{"b/c": 1}], "m~n": "x"}'
    assert is_marked(reply(200, body=body), DegradedMark(json_pointer=pointer)) is found


def shape(document: object) -> str:
    return judge(reply(200, body=json.dumps(document).encode()), MARK).shape


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": "x"}, {"b": "y", "a": 2}),
        ([1, 2, 3], [4]),
        ([{"a": 1}, {"b": 1}], [{"b": 2}, {"a": 2}, {"a": 3}]),
    ],
)
def test_answers_that_differ_in_values_only_have_one_shape(one: object, other: object) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": None}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": 1}),
        ([1], []),
        ([1], [1, "x"]),
        ({}, []),
        ({"a": {"b": 1}}, {"a:{b": 1}),
    ],
)
def test_answers_of_another_structure_have_another_shape(one: object, other: object) -> None:
    assert shape(one) != shape(other)


@given(DOCUMENTS)
def test_every_document_has_a_shape_that_the_order_of_keys_does_not_change(document: object) -> None:
    assert shape(document) == shape(json.loads(json.dumps(document, sort_keys=True)))


def test_what_is_not_json_is_told_apart_by_its_kind_and_emptiness() -> None:
    text = {"content-type": "text/html; charset=utf-8"}
    shapes = [
        judge(reply(200, text, b"<p>"), MARK).shape,
        judge(reply(200, text, b""), MARK).shape,
        judge(reply(200, text, None), MARK).shape,
        judge(reply(200, body=b"{"), MARK).shape,
        judge(reply(0, {}, None, error="Timeout: 1.35 seconds"), MARK).shape,
    ]
    assert shapes == ["text text/html", "empty text/html", "unread", "text application/json", "Timeout"]
