"""Drafts of pacts from recorded exchanges: stable, marked, without secrets, and readable as a pact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from harness.contracts.conformance import Conformance
from harness.contracts.drafting import Draft, draft
from harness.contracts.pacts import read_pact
from harness.model.changes import KeptExchange
from tests.contracts.generate.documents import document

JSON = (("Content-Type", "application/json; charset=utf-8"),)


def exchange(
    path: str,
    answer: JsonValue = None,
    *,
    method: str = "GET",
    status: int = 200,
    asked: JsonValue = None,
    **more: Any,
) -> KeptExchange:
    found: dict[str, Any] = {
        "line": "a-1->b-1",
        "t": 1.0,
        "method": method,
        "path": path,
        "request_headers": (("Authorization", "Bearer abc"), ("Cookie", "s=1"), *(JSON if asked else ())),
        "request_body": json.dumps(asked).encode() if asked else b"",
        "status": status,
        "headers": JSON,
        "body": json.dumps(answer).encode() if answer is not None else b"",
        "cut": False,
    }
    return KeptExchange(**(found | more))


def drafted(*exchanges: KeptExchange) -> Draft:
    found = draft("web", "catalog", exchanges)
    assert found is not None
    return found


def interactions(found: Draft) -> dict[str, Any]:
    listed: Any = found.document["interactions"]
    return {each["description"]: each for each in listed}


def test_requests_of_one_kind_are_one_interaction_with_what_varies() -> None:
    found = drafted(
        exchange("/products/sku-0002?lang=de&page=1", {"sku": "sku-0002", "price": 2, "shop": "north"}),
        exchange("/products/sku-0001?lang=de&page=2", {"sku": "sku-0001", "price": 3, "shop": "north"}),
    )
    ((description, each),) = interactions(found).items()
    assert description == "GET /products/{id} with lang, page, answered 200"
    assert each["request"]["path"] == "/products/sku-0001"
    assert each["request"]["query"] == {"lang": ["de"], "page": ["2"]}
    rules = each["request"]["matchingRules"]
    assert rules["path"]["matchers"] == [{"match": "regex", "regex": "^/products/[^/]+$"}]
    assert [*rules["query"]] == ["page"]
    assert each["response"]["status"] == 200
    assert each["response"]["body"]["content"]["shop"] == "north"
    assert [*each["response"]["matchingRules"]["body"]] == ["$.price", "$.sku"]
    assert any("$.shop: exactly this" in why for why in each["comments"]["text"])


def test_the_provider_s_document_tells_what_is_one_operation() -> None:
    conformance = Conformance("catalog", document())
    found = draft("web", "catalog", [exchange("/products/tea", {"a": 1})], template_of=conformance.template)
    assert found is not None
    assert [*interactions(found)] == ["GET /products/{sku}, answered 200"]


def test_a_draft_is_the_same_whatever_the_order_of_the_traffic_and_says_that_it_is_one(tmp_path: Path) -> None:
    seen = [exchange(f"/products/{n}", {"n": n, "at": f"2026-01-0{n}T00:00:00Z"}) for n in (1, 2, 3)]
    one, other = drafted(*seen), drafted(*reversed(seen))
    assert one.text == other.text
    file = one.write(tmp_path / "drafts")
    read = read_pact(file)
    assert (read.consumer, read.provider, len(read.interactions)) == ("web", "catalog", 1)
    assert json.loads(file.read_text())["metadata"]["draft"].startswith("a draft of recorded traffic")


def test_nothing_secret_is_written(tmp_path: Path) -> None:
    found = drafted(
        exchange(
            "/sessions/eyJhbGciOi.eyJzdWIi.c2ln?token=abc",
            {"access_token": "hunter3", "n": 1},
            method="POST",
            asked={"user": "ada", "password": "hunter2"},
        )
    )
    text = found.write(tmp_path).read_text()
    for secret in ("hunter2", "hunter3", "Bearer", "s=1", "eyJ", "abc"):
        assert secret not in text
    assert found.redacted == {"POST /sessions/redacted with token, answered 200"}


def test_statuses_and_kinds_of_answers_are_interactions_of_their_own() -> None:
    problem = (("Content-Type", "application/problem+json"),)
    found = drafted(
        exchange("/orders/1", {"n": 1}),
        exchange("/orders/2", {"title": "x"}, status=404, headers=problem),
        exchange("/orders/3", status=204, method="DELETE", headers=()),
    )
    assert [*interactions(found)] == [
        "DELETE /orders/{id}, answered 204",
        "GET /orders/{id}, answered 200",
        "GET /orders/{id}, answered 404 as application/problem+json",
    ]
    assert "body" not in interactions(found)["DELETE /orders/{id}, answered 204"]["response"]


def test_what_can_t_be_drafted_is_told() -> None:
    found = drafted(
        exchange("/a", {"n": 1}),
        exchange("/page", body=b"<html>", headers=(("Content-Type", "text/html"),)),
        exchange("/large", {"n": 1}, cut=True),
        exchange("/odd", {"n": 1}, served=b"{}"),
        exchange("/fresh", status=304, headers=()),
    )
    assert [*interactions(found)] == ["GET /a, answered 200"]
    assert found.left_out == (
        "GET /page → 200: a body of text/html says little",
        "GET /large → 200: a body was too large to be kept",
        "GET /odd → 200: its answer was changed",
        "GET /fresh → 304: it is no answer of its own",
    )
    assert draft("web", "catalog", []) is None
