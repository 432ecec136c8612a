"""Experiments in Python and in YAML are one model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.declare import load_experiment, load_system
from harness.errors import DeclarationError
from harness.experiments import Draft, experiment, injection, parallel, sequence
from harness.experiments.files import is_file, read_files
from harness.faults import FAULTS, kill, latency
from harness.model.topology import Topology
from tests.declare.test_experiment_complete import SYSTEM

YAML = """\
experiment: back-slow
hypothesis: A slow back costs nobody anything.
load: {rate: 10, weights: {look: 1}}
injections:
  - sequence:
      - {edge: front->back, fault: latency, delay: 1s, for: 12s, only: {provider: 2}}
      - parallel:
          - {instance: back-1, fault: kill, for: 5s, after: 2s}
expect: {look: degraded}
during: {look.p99: "< 800ms"}
blast_radius: {instances: 100%}
guards: [{file: stop}]
"""

PYTHON = """\
from harness.experiments import experiment, injection
from harness.faults import latency

slow = experiment(
    "back-slow", "A slow back costs nobody anything.",
    injections=[injection(latency("1s"), edge="front->back", lasts="12s")],
)
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return load_system(tmp_path / "system.yaml")


def slow(edge: str = "front->back") -> Draft:
    return experiment(
        "back-slow",
        "A slow back costs nobody anything.",
        load={"rate": 10, "weights": {"look": 1}},
        injections=[
            sequence(
                injection(latency("1s"), edge=edge, lasts="12s", only={"provider": 2}),
                parallel(injection(kill(), instance="back-1", lasts="5s", after="2s")),
            )
        ],
        expect={"look": "degraded"},
        during={"look.p99": "< 800ms"},
        blast_radius={"instances": "100%"},
        guards=[{"file": "stop"}],
    )


def test_both_forms_give_the_same_experiment(tmp_path: Path, topology: Topology) -> None:
    (tmp_path / "it.yaml").write_text(YAML, encoding="utf-8")
    declared = load_experiment(tmp_path / "it.yaml", topology, faults=FAULTS)
    assert replace(slow().resolve(topology), source="") == replace(declared, source="")


def test_what_is_wrong_is_told_with_the_line_that_says_it(topology: Topology) -> None:
    with pytest.raises(DeclarationError, match=r"test_draft\.py:\d+: .* unknown edge 'front->bak'"):
        slow("front->bak").resolve(topology)


def test_a_python_file_gives_the_experiments_that_it_names(tmp_path: Path, topology: Topology) -> None:
    (tmp_path / "it.py").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "it.yaml").write_text(YAML, encoding="utf-8")
    found = read_files([tmp_path / "it.py", tmp_path / "it.yaml"], topology, faults=FAULTS)
    assert [each.name for each in found] == ["back-slow", "back-slow"]
    assert found[0].source.endswith("it.py:4")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "holds no experiment"),
        ("x = 1 / 0\n", "can't be run: ZeroDivisionError"),
        ("import\n", "can't be run: SyntaxError"),
        (PYTHON.replace("front->back", "x->y"), "unknown edge 'x->y'"),
    ],
)
def test_a_python_file_that_is_none_is_told(tmp_path: Path, topology: Topology, text: str, said: str) -> None:
    (tmp_path / "it.py").write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=said.replace("(", r"\(")):
        read_files([tmp_path / "it.py"], topology, faults=FAULTS)


def test_every_problem_of_every_file_is_told(tmp_path: Path, topology: Topology) -> None:
    (tmp_path / "one.py").write_text("", encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        read_files([tmp_path / "one.py", tmp_path / "two.yaml"], topology, faults=FAULTS)
    assert len(caught.value.problems) == 2


def test_a_file_is_known_by_its_ending_or_a_slash() -> None:
    assert [is_file(each) for each in ("a.yaml", "a.py", "x/a", "a")] == [True, True, True, False]
