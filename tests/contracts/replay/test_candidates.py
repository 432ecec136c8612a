from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from harness.contracts.replay.candidates import MOST_BODY_BYTES, asked, few, of_examples
from harness.contracts.replay.cases import of_report, recording
from harness.contracts.replay.command_line import curl
from harness.contracts.replay.operations import Operations
from harness.model.credentials import Credentials
from harness.model.replayed import Asked, Source

DOCUMENT: Mapping[str, JsonValue] = {
    "openapi": "3.1.0",
    "servers": [{"url": "http://localhost/v1"}],
    "paths": {
        "/things/{id}": {
            "get": {"parameters": [{"name": "id", "in": "path", "required": True, "example": "a/b"}]},
            "delete": {"parameters": [{"name": "id", "in": "path", "required": True, "example": "1"}]},
        },
        "/things/new": {"get": {}},
        "/things": {
            "post": {
                "parameters": [{"name": "Idempotency-Key", "in": "header", "example": "k"}],
                "requestBody": {"content": {"application/json": {"example": {"name": "kettle"}}}},
            }
        },
    },
}
OPERATIONS = Operations.of(DOCUMENT)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> Asked:
    found = asked(OPERATIONS, Source.CASE, method=method, path=path, headers=headers, body=body)
    assert found is not None
    return found


def test_a_request_belongs_to_the_operation_with_fewest_parameters() -> None:
    assert request("GET", "/v1/things/7?x=1").operation == "GET /things/{id}"
    assert request("get", "/v1/things/new").operation == "GET /things/new"


def test_a_request_for_no_operation_and_one_that_is_too_large_are_left_out() -> None:
    for path, body in (("/v2/things/new", b""), ("/v1/things/new", b"x" * (MOST_BODY_BYTES + 1))):
        assert asked(OPERATIONS, Source.CASE, method="GET", path=path, headers={}, body=body) is None


def test_an_idempotency_key_is_no_part_of_a_request_but_new_each_time() -> None:
    command = request("POST", "/v1/things", b"{}", **{"idempotency-key": "old", "Host": "x", "Content-Type": "a/b"})
    assert command.headers == {"Content-Type": "a/b"}
    assert [each.lower() for each in command.fresh] == ["idempotency-key"]


def test_examples_become_requests_and_those_that_change_nothing_come_first() -> None:
    found = few(of_examples(DOCUMENT))
    assert [(each.method, each.path) for each in found] == [
        ("GET", "/v1/things/new"),
        ("GET", "/v1/things/a%2Fb"),
        ("POST", "/v1/things"),
        ("DELETE", "/v1/things/1"),
    ]
    assert json.loads(found[2].body) == {"name": "kettle"}


def test_of_many_requests_for_an_operation_few_are_kept_and_what_consumers_rely_on_first() -> None:
    many = [request("GET", f"/v1/things/{number}") for number in range(50)]
    pact = asked(OPERATIONS, Source.PACT, method="GET", path="/v1/things/pact", headers={}, body=b"")
    assert pact is not None
    found = few([*many, *many, pact], most=3)
    assert len(found) == 3
    assert found[0] is pact


def test_what_schemathesis_asked_is_read_back_without_our_secrets(tmp_path: Path) -> None:
    report = tmp_path / "report.ndjson"
    secret = Credentials(headers={"Authorization": "Bearer s3cret"})
    body = {"$base64": base64.b64encode(b'{"name": "x"}').decode()}
    sent = {"Authorization": ["***"], "X-Schemathesis-TestCaseId": ["1"], "Content-Type": ["application/json"]}
    asks = [
        ({"method": "POST", "uri": "http://h/v1/things", "headers": sent, "body": body}, {"status_code": 201}),
        ({"method": "GET", "uri": "http://h/v1/things/9", "headers": {}}, {"status_code": 500}),
        ({"method": "GET", "uri": "http://h/v1/things/8", "headers": {}}, None),
    ]
    interactions = {str(n): {"request": ask, "response": answer} for n, (ask, answer) in enumerate(asks)}
    line = json.dumps({"ScenarioFinished": {"recorder": {"interactions": interactions}}})
    report.write_text('{"Initialize": {}}\n' + line + '\n{"ScenarioFini')
    (found,) = of_report(report, OPERATIONS, secret)
    assert (found.method, found.path, found.body) == ("POST", "/v1/things", b'{"name": "x"}')
    assert found.headers == {"Content-Type": "application/json"}


def test_no_secret_stands_in_what_the_recording_is_started_with(tmp_path: Path) -> None:
    secret = Credentials(headers={"Authorization": "Bearer s3cret"}, marks={"baggage": "run=1"})
    spec = recording(service="a", url="http://h", document="http://h/o", directory=tmp_path, seed=1, credentials=secret)
    settings = (tmp_path / "schemathesis.toml").read_text()
    assert "s3cret" not in settings + " ".join(spec.command)
    assert "Bearer s3cret" in spec.env.values()


def test_a_request_is_a_curl_line_whose_secrets_are_to_be_filled_in() -> None:
    command = request("POST", "/v1/things", b"it's", **{"Idempotency-Key": "old"})
    line = curl(command, "http://h/", secrets=["Authorization"])
    assert line == (
        "curl -i -g --path-as-is -X POST -H 'Idempotency-Key: NEW' -H 'Authorization: ***' "
        "--data-binary 'it'\"'\"'s' http://h/v1/things"
    )
