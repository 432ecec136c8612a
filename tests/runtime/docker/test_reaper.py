from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.runtime.docker.engine import runs
from harness.runtime.docker.image import Image, Recipe
from tests.runtime.fakes import until

pytestmark = pytest.mark.loopback
ROOT = Path(__file__).parents[3]


async def test_nothing_is_left_of_a_harness_that_was_killed(recipe: Recipe, image: Image, tmp_path: Path) -> None:
    del image
    directory = tmp_path / f"test-{time.time_ns():x}"
    directory.mkdir()
    arguments = map(str, (directory, recipe.dockerfile, recipe.code, recipe.lock))
    harness = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.runtime.docker.a_harness",
        *arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert harness.stdout is not None
    assert await harness.stdout.readline() == b"up\n"
    assert [run.system for run in runs() if run.run == directory.name] == ["pair"]
    assert (directory / "data").exists()

    harness.kill()
    await harness.wait()

    await until(lambda: directory.name not in {run.run for run in runs()}, within_s=30.0)
    await until(lambda: not (directory / "data").exists(), within_s=30.0)
