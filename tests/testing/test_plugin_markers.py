"""The markers and `--chaos`, in pytest runs of their own that start nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEM = """
system: bakery
entry: front
services:
  front:
    owner: somebody
    run: {command: [serve]}
journeys:
  browse: {deadline: 1 s}
content: {load: locustfile.py}
"""

TESTS = """
import pytest
from harness.testing import latency

@pytest.mark.chaos(latency("1s"), edge="customers->front")
@pytest.mark.slo("browse", errors="1%")
def test_marked():
    raise SystemExit("was run")

def test_by_hand(edge):
    raise SystemExit("was run")

@pytest.mark.chaos
def test_named():
    pass

def test_plain():
    pass
"""

# Stands in the place of a system that is up, so that what the plugin tells of one can be seen.
FAKED = """
import pytest
from harness.errors import Inconclusive

class Faked:
    broke = []
    class run:
        directory, seed = "there/run", 7

@pytest.fixture(scope="session")
def system():
    return Faked

@pytest.mark.chaos
class Test:
    def test_held(self, system):
        system.broke.append("a → b under latency 1 s")

    def test_refuted(self, system):
        system.broke.append("a → b under down")
        assert False

    def test_unknown(self, system):
        raise Inconclusive("too little")

    def test_skipped(self, system):
        pytest.skip("not today")
"""


def pytest_run(directory: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    for name, text in {
        "system.yaml": SYSTEM,
        "locustfile.py": "",
        "test_it.py": test,
        "pytest.ini": "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n",
    }.items():
        (directory / name).write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "harness.pytest_plugin", "-rs", *options],
        cwd=directory,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_off_skips_what_needs_the_system_and_nothing_else(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, TESTS, "--chaos=off")
    assert "1 passed, 3 skipped" in run.stdout
    assert "chaos is off" in run.stdout


def test_dry_tells_what_would_be_done_and_starts_nothing(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, TESTS, "--chaos=dry")
    assert "1 passed, 3 skipped" in run.stdout
    assert "dry: customers → front under latency 1 s; browse errors < 1%" in run.stdout
    assert not (tmp_path / ".harness").exists()


def test_what_takes_the_fixtures_is_chosen_by_the_marker(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, TESTS, "--chaos=off", "-m", "not chaos")
    assert "1 passed, 3 deselected" in run.stdout


@pytest.mark.parametrize("chaos", ["on", "dry"])
def test_a_marker_that_does_not_fit_is_an_error_before_anything_is_started(tmp_path: Path, chaos: str) -> None:
    run = pytest_run(tmp_path, TESTS.replace("customers->front", "customers->frnt"), f"--chaos={chaos}", "-k", "marked")
    assert "no edge 'customers->frnt'; did you mean 'customers->front'?" in run.stdout
    assert "1 error" in run.stdout
    assert not (tmp_path / ".harness").exists()


CELLS = """
import pytest

@pytest.mark.cells(kinds=["latency", "refused"])
def test_cell(cell):
    assert cell.visit()
"""


def test_a_test_of_cells_is_one_for_each(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, CELLS, "--collect-only", "-q")
    assert "test_it.py::test_cell[browse-customers->front-latency]\n" in run.stdout
    assert "test_it.py::test_cell[browse-customers->front-refused]\n" in run.stdout


@pytest.mark.parametrize(
    ("wrong", "by", "told"),
    [("latency", "latncy", "did you mean 'latency'?"), ("(cell)", "()", "take the fixture `cell`")],
)
def test_cells_that_there_are_not_are_an_error(tmp_path: Path, wrong: str, by: str, told: str) -> None:
    run = pytest_run(tmp_path, CELLS.replace(wrong, by))
    assert told in run.stdout
    assert run.returncode == 2


def test_the_summary_has_what_each_test_broke_and_how_it_ended(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, FAKED)
    lines = run.stdout.splitlines()
    told = lines[next(index for index, line in enumerate(lines) if " resilience " in line) + 1 :][:5]
    assert told == [
        "✓ test_it.py::Test::test_held: a → b under latency 1 s",
        "✕ test_it.py::Test::test_refuted: a → b under down",
        "? test_it.py::Test::test_unknown: nothing broken by itself",
        "- test_it.py::Test::test_skipped: not run",
        "run in there/run, seed 7",
    ]


def test_a_failure_says_where_its_files_are_and_how_to_repeat_it(tmp_path: Path) -> None:
    run = pytest_run(tmp_path, FAKED, "-k", "refuted")
    assert "\na → b under down\nthere/run (reports are written there at the end)\n" in run.stdout
    assert "repeat with --chaos-seed 7" in run.stdout


def test_a_run_without_chaos_has_no_section(tmp_path: Path) -> None:
    assert " resilience " not in pytest_run(tmp_path, "def test_plain(): pass\n").stdout


OF_ONES_OWN = """
import pytest

@pytest.fixture
def system():
    return "mine"

def test_it(system):
    assert system == "mine"
"""


def test_a_fixture_of_the_same_name_stays_its_owners(tmp_path: Path) -> None:
    assert "1 passed" in pytest_run(tmp_path, OF_ONES_OWN, "--chaos=off").stdout


def test_a_report_keeps_what_was_told_on_its_way_from_a_worker() -> None:
    report = pytest.TestReport(
        nodeid="it", location=("it", 1, "it"), keywords={}, outcome="passed", longrepr=None, when="call"
    )
    report.__dict__["harness"] = {"outcome": "passed", "broke": ["a"], "seed": 7}
    sent = report._to_json()
    assert vars(pytest.TestReport._from_json(sent))["harness"] == {"outcome": "passed", "broke": ["a"], "seed": 7}


def test_the_plugin_costs_less_than_fifty_milliseconds_of_processor() -> None:
    code = (
        "import pytest, time, gc; gc.disable(); began = time.process_time(); import harness.pytest_plugin;"
        "print(time.process_time() - began)"
    )
    took = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True).stdout)
        for _ in range(3)
    ]
    assert min(took) < 0.05
