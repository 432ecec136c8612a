"""The ten examples of docs/pytest.md, in one session as somebody would run them, and without their system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.observe.journal import read_journal

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "pytest"


def pytest_run(directory: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a copy of the examples."""
    shutil.copytree(EXAMPLES, directory, ignore=shutil.ignore_patterns(".harness", "__pycache__"))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", *options],
        cwd=directory,
        env=os.environ | {"COLUMNS": "200"} | more,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_all_hold_but_the_one_that_fails_on_purpose_which_keeps_its_files(tmp_path: Path) -> None:
    bakery = tmp_path / "bakery"
    run = pytest_run(bakery, "--chaos-seed=7", "--chaos-artifacts=kept", SHOW_A_FAILURE="1")

    assert "1 failed, 10 passed" in run.stdout, run.stdout + run.stderr
    assert "\n✕ test_bakery.py::test_10_a_failure_keeps_its_files: customers → front under down\n" in run.stdout
    assert "FAIL look, customers->front refused" in run.stdout
    kept = bakery / "kept" / "run"
    assert f"\nrun in {kept}, seed 7\n" in run.stdout
    assert b"front \xe2\x86\x92 prices under latency 1 s" in (kept / "report.html").read_bytes()
    assert read_journal(kept / "journal.ndjson").events


def test_off_leaves_those_that_need_no_system(tmp_path: Path) -> None:
    run = pytest_run(tmp_path / "bakery", "--chaos=off", SHOW_A_FAILURE="1")

    assert "1 passed, 10 skipped" in run.stdout, run.stdout + run.stderr
    assert not (tmp_path / "bakery" / ".harness").exists()
