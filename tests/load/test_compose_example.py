"""The compose file of the docs, held against compose and against the commands that it runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from harness.cli.load import load
from harness.cli.load_worker import worker
from tests.needs import program

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "examples" / "load" / "compose.yaml"


def composed(workers: int) -> dict[str, Any]:
    """The file as compose reads it."""
    compose = program("docker-compose", "docker-compose")
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "WORKERS": str(workers)}
    done = subprocess.run(
        [compose, "--file", str(FILE), "config"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr

    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


@pytest.mark.loopback
def test_compose_takes_the_file_and_starts_as_many_workers_as_the_master_waits_for() -> None:
    services = composed(3)
    assert services["worker"]["deploy"]["replicas"] == 3
    assert "--workers=3" in services["master"]["command"]
    assert {services[name]["network_mode"] for name in ("master", "worker")} == {"service:target"}
    assert not any("ports" in service for service in services.values())


@pytest.mark.loopback
def test_who_runs_the_master_gets_target_and_workers_too_and_a_worker_that_ends_ends_nobody_else() -> None:
    services = composed(2)
    assert set(services["master"]["depends_on"]) == {"target", "worker"}
    assert set(services["worker"]["depends_on"]) == {"target"}
    commands = [line for line in FILE.read_text().splitlines() if line.startswith("#     ")]
    assert any("run --rm master" in line for line in commands)
    assert not any("abort-on" in line or "exit-code-from" in line for line in commands)


def test_the_image_gets_all_that_it_copies_and_nothing_else_of_this_directory() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    recipe = FILE.with_name("Dockerfile").read_text().splitlines()
    copied = {name for line in recipe if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)


@pytest.mark.loopback
def test_the_commands_in_it_are_commands_of_the_harness() -> None:
    services = composed(2)
    program_name, group, *options = services["master"]["command"]
    assert (program_name, group) == ("harness", "load")
    run = load.get_command(click.Context(load), "run")
    assert run is not None
    known = {option for parameter in run.params for option in parameter.opts}
    assert {option.partition("=")[0] for option in options} <= known
    *start, _ = services["worker"]["command"]
    assert start == ["harness", "load", "worker", "--join"]
    assert "--join" in {option for parameter in worker.params for option in parameter.opts}
