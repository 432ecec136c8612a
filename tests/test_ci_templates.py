"""What `docs/ci/` offers: read as the servers read it, each script of the action run with a stub of the harness."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.cli import cli

FOLDER = Path(__file__).parent.parent / "docs" / "ci"
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
STEP = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "id": {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9_-]*$"},
        "if": {"type": "string"},
        "shell": {"enum": ["bash"]},
        "run": {"type": "string"},
        "uses": {"type": "string", "pattern": r"^(\./|[\w.-]+/[\w./-]+@v\d+$)"},
        "env": TEXTS,
        "with": TEXTS,
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["run"]}, {"required": ["uses"]}],
}
ACTION = {
    "type": "object",
    "required": ["name", "description", "runs"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "inputs": {
            "additionalProperties": {
                "required": ["description"],
                "additionalProperties": False,
                "properties": {"description": {"type": "string"}, "default": {"type": "string"}},
            }
        },
        "outputs": {
            "additionalProperties": {
                "required": ["description", "value"],
                "additionalProperties": False,
                "properties": {"description": {"type": "string"}, "value": {"type": "string"}},
            }
        },
        "runs": {
            "required": ["using", "steps"],
            "additionalProperties": False,
            "properties": {
                "using": {"const": "composite"},
                # A step of a composite action has no default shell.
                "steps": {"items": {**STEP, "dependentRequired": {"run": ["shell"]}}, "minItems": 1},
            },
        },
    },
}
JOB = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "stage": {"enum": [".pre", "build", "test", "deploy", ".post"]},
        "image": {"type": "string"},
        "timeout": {"type": "string"},
        "interruptible": {"type": "boolean"},
        "extends": {"type": "string"},
        "variables": TEXTS,
        "before_script": {"items": {"type": "string"}},
        "script": {"items": {"type": "string"}, "minItems": 1},
        "rules": {"items": {"required": ["if"]}},
        "artifacts": {
            "additionalProperties": False,
            "properties": {
                "when": {"enum": ["on_success", "on_failure", "always"]},
                "name": {"type": "string"},
                "expose_as": {"type": "string", "pattern": "^[A-Za-z0-9_ -]{1,100}$"},
                "expire_in": {"type": "string"},
                # `expose_as` takes no variables and no wildcards.
                "paths": {"items": {"type": "string", "pattern": "^[^*$]+$"}},
                "reports": {"properties": {"junit": {"type": "string"}}, "additionalProperties": False},
            },
        },
    },
    "anyOf": [{"required": ["script"]}, {"required": ["extends"]}],
}
GITLAB = {"type": "object", "minProperties": 1, "additionalProperties": JOB}

STUB = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$STUB_CALLS"
if [ "$1" = annotate ]; then echo "::error title=t::m"; exit 0; fi
if [ -n "$STUB_JOURNAL" ]; then mkdir -p harness-run && echo '{}' >harness-run/journal.ndjson; fi
exit "$STUB_CODE"
"""


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def problems(document: object, schema: dict[str, object]) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in Draft202012Validator(schema).iter_errors(document)]


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read("github/action.yml")["runs"]["steps"]
    return found


def step(name: str) -> dict[str, Any]:
    return next(each for each in steps() if each["name"] == name)


def test_the_action_is_one() -> None:
    assert problems(read("github/action.yml"), ACTION) == []


def test_an_action_whose_step_has_no_shell_would_be_noticed() -> None:
    action = read("github/action.yml")
    del action["runs"]["steps"][0]["shell"]
    assert problems(action, ACTION) == ["$.runs.steps[0]: 'shell' is a dependency of 'run'"]


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    workflow = read("github/workflow.yml")
    (job,) = workflow["jobs"].values()
    assert [problem for each in job["steps"] for problem in problems(each, STEP)] == []
    (used,) = (each for each in job["steps"] if each.get("uses", "").startswith("./"))
    assert used["with"].keys() <= read("github/action.yml")["inputs"].keys()


