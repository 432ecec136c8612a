"""Where journeys come from, and how they and the description have to agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.declare import load_system
from harness.declare.journeys import DEFAULT_DEADLINE, read_conduct
from harness.errors import DeclarationError
from harness.model.declared import DegradedMark
from harness.model.quantity import Duration
from harness.model.topology import Topology

SYSTEM = """\
system: small
entry: web
services:
  web: {owner: us, run: {command: [serve]}}
"""
STEPS = "journeys:\n  browse: {weight: 3, deadline: 2 s, steps: [GET /]}\n  buy: [POST /orders]\n"
LOCUSTFILE = """\
import locust
from locust import FastHttpUser, TaskSet, task

class Customer(FastHttpUser):
    @task(7)
    def look_around(self): ...

    @locust.task
    def buy(self): ...

    def on_start(self): ...

class Nested(TaskSet):
    @task
    def inner(self): ...
"""


def system(directory: Path, text: str = "", **files: str) -> Topology:
    (directory / "system.yaml").write_text(SYSTEM + text, encoding="utf-8")
    for name, content in files.items():
        file = directory / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return load_system(directory / "system.yaml")


def refused(directory: Path, text: str, **files: str) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        system(directory, text, **files)
    return [str(problem).replace(f"{directory}/", "") for problem in caught.value.problems]


def test_a_description_without_journeys_has_those_of_the_file(tmp_path: Path) -> None:
    topology = system(tmp_path, loadtests__journeys_dot_yaml=STEPS)
    journeys = topology.system.journeys
    assert {name: (each.weight, each.deadline) for name, each in journeys.items()} == {
        "browse": (3, Duration(2)),
        "buy": (1, DEFAULT_DEADLINE),
    }
    assert list(read_conduct(topology).steps) == ["browse", "buy"]


def test_a_recording_is_one_journey_named_as_its_file_or_as_the_one_declared(tmp_path: Path) -> None:
    entry = {"request": {"method": "GET", "url": "http://x.test/"}, "response": {"status": 200}}
    har = json.dumps({"log": {"entries": [entry]}})
    named = "content: {load: loadtests/first.har}\n"
    assert list(system(tmp_path, named, loadtests__first_dot_har=har).system.journeys) == ["first"]
    declared = named + "journeys: {visit: {deadline: 1 s}}\n"
    assert list(read_conduct(system(tmp_path, declared)).steps) == ["visit"]


def test_a_recording_can_stand_in_place_of_steps(tmp_path: Path) -> None:
    entry = {"request": {"method": "GET", "url": "http://x.test/a"}, "response": {"status": 200}}
    topology = system(
        tmp_path,
        loadtests__journeys_dot_yaml="journeys: {a: {har: a.har, weight: 2}}",
        loadtests__a_dot_har=json.dumps({"log": {"entries": [entry]}}),
    )
    conduct = read_conduct(topology)
    assert [step.request for step in conduct.steps["a"].steps] == ["GET /a"]
    assert topology.system.journeys["a"].weight == 2


def test_the_tasks_of_a_locustfile_are_journeys_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    topology = system(tmp_path, loadtests__locustfile_dot_py=LOCUSTFILE + "\nraise SystemExit\n")
    assert {name: each.weight for name, each in topology.system.journeys.items()} == {"look-around": 7, "buy": 1}


def test_the_examples_of_a_document_in_a_file_are_journeys_when_there_is_nothing_else(tmp_path: Path) -> None:
    text = SYSTEM.replace("owner: us", "owner: us, openapi: api.yaml")
    (tmp_path / "api.yaml").write_text("openapi: 3.0.0\npaths: {/x: {get: {}}, '/y/{id}': {get: {}}}", encoding="utf-8")
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    topology = load_system(tmp_path / "system.yaml")
    assert list(topology.system.journeys) == ["get-x"]
    assert [each.operation for each in read_conduct(topology).skipped] == ["GET /y/{id}"]


def test_a_description_without_any_of_it_has_no_journeys(tmp_path: Path) -> None:
    assert not system(tmp_path).system.journeys


def test_a_file_that_is_named_and_missing_is_told_when_it_is_needed(tmp_path: Path) -> None:
    topology = system(tmp_path, "content: {load: loadtests/none.yaml}\n")
    with pytest.raises(DeclarationError, match=r"names loadtests/none.yaml as what customers do, and there is no such"):
        read_conduct(topology)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    found = refused(tmp_path, "content: {load: load.js}\n", load_dot_js="")
    kinds = "a locustfile (.py), journeys of steps (.yaml) or a recording (.har)"
    assert found == [f"load.js: expected {kinds}; name another in 'content: load'"]


def test_journeys_that_only_one_of_both_has_are_told_at_their_places(tmp_path: Path) -> None:
    text = "content: {load: journeys.yaml}\njourneys:\n  browse: {deadline: 1 s}\n  by: {deadline: 1 s}\n"
    found = refused(tmp_path, text, journeys_dot_yaml=STEPS)
    remedy = "declare it there too, or leave 'journeys' out of there"
    assert found == [
        "system.yaml:8:3: the journey 'by' is not in journeys.yaml; add its steps there, or did you mean 'buy'?",
        f"journeys.yaml:3:3: the journey 'buy' is not among those of system.yaml; {remedy}",
    ]


def test_how_an_operation_is_marked_replaces_what_is_said_in_general(tmp_path: Path) -> None:
    text = 'degraded:\n  header: X-Degraded\n  operations:\n    "GET /products/{sku}": {json: /degraded}\n'
    text += '    "GET /products/best": {differs: true}\n'
    marks = system(tmp_path, text).system.degraded
    assert marks.of("get", "/products/sku-1?full=1").json_pointer == "/degraded"
    assert marks.of("GET", "/products/sku-1").header is None
    assert marks.of("GET", "/products/best").differs
    assert marks.of("GET", "/products/a/b").header == marks.of("POST", "/products/a").header == "X-Degraded"
    assert DegradedMark().of("GET", "/") == DegradedMark()


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ("/products: {json: /a}", "expected a method and a path, as in 'GET /products/{sku}', found '/products'"),
        ("GET /a: {}", "nothing says how a degraded answer of 'GET /a' is marked; add 'header', 'json' or"),
        ("GET /a: {json: a}", "'json' has a wrong form"),
        ("GET /a: {jsn: /a}", "unknown key 'jsn'"),
    ],
)
def test_a_mark_that_marks_nothing_is_refused(tmp_path: Path, operation: str, told: str) -> None:
    (problem,) = refused(tmp_path, f"degraded:\n  operations:\n    {operation}\n")
    assert problem.startswith("system.yaml:7:")
    assert told in problem
