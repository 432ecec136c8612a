from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from harness.contracts.pacts import read_pact
from harness.contracts.stubs import Choice, Played, Request, choose, stub_of
from harness.errors import DeclarationError
from tests.contracts.stubs.pacts import CHARGE, body, charge, interaction, post, refusal, stubbed, write


def document(played: Played) -> Any:
    return json.loads(played.reply.body)


def ok(**request: JsonValue) -> dict[str, JsonValue]:
    return interaction("it", {"method": "GET", "path": "/things", **request}, {"status": 204})


def get(path: str, **query: str) -> Request:
    return Request(method="GET", path=path, query={name: (value,) for name, value in query.items()})


def test_the_first_that_is_no_refusal_answers(tmp_path: Path) -> None:
    played = stubbed(tmp_path).play(post(CHARGE))
    assert (played.reply.status, played.matched) == (201, True)
    assert played.line == "POST /charges → 201 by 'a charge', given 'an order'"


def test_a_chosen_state_answers_instead(tmp_path: Path) -> None:
    played = stubbed(tmp_path).play(post(CHARGE), Choice(names=("a refunded order",)))
    assert played.reply.status == 409


def test_a_chosen_description_will_do(tmp_path: Path) -> None:
    assert stubbed(tmp_path).play(post(CHARGE), Choice(names=("a late charge",))).reply.status == 409


def test_what_was_chosen_leaves_other_operations_alone(tmp_path: Path) -> None:
    played = stubbed(tmp_path).play(get("/charges/6f1e9a52"), Choice(names=("a refunded order",)))
    assert played.reply.status == 200


def test_a_state_of_another_stub_changes_nothing(tmp_path: Path) -> None:
    stated = interaction("stated", charge(), {"status": 200}, "an order")
    plain = interaction("plain", charge(), {"status": 201})
    stub = stubbed(tmp_path, stated, plain)
    assert stub.play(post(CHARGE), Choice(names=("of somebody else",))).reply.status == 200


def test_one_without_a_state_comes_before_one_with_a_state_that_was_not_chosen(tmp_path: Path) -> None:
    stated = interaction("stated", charge(), {"status": 200}, "an order")
    plain = interaction("plain", charge(), {"status": 201})
    chosen = interaction("other", {"method": "GET", "path": "/x"}, {"status": 200}, "another")
    assert stubbed(tmp_path, stated, plain, chosen).play(post(CHARGE), Choice(names=("another",))).reply.status == 201


def test_a_state_that_is_chosen_for_one_request_lets_no_other_answer(tmp_path: Path) -> None:
    played = stubbed(tmp_path).play(get("/charges/6f1e9a52"), Choice(names=("a refunded order",), only=True))
    assert played.reply.status == 501
    assert "matches 'a charge that is looked at', given 'an order', and 'a refunded order' was chosen" in played.line


def test_what_nothing_matches_is_told_with_the_nearest_difference_and_all_that_would(tmp_path: Path) -> None:
    played = stubbed(tmp_path).play(post({**CHARGE, "amount_cents": 4200}))
    assert (played.reply.status, played.matched) == (501, False)
    assert dict(played.reply.headers)["Content-Type"] == "application/problem+json"
    told = document(played)
    assert told["status"] == 501
    assert told["nearest"] == {
        "interaction": "'a charge', given 'an order'",
        "differences": ["body $.amount_cents: expected 1999, found 4200"],
    }
    assert "POST /charges: 'a declined card'" in told["would_match"]
    assert played.line.endswith("nearest 'a charge', given 'an order': body $.amount_cents: expected 1999, found 4200")


def test_of_another_path_only_the_path_is_told(tmp_path: Path) -> None:
    told = document(stubbed(tmp_path).play(post(CHARGE, "/charge")))
    assert told["nearest"]["differences"] == ['path: expected "/charges", found "/charge"']


