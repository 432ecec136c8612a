"""The plugin under pytest-xdist: a system for each worker, or one worker for all that needs the system."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.clock import SystemClock
from tests.needs import missing
from tests.testing.test_whole import is_at

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "pytest"
GONE_WITHIN_S = 180.0
"""The workers of a controller that was killed interrupt what they do after five seconds, and end."""

# Stands in the place of a system that is up, and tells in which worker.
FAKED = """
import os
import pathlib
import pytest

HERE = pathlib.Path(__file__).parent

@pytest.fixture(scope="session")
def system():
    (HERE / ("up-" + os.environ["PYTEST_XDIST_WORKER"])).touch()
    class Up:
        broke, run = [], None
    return Up

@pytest.mark.chaos
@pytest.mark.parametrize("number", range(4))
def test_with_the_system(system, number):
    pass

@pytest.mark.chaos
@pytest.mark.parametrize("number", range(4))
def test_that_is_only_named(number):
    pass
"""


@pytest.fixture(autouse=True)
def _xdist() -> None:
    if find_spec("xdist") is None:
        missing("pytest-xdist is not here: make setup")


def command(*options: str) -> Sequence[str]:
    plugins = ("-p", "xdist.plugin", "-p", "harness.pytest_plugin")
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugins, "-n", "2", *options]


def environ() -> dict[str, str]:
    return os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"}


def pytest_run(directory: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_it.py").write_text(test)
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return subprocess.run(
        command(*options), cwd=directory, env=environ(), capture_output=True, text=True, timeout=300, check=False
    )


def test_each_worker_has_a_system(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, FAKED)
    assert "8 passed" in run.stdout, run.stdout + run.stderr
    assert len(list(tmp_path.glob("up-*"))) == 2


def test_one_worker_does_all_that_needs_the_system(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, FAKED, "--chaos-workers=one")
    assert "8 passed" in run.stdout, run.stdout + run.stderr
    assert len(list(tmp_path.glob("up-*"))) == 1
    assert "test_with_the_system[0]@system" in run.stdout
    assert "test_that_is_only_named[0]@system" not in run.stdout


@pytest.mark.parametrize(
    ("test", "options", "told"),
    [
        (FAKED, ("--dist=loadfile",), "expected --dist=load or loadgroup with one system for all workers, found"),
        (
            FAKED.replace("mark.chaos\n", "mark.xdist_group('mine')\n@pytest.mark.chaos\n"),
            (),
            "expected no xdist_group",
        ),
        (FAKED, ("-o", "chaos_workers=two"), "chaos_workers: expected each or one, found 'two'"),
    ],
    ids=["dist", "group", "ini"],
)
def test_what_does_not_go_with_one_system_is_refused(
    tmp_path: Path, test: str, options: tuple[str, ...], told: str
) -> None:
    chosen = () if "-o" in options else ("--chaos-workers=one",)
    run = pytest_run(tmp_path, test, *chosen, *options)
    assert told in run.stdout + run.stderr
    assert run.returncode != 0
    assert list(tmp_path.glob("up-*")) == []


KILLED = """
import os
import pathlib
import signal
import urllib.request

def page(system):
    with urllib.request.urlopen(system.url(), timeout=5) as answer:
        return answer.read()

def test_that_is_killed(system):
    assert page(system) == b"A bun: 42"
    if not pathlib.Path("killed").exists():  # xdist has it done again by the worker that takes over
        pathlib.Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)

def test_after_it(system):
    assert page(system) == b"A bun: 42"

def test_last(system):
    pass
"""

WAITS = """
import pathlib
import threading

def test_that_waits(system):
    pathlib.Path("up").touch()
    threading.Event().wait(600)
"""


def bakery(directory: Path, test: str) -> Path:
    """The small system of the examples, with another test."""
    shutil.copytree(EXAMPLES, directory, ignore=shutil.ignore_patterns("test_*", ".harness", "__pycache__"))
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_it.py").write_text(test)
    return directory


def left(directory: Path) -> list[Path]:
    """The processes that work in a directory."""
    return [path for path in Path("/proc").glob("[0-9]*/cwd") if is_at(path, directory)]


async def gone(directory: Path) -> bool:
    """Whether all of them end in time."""
    clock = SystemClock()
    until = clock.now() + GONE_WITHIN_S
    while left(directory) and clock.now() < until:
        await clock.sleep(0.1)
    return not left(directory)


@pytest.mark.e2e
@pytest.mark.loopback
async def test_a_killed_worker_leaves_nothing_and_another_goes_on_with_a_system_of_its_own(tmp_path: Path) -> None:
    here = bakery(tmp_path / "bakery", KILLED)
    run = subprocess.run(  # noqa: ASYNC221 -- nothing else is on this loop
        command("--chaos-workers=one"),
        cwd=here,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "1 failed, 3 passed" in run.stdout, run.stdout + run.stderr
    assert "crashed while running 'test_it.py::test_that_is_killed@system'" in run.stdout
    assert len(list(here.glob(".harness/runs/*/journal.ndjson"))) == 2
    assert await gone(here)


@pytest.mark.e2e
@pytest.mark.loopback
async def test_a_killed_controller_leaves_nothing(tmp_path: Path) -> None:
    here = bakery(tmp_path / "bakery", WAITS)
    clock = SystemClock()
    with (tmp_path / "said").open("w") as said:
        controller = subprocess.Popen(  # noqa: ASYNC220 -- likewise
            command("--chaos-workers=one"), cwd=here, env=environ(), stdout=said, stderr=said
        )
    try:
        until = clock.now() + GONE_WITHIN_S
        while not (here / "up").exists() and clock.now() < until:
            await clock.sleep(0.1)
        assert (here / "up").exists(), (tmp_path / "said").read_text()
    finally:
        controller.send_signal(signal.SIGKILL)
        controller.wait()
    assert await gone(here)
