"""Bad input at the front door: a message with its place, exit code 2, nothing started, no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEM = """\
system: tiny
entry: front
content: {chaos: chaos, load: locustfile.py}
services:
  front:
    owner: web
    run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}
    ready: /
  back: {owner: core, run: {command: [PYTHON, -c, "raise SystemExit('no database configured')"]}}
edges:
  - {from: front, to: back, need: hard}
journeys:
  look: {deadline: 1s, needs: [back]}
""".replace("PYTHON", sys.executable)

EXPERIMENT = """\
experiment: back-gone
hypothesis: Nobody misses what is behind.
injections:
  - {edge: front->back, fault: down, for: 5s}
"""


def harness(directory: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from harness.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=directory, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "chaos" / "experiments").mkdir(parents=True)
    (tmp_path / "chaos" / "experiments" / "one.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (tmp_path / "locustfile.py").write_text("", encoding="utf-8")
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return tmp_path


def refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: web", "ownr: web", "system.yaml:6:5: unknown key 'ownr'; did you mean 'owner'?"),
        ("owner: core", "owner: [core]", "'owner' is of the wrong type: expected text"),
        ('"{port}"', '"{prt}"', "services.front.run.command.3: unknown placeholder {prt}"),
        ("to: back,", "to: bakc,", "ends at an unknown service or store 'bakc'; did you mean 'back'?"),
        ("hard}", "hard}\n  - {from: back, to: front, need: hard}", "a cycle of hard edges: "),
    ],
)
def test_a_wrong_description_starts_nothing(project: Path, old: str, new: str, said: str) -> None:
    (project / "system.yaml").write_text(SYSTEM.replace(old, new), encoding="utf-8")
    refused(harness(project, "run"), said)
    assert not (project / ".harness").exists()


@pytest.mark.parametrize("command", ["up", "run", "chaos run", "verify", "fuzz"])
def test_tls_for_services_that_do_not_speak_it_starts_nothing(project: Path, command: str) -> None:
    refused(harness(project, *command.split(), "--tls"), "no service of 'tiny' is 'tls: true'")
    assert not (project / ".harness").exists()


def test_an_experiment_that_names_an_unknown_edge_starts_nothing(project: Path) -> None:
    text = EXPERIMENT.replace("front->back", "front->bakc")
    (project / "chaos" / "experiments" / "one.yaml").write_text(text, encoding="utf-8")
    refused(harness(project, "run"), "one.yaml:4:12: the experiment names an unknown edge 'front->bakc'")
    assert not (project / ".harness").exists()


def test_a_broken_pact_or_locustfile_starts_nothing(project: Path) -> None:
    (project / "locustfile.py").write_text("def broken(:\n", encoding="utf-8")
    refused(harness(project, "run"), "locustfile.py:1:12: the locustfile is not Python")
    (project / "contracts" / "pacts").mkdir(parents=True)
    (project / "contracts" / "pacts" / "a-b.json").write_text("{", encoding="utf-8")
    refused(harness(project, "run"), "a-b.json")
    assert not (project / ".harness").exists()


def test_a_service_without_a_document_that_is_named_to_be_fuzzed_starts_nothing(project: Path) -> None:
    refused(harness(project, "fuzz", "front"), "system.yaml:5:3: 'front' does not say where its OpenAPI document is")
    assert not (project / ".harness").exists()


def test_an_unknown_experiment_is_refused_with_the_nearest_name(project: Path) -> None:
    refused(harness(project, "chaos", "run", "back-gon"), "no experiment 'back-gon'; did you mean 'back-gone'?")


def test_without_a_description_it_says_where_it_looked(tmp_path: Path) -> None:
    refused(harness(tmp_path, "run"), "no system.yaml here and none under targets/")


def test_a_toxiproxy_that_is_not_there_starts_nothing(project: Path) -> None:
    done = harness(project, "run", HARNESS_TOXIPROXY=str(project / "nothing"))
    refused(done, "HARNESS_TOXIPROXY")
    assert not (project / ".harness").exists()


@pytest.mark.loopback
def test_a_fixed_port_that_is_taken_is_named(project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = SYSTEM.replace("    owner: web", f"    instances: [{{port: {port}}}]\n    owner: web")
        (project / "system.yaml").write_text(text, encoding="utf-8")
        refused(harness(project, "run"), str(port))


@pytest.mark.loopback
def test_a_service_that_dies_at_start_is_told_with_its_last_log_lines(project: Path) -> None:
    refused(harness(project, "run"), "no database configured")


def test_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.ndjson").write_text("{}\n", encoding="utf-8")
    refused(harness(tmp_path, "report", "journal.ndjson"), "journal.ndjson:1: expected an event")


def test_unknown_options_and_values_are_refused(tmp_path: Path) -> None:
    refused(harness(tmp_path, "run", "--sed", "1"), "No such option")
    refused(harness(tmp_path, "run", "--seed", "many"), "is not a valid integer")
    refused(harness(tmp_path, "run", "--skip", "verify", "--skip", "chaos", "--skip", "fuzz"), "nothing is left to run")