@pytest.mark.parametrize(
    ("sent", "difference"),
    [
        ("{", "body: expected JSON"),
        (json.dumps({"order_id": 5, "amount_cents": 1999, "card_token": "tok-0001"}), "$.order_id: expected a value"),
        (json.dumps({"order_id": "x", "amount_cents": "1999", "card_token": "tok-0001"}), "1999 (number), found"),
        (json.dumps({"order_id": "x", "card_token": "tok-0001"}), "$.amount_cents: expected 1999, found nothing"),
        (json.dumps(CHARGE | {"more": 1}), "body $.more: expected nothing, found 1"),
    ],
)
def test_each_difference_of_a_body_is_named(sent: str, difference: str, tmp_path: Path) -> None:
    headers = {"content-type": ("application/json",)}
    request = Request(method="POST", path="/charges", headers=headers, body=sent.encode())
    assert difference in stubbed(tmp_path).play(request).line


def test_the_answer_takes_over_what_both_leave_open(tmp_path: Path) -> None:
    played = stubbed(tmp_path).play(post({**CHARGE, "order_id": "11112222"}))
    assert document(played)["order_id"] == "11112222"


def test_what_the_answer_fixes_stays(tmp_path: Path) -> None:
    fixed = interaction("a charge", charge(), {"status": 200, "body": body({"order_id": "6f1e9a52"})})
    played = stubbed(tmp_path, fixed).play(post({**CHARGE, "order_id": "11112222"}))
    assert document(played) == {"order_id": "6f1e9a52"}


def test_a_loose_stub_lets_values_differ_and_nothing_else(tmp_path: Path) -> None:
    stub = stubbed(tmp_path, loose=True)
    other: dict[str, JsonValue] = {"order_id": "11112222", "amount_cents": 4200, "card_token": "tok-of-mine"}
    played = stub.play(post(other))
    assert (played.reply.status, document(played)["order_id"]) == (201, "11112222")
    assert "it differs in values" in played.line
    assert stub.play(post(other | {"amount_cents": "4200"})).reply.status == 501
    assert stub.play(post(other | {"more": 1})).reply.status == 501
    assert stub.play(post(other, "/charge")).reply.status == 501


def test_a_loose_stub_is_exact_where_it_can_be(tmp_path: Path) -> None:
    declined = {**CHARGE, "card_token": "tok-0002"}
    assert stubbed(tmp_path, loose=True).play(post(declined)).reply.status == 402


def test_what_was_chosen_counts_more_than_an_exact_request(tmp_path: Path) -> None:
    played = stubbed(tmp_path, loose=True).play(post(CHARGE), Choice(names=("a declined card",)))
    assert played.reply.status == 402


def test_a_path_that_a_state_fills_in_is_open_there_only(tmp_path: Path) -> None:
    request: dict[str, JsonValue] = {
        "method": "GET",
        "path": "/charges/6f1e9a52",
        "generators": {"path": {"type": "ProviderState", "expression": "/charges/${order_id}"}},
        "matchingRules": {"path": {"combine": "AND", "matchers": [{"match": "type"}]}},
    }
    answer: dict[str, JsonValue] = {
        "status": 200,
        "body": body({"order_id": "6f1e9a52"}),
        "matchingRules": {"body": {"$.order_id": {"matchers": [{"match": "type"}]}}},
    }
    stub = stubbed(tmp_path, interaction("a charge", request, answer))
    assert document(stub.play(get("/charges/11112222"))) == {"order_id": "11112222"}
    assert stub.play(get("/refunds/11112222")).reply.status == 501
    assert stub.play(get("/charges/1/more")).reply.status == 501


def test_a_path_may_have_a_form(tmp_path: Path) -> None:
    form: JsonValue = {"path": {"combine": "AND", "matchers": [{"match": "regex", "regex": "/things/[0-9]+"}]}}
    stub = stubbed(tmp_path, ok(path="/things/1", matchingRules=form))
    assert stub.play(get("/things/22")).matched
    assert not stub.play(get("/things/x")).matched


def test_a_query_is_matched_whole(tmp_path: Path) -> None:
    rules: JsonValue = {"query": {"page": {"matchers": [{"match": "integer"}]}}}
    stub = stubbed(tmp_path, ok(query={"page": ["1"], "q": ["kettle"]}, matchingRules=rules))
    assert stub.play(get("/things", page="7", q="kettle")).matched
    assert "query page: expected a whole number" in stub.play(get("/things", page="x", q="kettle")).line
    assert 'query q: expected "kettle", found nothing' in stub.play(get("/things", page="1")).line
    assert "query z: expected nothing" in stub.play(get("/things", page="1", q="kettle", z="1")).line


