"""The JSON Schema for editors says what the reader says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.declare.schema import COMMITTED, experiment_schema, text_of
from harness.faults import FAULTS
from tests.declare.test_experiment_complete import EXPERIMENT
from tests.test_docs import ROOT, blocks

FILES = sorted((ROOT / "chaos" / "experiments").glob("*.yaml"))
EXAMPLES = [block for block in blocks(ROOT / "docs" / "experiments.md", "yaml") if block.startswith("experiment")]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = experiment_schema(FAULTS)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_what_is_committed_is_what_the_code_makes() -> None:
    made = text_of(experiment_schema(FAULTS))
    assert COMMITTED.read_text(encoding="utf-8") == made, f"harness chaos schema --write {COMMITTED.relative_to(ROOT)}"
    assert json.loads(made)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_experiment_of_the_shop_keeps_it(validator: Draft202012Validator, file: Path) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize("block", [*EXAMPLES, EXPERIMENT.replace("fault: slow", "fault: latency")])
def test_what_the_reader_takes_the_schema_takes(validator: Draft202012Validator, block: str) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(block))] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("delay: 1s", "delay: 1"),
        ("delay: 1s", "dely: 1s"),
        ("delay: 1s, ", ""),
        ("fault: latency", "fault: latenci"),
        ("for: 20s", "for: twenty"),
        ("rate: 30", "rate: 0"),
        ("hypothesis:", "hypotheses:"),
        ("degraded", "degrded"),
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(validator: Draft202012Validator, old: str, new: str) -> None:
    text = (
        "experiment: slow\nhypothesis: Nobody minds a slow one.\nload: {rate: 30}\n"
        "injections:\n  - {edge: a->b, fault: latency, delay: 1s, for: 20s}\nexpect: {browse: degraded}\n"
    )
    assert not list(validator.iter_errors(yaml.safe_load(text)))
    assert old in text
    assert list(validator.iter_errors(yaml.safe_load(text.replace(old, new))))
