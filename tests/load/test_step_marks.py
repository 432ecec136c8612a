"""What declared steps put on record of what they read and write."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from pydantic import JsonValue

from harness.declare.steps import read_steps
from harness.errors import DeclarationError
from harness.load.answers import Reply
from harness.load.checks import seen
from harness.load.walk import Answered, Asked, Walk
from harness.model.steps import Sees

FILE = """
journeys:
  cart:
    variables: {sku: sku-7, quantity: 3}
    steps:
      - request: PUT /cart/items/{sku}
        headers: {Idempotency-Key: "{uuid.put}"}
        json: {quantity: "{quantity}"}
        touches: {thing: "cart/{customer}", writes: {"{sku}": "{quantity}"}}
      - request: GET /cart
        touches: {thing: "cart/{customer}", sees: {rows: /items, field: sku, value: quantity}}
      - GET /products/{sku}
"""


def declared(tmp_path: Path, text: str) -> Walk:
    (tmp_path / "journeys.yaml").write_text(text)
    journeys, _ = read_steps(tmp_path / "journeys.yaml")
    return Walk(journey=journeys["cart"], chance=random.Random(1))  # noqa: S311 -- load, not secrets


def asked(walk: Walk) -> list[Asked]:
    requests, found = walk.requests(), list[Asked]()
    good = Answered(reply=Reply(method="GET", status=200, headers={}, body=b""))
    following = next(requests)
    while True:
        found.append(following)
        try:
            following = requests.send(good)
        except StopIteration:
            return found


def test_a_step_tells_what_it_writes_with_its_names_filled_in(tmp_path: Path) -> None:
    put, get, product = asked(declared(tmp_path, FILE))
    assert put.touch is not None
    assert get.touch is not None
    assert put.touch.writes == {"sku-7": 3}
    assert put.touch.thing == get.touch.thing == f"cart/{put.touch.session}"
    assert (put.touch.once, get.touch.once) == (put.headers["Idempotency-Key"], "")
    assert product.touch is None


def shown(document: JsonValue) -> Reply:
    return Reply(
        method="GET", status=200, headers={"content-type": "application/json"}, body=json.dumps(document).encode()
    )


ROWS = Sees(rows="/items", field="sku", value="quantity")


@pytest.mark.parametrize(
    ("sees", "document", "fields"),
    [
        (ROWS, {"items": [{"sku": "a", "quantity": 2}, {"sku": "b"}]}, {"a": 2, "b": None}),
        (Sees(rows="/items", field="sku"), {"items": [{"sku": "a"}]}, {"a": True}),
        (ROWS, {"items": []}, {}),
        (Sees(fields={"name": "/who/name", "age": "/who/age"}), {"who": {"name": "x"}}, {"name": "x", "age": None}),
        (ROWS, {"items": {}}, None),
        (ROWS, {"items": [{"quantity": 2}]}, None),
        (ROWS, [], None),
    ],
)
def test_what_an_answer_shows_is_found_or_nothing_is_told(
    sees: Sees, document: JsonValue, fields: dict[str, JsonValue] | None
) -> None:
    assert seen(sees, shown(document)) == fields


def test_an_answer_that_is_no_document_tells_nothing() -> None:
    assert seen(ROWS, Reply(method="GET", status=200, headers={}, body=b"<html>")) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cart/{customer}", "cart/{custmer}", "'{custmer}' is neither a variable nor captured"),
        ('"{quantity}"}}', '"{quantty}"}}', "'{quantty}' is neither a variable nor captured"),
        ("rows: /items", "rows: items", "expected a JSON pointer"),
        ("field: sku, ", "", "expected either 'rows' with the 'field' of each, or 'fields'"),
        ('thing: "cart/{customer}", sees', 'thing: "{customer}", sees', "thing"),
        (", sees: {rows: /items, field: sku, value: quantity}", "", "expected 'writes', 'sees', or both"),
        ("- GET /products/{sku}", "- {request: GET /a, follow: true, touches: {thing: a/b, writes: {c: 1}}}",
         "together with 'follow'"),
    ],
)  # fmt: skip
def test_marks_that_make_no_sense_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in FILE
    with pytest.raises(DeclarationError) as refused:
        declared(tmp_path, FILE.replace(old, new))
    assert message in str(refused.value)
