import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.compare import compare
from harness.contracts.compare.whole import Documents, compare_all, find_documents, find_events
from harness.errors import Problem

ROOT = Path(__file__).parents[3]
SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [run, "{port}"]}, ready: /}
  back: {owner: core, run: {command: [run, "{port}"]}, ready: /}
edges:
  - {from: front, to: back, need: hard}
journeys:
  look: {deadline: 1s, needs: [back]}
"""
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "back", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "parameters": [{"in": "path", "name": "id", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "description": "fine",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    }
                },
            }
        }
    },
    "components": {"schemas": {"Thing": {"type": "object", "properties": {"name": {"type": "string"}}}}},
}
EVENT = {
    "title": "ThingMade",
    "x-producer": "back",
    "type": "object",
    "properties": {"id": {"type": "string"}},
    "additionalProperties": False,
}


def http(description: str, body: object) -> dict[str, object]:
    return {
        "type": "Synchronous/HTTP",
        "description": description,
        "request": {"method": "GET", "path": "/things/1"},
        "response": {"status": 200, "body": {"content": body, "contentType": "application/json", "encoded": False}},
    }


def message(description: str, content: object) -> dict[str, object]:
    contents = {"content": content, "contentType": "application/json", "encoded": False}
    return {"type": "Asynchronous/Messages", "description": description, "contents": contents}


def pact(*interactions: object, provider: str = "back") -> dict[str, object]:
    return {
        "consumer": {"name": "front"},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for name in ("pacts", "openapi", "events"):
        (tmp_path / "contracts" / name).mkdir(parents=True)
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    write(tmp_path, "openapi/back.json", DOCUMENT)
    write(tmp_path, "events/ThingMade.json", EVENT)
    write(tmp_path, "pacts/front-back.json", pact(http("a thing", {"name": "x"})))
    return tmp_path


def write(system: Path, name: str, document: Mapping[str, object]) -> None:
    (system / "contracts" / name).write_text(json.dumps(document, indent=1), encoding="utf-8")


def run(*arguments: Path | str) -> Result:
    return CliRunner().invoke(compare, [str(each) for each in arguments])


def test_what_fits_ends_with_0(system: Path) -> None:
    done = run(system)
    assert done.exit_code == 0
    assert "1 interactions of 1 pacts compared: 0 do not fit" in done.output


def test_what_does_not_fit_is_told_with_place_and_owners(system: Path) -> None:
    write(system, "pacts/front-back.json", pact(http("a thing", {"nam": "x"})))
    done = run(system)
    assert done.exit_code == 1
    assert "front is owned by web, back is owned by core" in done.output
    assert "front-back.json:11: a thing [GET /things/{id}]" in done.output
    assert "error: response.body $.nam: the document declares no nam here" in done.output


def test_one_pact_and_one_document_need_no_system(system: Path) -> None:
    given = system / "contracts" / "pacts" / "front-back.json", system / "contracts" / "openapi" / "back.json"
    assert run(*given).exit_code == 0


def test_a_message_is_held_against_the_schema_of_its_event(system: Path) -> None:
    write(system, "pacts/front-back.json", pact(message("a thing was made", {"id": "1"})))
    assert run(system).exit_code == 0
    write(system, "pacts/front-back.json", pact(message("a thing was made", {"ident": "1"})))
    done = run(system)
    assert done.exit_code == 1
    assert "[ThingMade]" in done.output
    assert "contents $.ident: the document declares no ident here" in done.output


def test_a_message_of_no_event_is_unknown(system: Path) -> None:
    (system / "contracts" / "events" / "ThingMade.json").unlink()
    write(system, "pacts/front-back.json", pact(message("a thing was made", {"id": "1"})))
    done = run(system)
    assert done.exit_code == 2
    assert "unknown: which event it is can't be told" in done.output


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pacts/zz.json", "{", "zz.json:1:2: expected JSON"),
        ("pacts/zz.json", json.dumps(pact(http("a", {}), provider="bakc")), "'bakc', which is no service"),
        ("pacts/zz.json", json.dumps(pact(http("a", {}), http("a", {}))), "duplicate interaction 'a'"),
        ("pacts/zz.json", json.dumps(pact(http("a thing", {}))), "duplicate interaction 'a thing' of front and back"),
        ("events/zz.json", "[", "zz.json:1: expected JSON"),
        ("events/zz.json", '{"$ref": "#/$defs/Gone"}', "the reference '#/$defs/Gone' leads to nothing"),
    ],
)
def test_bad_input_is_told_with_its_place_and_the_rest_is_judged(system: Path, name: str, text: str, said: str) -> None:
    (system / "contracts" / name).write_text(text, encoding="utf-8")
    done = run(system)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert "0 do not fit" in done.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "back.json: expected an OpenAPI document that can be read"),
        ('{"openapi": "2.0"}', "expected an OpenAPI document of version 3.0 or 3.1, found 2.0"),
        (
            json.dumps(DOCUMENT, indent=1).replace("schemas/Thing", "schemas/Gone"),
            "back.json:26: the reference '#/components/schemas/Gone' leads to nothing",
        ),
        (json.dumps(DOCUMENT).replace("#/components", "other.json#/components"), "leads out of the document"),
    ],
)
def test_a_broken_document_is_told_and_leaves_its_pacts_unknown(system: Path, text: str, said: str) -> None:
    (system / "contracts" / "openapi" / "back.json").write_text(text, encoding="utf-8")
    done = run(system)
    assert done.exit_code == 2
    assert said in done.output
    assert "unknown: the document of back can't be read" in done.output


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": "strng"}, "UnknownType"),
        ({"type": "string", "pattern": "\\p{L}"}, "bad escape"),
        ({"properties": 5}, "can't be used"),
        ({"allOf": "all"}, "can't be used"),
        ({"type": "string", "minLength": "one"}, "TypeError"),
    ],
)
def test_a_schema_that_is_none_leaves_its_interactions_unknown(
    system: Path, wrong: dict[str, object], said: str
) -> None:
    document = {**DOCUMENT, "components": {"schemas": {"Thing": {"properties": {"name": wrong}, "type": "object"}}}}
    write(system, "openapi/back.json", document)
    write(system, "pacts/front-back.json", pact(http("a thing", {"name": "x" if "properties" not in wrong else {}})))
    done = run(system)
    assert done.exit_code == 2, done.output
    assert said in done.output


def test_a_provider_without_a_document_is_unknown(system: Path) -> None:
    (system / "contracts" / "openapi" / "back.json").unlink()
    done = run(system)
    assert done.exit_code == 2
    assert "back has no document" in done.output


def test_nothing_to_compare_is_unknown(system: Path) -> None:
    done = run(system, "--provider", "front")
    assert done.exit_code == 2
    assert "nothing was compared" in done.output


def test_all_pacts_of_the_shop_fit_their_documents_within_a_second() -> None:
    contracts = ROOT / "contracts"
    problems: list[Problem] = []
    began = time.process_time()
    documents = Documents(
        openapi=find_documents(contracts),
        events=find_events(contracts, problems),
        supplied={"authorization": "Bearer token", "x-customer": "somebody"},
    )
    found = compare_all(sorted((contracts / "pacts").glob("*.json")), documents)
    took_s = time.process_time() - began
    assert [*problems, *found.problems] == []
    assert found.pacts
    assert [each for pact in found.pacts for one in pact.interactions for each in one.errors] == []
    assert took_s < 1, f"{took_s:.2f} s for {len(found.pacts)} pacts"
