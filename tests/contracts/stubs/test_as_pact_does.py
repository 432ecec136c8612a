"""Our matching against that of Pact's own mock server: the same requests, the same answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pact import Pact
from pydantic import JsonValue

from harness.contracts.pacts import read_pact
from harness.contracts.stubs import Request, Stub, stub_of

pytestmark = pytest.mark.loopback


def having(kind: str, value: JsonValue, **more: JsonValue) -> JsonValue:
    return {"pact:matcher:type": kind, "value": value, **more}


def of_all(value: JsonValue, **rules: JsonValue) -> JsonValue:
    kinds: list[JsonValue] = [{"pact:matcher:type": kind, "rules": [rule]} for kind, rule in rules.items()]
    return {"pact:matcher:type": kinds, "value": value}


BEGINS_WITH_K: JsonValue = {"pact:matcher:type": "regex", "regex": "^k.*"}
OF_THE_TYPE: JsonValue = {"pact:matcher:type": "type"}
YES = True
ONE: JsonValue = {"x": having("type", 1), "k": "one"}

CASES: list[tuple[JsonValue, list[JsonValue]]] = [
    (
        {"a": 1, "b": "x"},
        [{"a": 1, "b": "x"}, {"a": 1}, {"a": 1, "b": "x", "c": 2}, {"a": "1", "b": "x"}, {"a": 1.0, "b": "x"}, []],
    ),
    ([1, 2], [[1, 2], [2, 1], [1], [1, 2, 3]]),
    ({"a": having("type", 1)}, [{"a": 2}, {"a": 2.5}, {"a": "x"}, {"a": None}, {"a": True}, {}]),
    ({"a": having("type", "x")}, [{"a": ""}, {"a": 1}, {"a": None}]),
    ({"a": having("type", YES)}, [{"a": False}, {"a": "true"}]),
    ({"a": having("type", [1])}, [{"a": [2, 3]}, {"a": []}, {"a": ["x"]}, {"a": {}}]),
    ({"a": having("type", [])}, [{"a": [2, 3]}, {"a": []}]),
    (
        {"a": having("type", {"x": 1, "y": ["q"]})},
        [{"a": {"x": 5, "y": ["z", "w"]}}, {"a": {"x": 5}}, {"a": {"x": 5, "y": [], "n": 1}}, {"a": {"x": 5, "y": []}}],
    ),
    (
        {"a": having("type", [{"x": 1}], min=1)},
        [{"a": []}, {"a": [{"x": 2}]}, {"a": [{"x": 2}, {"x": 3}]}, {"a": [{"x": 2, "z": 3}]}],
    ),
    ({"a": having("type", [{"x": 1}], max=2)}, [{"a": []}, {"a": [{"x": 2}, {"x": 2}, {"x": 2}]}]),
    ({"a": having("type", [[1]], min=2)}, [{"a": [[1], []]}, {"a": [[1], [2, 3]]}, {"a": [[1]]}]),
    (having("type", [{"x": having("integer", 1)}], min=1), [[{"x": 2}], [], [{"x": "q"}], [{"x": 2.5}]]),
    ({"a": having("type", {"x": having("equality", 1), "y": 2})}, [{"a": {"x": 1, "y": 9}}, {"a": {"x": 2, "y": 9}}]),
    ({"a": having("equality", [1, 2])}, [{"a": [1, 2]}, {"a": [1]}]),
    ({"a": having("regex", "ab", regex="a.")}, [{"a": "ac"}, {"a": "abc"}, {"a": "ba"}, {"a": 5}, {"a": None}]),
    ({"a": having("regex", "12", regex="^[0-9]+$")}, [{"a": "34"}, {"a": 34}, {"a": "x"}, {"a": ["1"]}]),
    ({"a": having("integer", 5)}, [{"a": 6}, {"a": 6.5}, {"a": "6"}, {"a": True}, {"a": None}]),
    ({"a": having("decimal", 5.5)}, [{"a": 6}, {"a": 6.5}, {"a": "6.5"}]),
    ({"a": having("number", 5)}, [{"a": 6}, {"a": 6.5}, {"a": "6"}, {"a": True}]),
    ({"a": having("boolean", YES)}, [{"a": False}, {"a": "false"}, {"a": "x"}, {"a": 1}, {"a": []}]),
    ({"a": having("null", None)}, [{"a": None}, {"a": 1}]),
    ({"a": having("include", "x")}, [{"a": "axb"}, {"a": "ab"}, {"a": 5}]),
    ({"a": having("notEmpty", "x")}, [{"a": "y"}, {"a": ""}, {"a": 5}]),
    ({"a": having("semver", "1.0.0")}, [{"a": "1.2.3-x"}, {"a": "1.2"}, {"a": "x"}]),
    (
        {"a": having("date", "2020-01-01", format="yyyy-MM-dd")},
        [{"a": "2021-12-31"}, {"a": "x"}, {"a": "2021-1-1"}, {"a": "2021-13-01"}, {"a": 5}],
    ),
    (
        {"a": having("datetime", "2020-01-01T00:00:00Z", format="yyyy-MM-dd'T'HH:mm:ssXXX")},
        [{"a": "2021-12-31T10:00:00+02:00"}, {"a": "2021-12-31T10:00:00Z"}, {"a": "2021-12-31"}],
    ),
    ({"a": having("time", "10:00", format="HH:mm")}, [{"a": "11:30"}, {"a": "25:00"}, {"a": "x"}]),
    ({"a": having("values", {"k": 1})}, [{"a": {"z": 1}}, {"a": {"z": 2}}, {"a": {}}, {"a": {"z": "x"}}]),
    (
        {"a": having("values", {"k": having("type", 1)})},
        [{"a": {"z": 1}}, {"a": {"z": 2}}, {"a": {}}, {"a": {"z": "x"}}],
    ),
    (
        {"a": of_all({"k1": 1}, eachKey=BEGINS_WITH_K)},
        [{"a": {"k2": 1}}, {"a": {"k1": 1, "k2": 5}}, {"a": {"k1": 2}}, {"a": {"z": 1}}],
    ),
    (
        {"a": of_all({"k1": 1}, eachKey=BEGINS_WITH_K, eachValue=OF_THE_TYPE)},
        [{"a": {"k2": 1}}, {"a": {"k1": 1, "k2": 5}}, {"a": {"z": 1}}, {"a": {"k3": "x"}}, {"a": {}}],
    ),
    (
        {"a": {"pact:matcher:type": "arrayContains", "variants": [ONE, {"k": "two"}]}},
        [
            {"a": [{"x": 5, "k": "one"}, {"k": "two"}]},
            {"a": [{"k": "two"}]},
            {"a": [{"k": "zzz"}, {"k": "two"}, {"x": 5, "k": "one"}]},
        ],
    ),
]  # fmt: skip


def asked(url: str, body: JsonValue) -> bool:
    """Whether Pact's mock server knows the request."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 -- the mock server's own URL
        url + "/x", data=data, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 -- see above
            return int(answer.status) == 204
    except urllib.error.HTTPError as error:
        with error:
            return False


def played(stub: Stub, body: JsonValue) -> bool:
    request = Request(
        method="POST", path="/x", headers={"content-type": ("application/json",)}, body=json.dumps(body).encode()
    )
    return stub.play(request).matched


@pytest.mark.parametrize(("agreed", "sent"), CASES, ids=[json.dumps(agreed)[:60] for agreed, _ in CASES])
def test_what_pact_lets_pass_passes_and_nothing_else(agreed: JsonValue, sent: list[JsonValue], tmp_path: Path) -> None:
    pact = Pact("c", "p").with_specification("V4")
    interaction = pact.upon_receiving("a request").with_request("POST", "/x")
    interaction.with_body(json.dumps(agreed), "application/json").will_respond_with(204)
    with pact.serve(raises=False, verbose=False) as server:
        theirs = {json.dumps(body): asked(str(server.url), body) for body in sent}
    pact.write_file(tmp_path)
    stub = stub_of(read_pact(tmp_path / "c-p.json"))
    assert theirs == {json.dumps(body): played(stub, body) for body in sent}