def test_headers_of_any_case_may_be_more_and_not_less(tmp_path: Path) -> None:
    rules: JsonValue = {"header": {"X-Key": {"matchers": [{"match": "regex", "regex": "k-.*"}]}}}
    stub = stubbed(
        tmp_path, ok(headers={"X-Key": ["k-1"], "Accept": ["application/json, text/plain"]}, matchingRules=rules)
    )
    headers = {"x-key": ("k-2",), "accept": ("application/json,text/plain;q=0.5",), "other": ("x",)}
    assert stub.play(Request(method="GET", path="/things", headers=headers)).matched
    assert (
        "header x-key: expected a text"
        in stub.play(Request(method="GET", path="/things", headers=headers | {"x-key": ("q",)})).line
    )
    assert "header accept" in stub.play(Request(method="GET", path="/things", headers={"x-key": ("k-2",)})).line


def test_forms_and_texts_are_matched(tmp_path: Path) -> None:
    form = interaction(
        "a form",
        {"method": "POST", "path": "/f", "body": body("a=1&b=2", "application/x-www-form-urlencoded")},
        {"status": 200, "body": body("done", "text/plain")},
    )
    stub = stubbed(tmp_path, form)

    def sent(text: str) -> Played:
        kind = {"content-type": ("application/x-www-form-urlencoded; charset=utf-8",)}
        return stub.play(Request(method="POST", path="/f", headers=kind, body=text.encode()))

    assert (sent("b=2&a=1").reply.body, sent("b=2&a=1").reply.headers) == (b"done", (("Content-Type", "text/plain"),))
    assert not sent("a=1&b=3").matched


def test_a_body_in_base64_is_its_bytes(tmp_path: Path) -> None:
    encoded: JsonValue = {
        "content": base64.b64encode(b"\xff\x00").decode(),
        "contentType": "image/png",
        "encoded": "base64",
    }
    stub = stubbed(
        tmp_path, interaction("a picture", {"method": "GET", "path": "/p"}, {"status": 200, "body": encoded})
    )
    assert stub.play(get("/p")).reply.body == b"\xff\x00"


def test_a_pact_of_version_3_is_played(tmp_path: Path) -> None:
    file = tmp_path / "orders-payments.json"
    request = {"method": "GET", "path": "/p", "query": {"q": ["1"]}, "headers": {"X-A": "b"}}
    response = {"status": 200, "headers": {"Content-Type": "application/json"}, "body": {"a": 1}}
    whole = {
        "consumer": {"name": "orders"},
        "provider": {"name": "payments"},
        "interactions": [{"description": "it", "request": request, "response": response}],
        "metadata": {"pactSpecification": {"version": "3.0.0"}},
    }
    file.write_text(json.dumps(whole), encoding="utf-8")
    asked = Request(method="GET", path="/p", query={"q": ("1",)}, headers={"x-a": ("b",)})
    assert document(stub_of(read_pact(file)).play(asked)) == {"a": 1}


def test_a_matcher_that_nobody_knows_is_told_at_its_place(tmp_path: Path) -> None:
    strange: JsonValue = {"body": {"$.a": {"matchers": [{"match": "telepathy"}]}}}
    file = write(tmp_path, ok(body=body({"a": 1}), matchingRules=strange))
    with pytest.raises(DeclarationError, match=r"payments\.json:\d+: the matcher 'telepathy' of 'it' is not known"):
        stub_of(read_pact(file))


def test_a_status_that_is_none_is_told_at_its_place(tmp_path: Path) -> None:
    file = write(tmp_path, interaction("it", {"method": "GET", "path": "/"}, refusal(999)))
    with pytest.raises(DeclarationError, match=r"payments\.json:\d+: expected an HTTP status in 'it', found 999"):
        stub_of(read_pact(file))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("payments: a refunded order", ("a refunded order",)),
        ("pricing: a price", ()),
        ("# payments: no\n\n a refunded order \n", ("a refunded order",)),
        ("an order that says: no", ("an order that says: no",)),
    ],
)
def test_a_file_chooses_for_one_provider_or_for_all(text: str, names: tuple[str, ...]) -> None:
    assert choose(text, "payments") == names
