from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from urllib.parse import unquote

import pytest
from pydantic import JsonValue

from harness.contracts.hostile import Identity, Operation, operations_of, trials_of
from harness.contracts.hostile.asking import candidates, points, request_of
from harness.contracts.hostile.payloads import TAUTOLOGIES, unsigned
from harness.model.fuzzing import Another, Example, HostileCheck, ServiceFuzz
from harness.model.hostile import Honest, Trial

BASE = "http://127.0.0.1:1"
DOCUMENT: dict[str, JsonValue] = {
    "openapi": "3.1.0",
    "security": [{"bearer": []}],
    "paths": {
        "/things": {
            "get": {"parameters": [{"$ref": "#/components/parameters/q"}], "security": [], "responses": {"200": {}}},
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {"201": {}},
            },
        },
        "/things/{thing_id}": {"get": {"security": [{"bearer": []}, {}], "responses": {"200": {}, "404": {}}}},
        "/loop": {"get": {"parameters": [{"$ref": "#/paths/~1loop/get/parameters/0"}]}},
        "/things/mine": {"delete": {}},
    },
    "components": {
        "parameters": {"q": {"name": "q", "in": "query"}},
        "schemas": {"Thing": {"properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}},
    },
}
OPERATIONS = operations_of(DOCUMENT)
IDENTITY = Identity(
    headers={"Authorization": "Bearer mine", "X-Tenant": "acme"},
    another={"Authorization": "Bearer hers"},
    marks={"Harness-Run": "r"},
)


def trials(name: str, honest: Honest, settings: ServiceFuzz | None = None) -> Sequence[Trial]:
    return list(
        trials_of(
            operation=OPERATIONS[name],
            honest=honest,
            identity=IDENTITY,
            base=BASE,
            settings=settings or ServiceFuzz(),
            operations=OPERATIONS,
        )
    )


def thing(body: JsonValue = None) -> Honest:
    return Honest(operation="POST /things", body=body or {"name": "a", "size": 1}, media="application/json", status=201)


def test_a_document_tells_what_is_secured_where_text_stands_and_ends_its_loops() -> None:
    assert {name: each.secured for name, each in OPERATIONS.items()} == {
        "GET /things": False,
        "POST /things": True,
        "GET /things/{thing_id}": False,
        "GET /loop": True,
        "DELETE /things/mine": True,
    }
    assert OPERATIONS["GET /things"].query == ("q",)
    assert OPERATIONS["POST /things"].fields == ("name",)
    assert OPERATIONS["GET /things/{thing_id}"].statuses == ("200", "404")


def test_nothing_that_proves_who_asks_is_in_a_request_that_shows_no_token() -> None:
    shown = [each for each in trials("POST /things", thing()) if each.check is HostileCheck.NO_TOKEN]
    first = dict(shown[0].hostile.headers)
    assert "Authorization" not in first
    assert first["X-Tenant"] == "acme"
    assert all("Bearer mine" not in str(each.hostile.headers) for each in shown)
    assert not [each for each in trials("GET /things", Honest(operation="GET /things")) if each.check == "no-token"]


def test_what_the_fuzzer_sent_as_a_token_is_never_sent_again() -> None:
    seen = Honest(operation="GET /things", headers={"Authorization": "Bearer mine", "x-api-key": "k", "X-A": "***"})
    [honest] = candidates(OPERATIONS["GET /things"], {"GET /things": [seen]}, None)
    assert honest.headers == {}


def test_a_token_without_its_signature_keeps_its_claims() -> None:
    claims = base64.urlsafe_b64encode(b'{"sub":"a"}').decode().rstrip("=")
    forged = unsigned(f"e30.{claims}.c2ln")
    head, same, signature = forged.split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "none"
    assert (same, signature) == (claims, "")
    assert unsigned("opaque") == ""


@pytest.mark.parametrize("each", TAUTOLOGIES)
def test_a_tautology_differs_from_its_twin_in_one_character(each: object) -> None:
    assert hasattr(each, "always")
    always, never, plain = (getattr(each, name) for name in ("always", "never", "plain"))
    assert [(one, two) for one, two in zip(always, never, strict=True) if one != two] == [("1", "2")]
    assert all(char.isalnum() or char == " " for char in plain)
    assert plain.split() == [word for word in "".join(c if c.isalnum() else " " for c in always).split() if word]


def test_tautologies_are_put_wherever_text_may_stand() -> None:
    made = [each for each in trials("GET /things", Honest(operation="GET /things")) if each.check == "sql-tautology"]
    assert len(made) == len(TAUTOLOGIES)
    assert unquote(made[0].hostile.url) == f"{BASE}/things?q=zq7x' OR '1'='1"
    body = [each for each in trials("POST /things", thing()) if each.check == "sql-tautology"]
    assert json.loads(body[0].hostile.body or b"")["name"] == "zq7x' OR '1'='1"
    assert json.loads(body[0].hostile.body or b"")["size"] == 1


def test_another_customer_asks_only_for_what_is_private() -> None:
    honest = Honest(operation="GET /things/{thing_id}", path={"thing_id": "7"})
    name = "GET /things/{thing_id}"
    assert not [each for each in trials(name, honest) if each.check is HostileCheck.ANOTHER]
    settings = ServiceFuzz(private=(name,), another=Another(headers={"Authorization": "x"}))
    [made] = [each for each in trials(name, honest, settings) if each.check is HostileCheck.ANOTHER]
    assert dict(made.hostile.headers)["Authorization"] == "Bearer hers"
    assert made.twin is not None
    assert dict(made.twin.headers)["Authorization"] == "Bearer mine"


def test_methods_that_another_template_declares_are_not_wrong() -> None:
    honest = Honest(operation="GET /things/{thing_id}", path={"thing_id": "7"})
    methods = {each.hostile.method for each in trials("GET /things/{thing_id}", honest) if each.check == "wrong-method"}
    assert methods == {"POST", "PUT", "PATCH"}


def test_checks_that_are_off_are_not_made() -> None:
    off = {check.value: "not now" for check in HostileCheck if check is not HostileCheck.SCRIPT}
    assert {each.check for each in trials("POST /things", thing(), ServiceFuzz(checks_off=off))} == {"script"}


def test_a_parents_answer_tells_how_a_child_is_asked_for() -> None:
    made = Honest(operation="POST /things", status=201, answer={"id": 41, "name": "x"})
    listed = Honest(operation="GET /things", status=200, answer={"items": [{"thing_id": "a/b"}]})
    seen = {"POST /things": [made], "GET /things": [listed]}
    found = list(candidates(OPERATIONS["GET /things/{thing_id}"], seen, None))
    assert [each.path for each in found] == [{"thing_id": "41"}, {"thing_id": "a/b"}]
    assert request_of(found[1], BASE, {}).url == f"{BASE}/things/a%2Fb"


def test_declared_examples_come_first_and_lacking_ones_do_not_count() -> None:
    operation = OPERATIONS["GET /things/{thing_id}"]
    given = Example(path={"thing_id": (3,)}, query={"q": ("x",)})
    assert next(candidates(operation, {}, given)).path == {"thing_id": "3"}
    assert list(candidates(operation, {}, Example(query={"q": ("x",)}))) == []


def test_places_are_bounded_and_nested_text_is_among_them() -> None:
    deep = thing({"name": "a", "inner": [{"note": "b"}] * 50, **{f"k{n}": "v" for n in range(50)}})
    found = points(OPERATIONS["POST /things"], deep)
    assert len(found) == 12
    assert "body inner/0/note" in map(str, found)


def test_an_operation_without_anything_honest_has_no_candidate() -> None:
    assert list(candidates(Operation(name="POST /x", secured=True, takes_json=True), {}, None)) == []