def test_the_template_for_gitlab_is_one() -> None:
    template = read("gitlab.yml")
    assert problems(template, GITLAB) == []
    assert [each["extends"] for each in template.values() if "extends" in each if each["extends"] in template]


def test_a_template_with_a_misspelt_key_would_be_noticed() -> None:
    template = read("gitlab.yml")
    template[".harness"]["artefacts"] = template[".harness"].pop("artifacts")
    assert any("artefacts" in each for each in problems(template, GITLAB))


def test_expressions_name_only_what_is_declared() -> None:
    action, text = read("github/action.yml"), (FOLDER / "github" / "action.yml").read_text()
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == action["inputs"].keys()
    assert set(re.findall(r"\bsteps\.([\w-]+)\.", text)) <= {each.get("id") for each in steps()}


def test_no_expression_stands_in_a_script_where_its_value_would_be_run() -> None:
    assert [each["name"] for each in steps() if "${{" in each.get("run", "")] == []


@pytest.mark.parametrize("name", ["github/action.yml", "gitlab.yml"])
def test_the_harness_knows_the_commands(name: str) -> None:
    text = (FOLDER / name).read_text().replace('"${words[@]}"', "run")
    lines = re.findall(r"^\s*(?:- )?harness ([^|\n]*)", text, flags=re.MULTILINE)
    assert lines
    for line in lines:
        first, *rest = shlex.split(line)
        command = cli.get_command(click.Context(cli), first)
        assert command is not None
        command.make_context(first, rest)


class Runner:
    """Runs the action's scripts one after the other, as GitHub does, with a stub in the harness's place."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.calls = directory / "calls"
        self.outputs = directory / "outputs"
        self.calls.touch()
        stub = directory / "bin" / "harness"
        stub.parent.mkdir()
        stub.write_text(STUB)
        stub.chmod(0o755)

    def run(self, name: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(name)["run"]],
            cwd=self.directory,
            env=os.environ
            | {"PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}", "STUB_CALLS": str(self.calls)}
            | {"GITHUB_OUTPUT": str(self.outputs), "DIRECTORY": "harness-run"}
            | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.mark.parametrize("code", ["0", "1", "3"])
def test_a_run_is_told_before_its_exit_code_ends_the_job(runner: Runner, code: str) -> None:
    ran = runner.run("Run", COMMAND="chaos run --seed 7", STUB_CODE=code, STUB_JOURNAL="1")
    told = runner.run("Tell", STUB_CODE="0", STUB_JOURNAL="")
    ended = runner.run("Verdict", CODE=code, UNKNOWN="green")

    assert (ran.returncode, told.returncode, ended.returncode) == (0, 0, int(code))
    assert runner.outputs.read_text() == f"exit-code={code}\n"
    assert runner.calls.read_text() == "chaos run --seed 7 --directory harness-run\nannotate harness-run\n"
    assert told.stdout == "::error title=t::m\n"


def test_a_harness_that_could_not_begin_is_an_error_and_never_green(runner: Runner) -> None:
    runner.run("Run", COMMAND="run", STUB_CODE="2", STUB_JOURNAL="")
    assert runner.run("Tell", STUB_CODE="0", STUB_JOURNAL="").stdout.startswith("::error title=no journal::")
    assert runner.run("Verdict", CODE="2", UNKNOWN="green").returncode == 2


@pytest.mark.parametrize(("unknown", "code"), [("red", 2), ("green", 0)])
def test_an_unknown_is_green_on_demand_only(runner: Runner, unknown: str, code: int) -> None:
    runner.run("Run", COMMAND="run", STUB_CODE="2", STUB_JOURNAL="1")
    assert runner.run("Verdict", CODE="2", UNKNOWN=unknown).returncode == code


def test_a_step_that_was_broken_off_is_not_green(runner: Runner) -> None:
    assert runner.run("Verdict", CODE="", UNKNOWN="green").returncode == 2


def test_words_of_the_command_are_not_run(runner: Runner) -> None:
    runner.run("Run", COMMAND="run; touch owned $(touch owned)", STUB_CODE="0", STUB_JOURNAL="")
    assert not (runner.directory / "owned").exists()
