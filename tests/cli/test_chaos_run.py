"""`harness chaos run`: told beforehand, by file, and refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_bad_input import EXPERIMENT, SYSTEM, harness, refused

PYTHON = """\
from harness.experiments import experiment, injection
from harness.faults import down

it = experiment(
    "from-python", "Nobody misses what is behind.", injections=[injection(down(), edge="front->back", lasts="5s")]
)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "locustfile.py").write_text("", encoding="utf-8")
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return tmp_path


def test_what_would_be_done_and_touched_is_told_and_nothing_is_started(project: Path) -> None:
    (project / "mine.yaml").write_text(EXPERIMENT, encoding="utf-8")
    (project / "mine.py").write_text(PYTHON, encoding="utf-8")
    done = harness(project, "chaos", "run", "mine.yaml", "mine.py", ".", "--dry-run", "--repeat", "2")
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "6 experiments, some ",
        "back-gone  [mine.yaml:1]",
        "back-gone, repeat 2",
        "mine.py:4]",
        "0 s to 5 s      front → back under down",
        "touches 1 of 2 instances: front-1",
        "on 1 lines: front-1->back-1",
    ):
        assert said in done.stdout
    assert not (project / ".harness").exists()


def test_every_problem_of_every_named_file_is_told_and_nothing_is_started(project: Path) -> None:
    (project / "one.yaml").write_text(EXPERIMENT.replace("down", "dwn"), encoding="utf-8")
    (project / "two.yaml").write_text(EXPERIMENT + "blast_radius: {instances: 1%}\n", encoding="utf-8")
    done = harness(project, "chaos", "run", "one.yaml", "two.yaml")
    refused(done, "one.yaml:4:32: unknown fault 'dwn'; did you mean 'down'?")
    assert "two.yaml:5:15: it would touch 1 of 2 instances (front-1), and at most 1% may be" in done.stderr
    assert not (project / ".harness").exists()


def test_the_schema_is_one(project: Path) -> None:
    done = harness(project, "chaos", "schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "An experiment of the harness"
