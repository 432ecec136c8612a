"""What `harness doctor SYSTEM` foresees, and what it must not promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.doctor import doctor_command
from harness.declare import load_system
from harness.engine.foresight import Foreseen, Outlook, exit_code, foresee

NOTHING_HERE = {"PATH": "/nonexistent"}


def told(root: Path, text: str) -> dict[tuple[str, str], Foreseen]:
    (root / "system.yaml").write_text(text, encoding="utf-8")
    found = foresee(load_system(root / "system.yaml"), environ=NOTHING_HERE)
    return {(each.about, each.what): each for each in found}


PROCESS = """\
system: it
entry: front
services:
  front: {owner: web, run: {command: [x]}, openapi: /openapi.json, instances: [{zone: a}, {zone: b}]}
  back: {owner: web, run: {command: [x]}, instances: [{}, {}]}
stores: {queue: {kind: tcp, run: {command: [x]}}}
edges: [{from: front, to: back, need: hard}, {from: back, to: queue, need: soft}]
"""


def test_of_processes_most_is_possible_and_what_is_not_is_said(tmp_path: Path) -> None:
    found = told(tmp_path, PROCESS)
    assert {key: each.outlook for key, each in found.items() if each.outlook is not Outlook.YES} == {
        ("journeys", "load"): Outlook.PARTLY,
        ("back", "fuzz"): Outlook.NO,
        ("back", "zone loss"): Outlook.NO,
        ("queue", "protocol"): Outlook.PARTLY,
        ("system", "blame"): Outlook.PARTLY,
    }
    assert exit_code(tuple(found.values())) == 0
    assert found["back->queue", "faults"].why == "a proxy of its own, tcp"


def test_without_journeys_and_a_document_of_the_entry_nothing_can_be_run(tmp_path: Path) -> None:
    found = told(tmp_path, PROCESS.replace("openapi: /openapi.json, ", ""))
    assert found["journeys", "load"].outlook is Outlook.STOPS
    assert exit_code(tuple(found.values())) == 2


ATTACHED = """\
system: it
entry: front
runtime: attach
services:
  front: {owner: web, openapi: /o.json, attach: {addresses: ['http://127.0.0.1:1'], pid_file: /run/front}}
  back: {owner: web, attach: {addresses: ['http://127.0.0.1:2']}}
edges:
  - {from: front, to: back, need: hard}
"""


def test_of_what_runs_already_only_that_is_possible_which_the_user_said_how(tmp_path: Path) -> None:
    found = told(tmp_path, ATTACHED)
    assert found["front->back", "faults"].outlook is Outlook.NO
    assert found["back", "kill"].why == "it runs already, and nothing says how it is killed"
    assert found["front", "kill"].why == "by its file with a pid, but not allowed"
    assert told(tmp_path, ATTACHED + "allow: [kill]\n")["front", "kill"].outlook is Outlook.YES


def test_what_is_not_allowed_beyond_this_machine_stops_it_but_fuzzing_can_be_left_out(tmp_path: Path) -> None:
    found = told(tmp_path, ATTACHED + "environment: production\nallow: [load]\n")
    assert found["system", "allow load"].outlook is Outlook.YES
    assert found["system", "allow faults"].outlook is Outlook.STOPS
    assert found["system", "allow fuzz"].outlook is Outlook.NO
    assert "it is production" in found["system", "allow fuzz"].why


def test_without_docker_or_the_file_containers_can_not_be_started(tmp_path: Path) -> None:
    text = "system: it\nentry: front\nruntime: compose\nservices: {front: {owner: web, openapi: /o.json}}\n"
    assert "docker-compose.yml" in told(tmp_path, text)["system", "start"].why
    (tmp_path / "docker-compose.yml").write_text("services: {front: {image: x}}\n", encoding="utf-8")
    assert "there is no docker on the PATH" in told(tmp_path, text)["system", "start"].why


@pytest.mark.parametrize(("text", "code"), [(PROCESS, 0), (PROCESS.replace("openapi: /openapi.json, ", ""), 2)])
def test_the_command_tells_it_as_a_table_and_as_json(tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    table = CliRunner().invoke(doctor_command, [str(tmp_path)])
    assert table.exit_code == code
    assert max(map(len, table.output.splitlines())) <= 120
    told_ = json.loads(CliRunner().invoke(doctor_command, [str(tmp_path), "--json"]).output)
    assert (told_["system"], told_["exit_code"]) == ("it", code)
    assert {"about", "what", "outlook", "why", "mend"} == set(told_["foreseen"][0])


def test_json_goes_with_a_system() -> None:
    result = CliRunner().invoke(doctor_command, ["--json"])
    assert (result.exit_code, "--json goes with a SYSTEM" in result.output) == (2, True)
