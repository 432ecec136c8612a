from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.runtime.docker.image import MADE_BASE, Image, Recipe, build
from tests.needs import missing
from tests.runtime.docker.systems import a_directory

ROOT = Path(__file__).parents[3]


def run(*command: str) -> str | None:
    """What is wrong, or nothing."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-500:]


@functools.cache
def lacking() -> str | None:
    """Why there is no Docker to test with; None when there is."""
    docker = shutil.which("docker")
    if docker is None or run(docker, "version") is not None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            return "no Docker engine answers, and only root with apt-get can start one here"
        if why := run(str(ROOT / "scripts" / "docker-engine")):
            return f"no Docker engine could be started: {why}"
    return run(str(ROOT / "scripts" / "docker-base"), MADE_BASE)


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine and a base image are there; without them CI fails, and others are told what they skip."""
    if why := lacking():
        missing(f"Docker: {why}")


@pytest.fixture(scope="session")
def recipe(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The project's Dockerfile, with a small system in the place of its code."""
    del engine
    code = a_directory(tmp_path_factory.mktemp("code"))
    return Recipe(dockerfile=ROOT / "targets" / "Dockerfile", code=code, lock=ROOT)


@pytest.fixture(scope="session")
def image(recipe: Recipe) -> Image:
    said: list[str] = []
    return build(recipe, say=said.append)


@pytest.fixture
def say() -> Callable[[str], None]:
    return lambda _line: None
