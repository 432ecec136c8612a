"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import pytest
from harness.model.quantity import Share
from harness.testing import Figure

@pytest.fixture
def errors():
    circumstances = "during, gateway → recommendations under latency 1 s"
    return Figure(value=0.187, quantity=Share, n=212, circumstances=circumstances)
"""


def pytest_run(
    directory: Path, test: str, *options: str, ini: str = "", below: str = ".", installed: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run pytest on one test in a directory, called from another one below it.

    Only with our plugin, which is faster, unless it shall find those that are installed.
    """
    plugins = ("-p", "no:locust") if installed else ("-p", "harness.pytest_plugin")
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_it.py").write_text(test)
    (directory / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    (directory / below).mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugins, *options, str(directory)],
        cwd=directory / below,
        env=dict(os.environ) if installed else os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


TWO_TESTS = """
def test_held(errors):
    assert errors < "20%"

def test_refuted(errors):
    assert errors < "1%"
"""


def test_a_failed_comparison_reads_as_a_sentence(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, TWO_TESTS)

    assert "1 failed, 1 passed" in run.stdout
    sentence = "assert 18.7% < 1% (during, gateway → recommendations under latency 1 s, n = 212)"
    assert f"\nE       {sentence}\n" in run.stdout


@pytest.mark.parametrize(
    ("options", "ini", "place"),
    [
        (("--harness-system=nowhere.yaml",), "harness_system = other.yaml", "sub/nowhere.yaml"),
        ((), "harness_system = nowhere.yaml", "nowhere.yaml"),
    ],
    ids=["option", "ini"],
)
def test_a_description_that_is_not_there_is_told_without_starting_anything(
    tmp_path: Path, options: tuple[str, ...], ini: str, place: str
) -> None:
    run = pytest_run(tmp_path, "def test_it(system):\n    pass\n", *options, "--tb=short", ini=ini, below="sub")

    assert run.returncode == 1
    assert f"DeclarationError: {tmp_path / place}" in run.stdout
    assert list(tmp_path.rglob(".harness")) == []


def test_the_fixtures_are_told(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, "", "--fixtures", installed=True)

    assert [name for name in ("system", "edge", "instance", "load") if f"\n{name}" not in run.stdout] == []


@pytest.mark.parametrize("module", ["harness.testing", "harness.engine", "pydantic", "aiohttp"])
def test_the_plugin_itself_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, pytest, harness.pytest_plugin; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
