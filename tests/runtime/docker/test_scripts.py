"""What scripts/docker-engine does on machines of several kinds, played by programs that only pretend."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "docker-engine"
DOCKER = '[ -e "$0d.ran" ] && echo 20.10.24 || exit 1'
"""Answers once its engine was started."""


@dataclass
class Machine:
    bin: Path

    def program(self, name: str, does: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{does}\n")
        (self.bin / name).chmod(0o755)

    def ran(self, name: str) -> bool:
        return (self.bin / f"{name}.ran").exists()

    def start(self) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        return subprocess.run(
            ["/bin/sh", SCRIPT],
            env={**environ, "PATH": str(self.bin), "HARNESS_DOCKER_LOG": str(self.bin / "log")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Root's, with nothing of Docker's on it; waiting takes no time."""
    machine = Machine(tmp_path)
    for name in ("timeout", "tail", "touch", "chmod", "cat"):
        machine.program(name, f'exec /usr/bin/{name} "$@"')
    machine.program("setsid", f'exec "{tmp_path}/$1"')
    machine.program("id", "echo 0")
    machine.program("sleep", "exec /usr/bin/sleep 0.05")
    return machine


def with_engine(machine: Machine, *, answers: bool = True) -> None:
    machine.program("docker", DOCKER if answers else "exit 1")
    machine.program("dockerd", 'touch "$0.ran"')
    machine.program("iptables", "exit 0")


def test_an_engine_that_answers_is_left_alone(machine: Machine) -> None:
    with_engine(machine)
    (machine.bin / "dockerd.ran").touch()

    done = machine.start()

    assert (done.returncode, done.stdout) == (0, "docker-engine: Docker 20.10.24 answers already\n")


def test_one_that_is_installed_is_started(machine: Machine) -> None:
    with_engine(machine)
    machine.program("apt-get", 'touch "$0.ran"')

    done = machine.start()

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("docker-engine: Docker 20.10.24 answers\n")
    assert machine.ran("dockerd")
    assert not machine.ran("apt-get")


def test_one_that_is_missing_is_installed_first(machine: Machine) -> None:
    shop = machine.bin / "packages"
    shop.mkdir()
    with_engine(Machine(shop))
    machine.program("apt-get", f'touch "$0.ran"; /usr/bin/cp {shop}/* {machine.bin}')

    done = machine.start()

    assert done.returncode == 0, done.stderr
    assert "installing docker.io and iptables" in done.stdout
    assert machine.ran("apt-get")
    assert machine.ran("dockerd")


def test_without_apt_it_says_what_is_missing(machine: Machine) -> None:
    done = machine.start()

    assert done.returncode == 2
    assert "there is no apt-get to do it" in done.stderr


def test_whoever_is_not_root_is_told(machine: Machine) -> None:
    with_engine(machine)
    machine.program("id", "echo 1000")

    done = machine.start()

    assert done.returncode == 2
    assert "only root can install and start one" in done.stderr
    assert not machine.ran("dockerd")


def test_an_engine_that_never_answers_is_told(machine: Machine) -> None:
    with_engine(machine, answers=False)

    done = machine.start()

    assert done.returncode == 2
    assert "did not answer within 60 s" in done.stderr
