"""When a test may begin, and what is told of one that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.observe.standing import STRETCH, StandStill
from tests.quiet import EVERY_S, VOID_S, VOID_TIMES, WAITS_S, Quiet

ROOT = Path(__file__).parent.parent
WORKS_S, STANDS_S = 0.001, 0.1


class Machine:
    """Does a piece of work whenever somebody waits; it stands still until the clock shows `until`."""

    def __init__(self, until: float) -> None:
        self.now = 0.0
        self.until = until
        self.still = StandStill()
        self.still.add(WORKS_S)
        self.quiet = Quiet(lambda: self.still.seen, lambda: self.now, self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.still.add(STANDS_S if self.now < self.until else WORKS_S)


def test_where_processors_work_nobody_waits() -> None:
    machine = Machine(until=0.0)
    machine.quiet.begin()
    assert machine.quiet.waited_s == 0.0
    assert machine.quiet.stood == 0.0


def test_while_they_stand_still_no_test_begins_and_a_few_seconds_later_it_does() -> None:
    machine = Machine(until=30.0)
    machine.wait(EVERY_S)
    machine.quiet.begin()
    assert 30.0 < machine.now <= 30.0 + 2 * STRETCH * EVERY_S + 1
    assert machine.quiet.waited_s == pytest.approx(machine.now - EVERY_S)


def test_a_machine_that_never_works_well_is_tested_on_in_the_end() -> None:
    machine = Machine(until=10 * WAITS_S)
    machine.wait(EVERY_S)
    for _ in range(3):
        machine.quiet.begin()
        assert machine.quiet.waited_s == pytest.approx(WAITS_S, abs=2 * EVERY_S)


def test_how_they_did_since_it_began_is_known() -> None:
    machine = Machine(until=30.0)
    machine.wait(EVERY_S)
    machine.quiet.begin()
    assert machine.quiet.stood == 0.0
    machine.until = machine.now + 1.0
    for _ in range(20):
        machine.wait(EVERY_S)
    assert machine.quiet.stood > 0.9


CONFTEST = """
from pathlib import Path
import pytest
from tests.quiet import Judged, Quiet

class Told(Quiet):
    waited_s = 12.0
    def __init__(self): pass
    def begin(self): pass
    stood = property(lambda self: float(Path("stood").read_text()))

def pytest_configure(config):
    config.addinivalue_line("markers", "loopback: as ours")
    config.pluginmanager.register(Judged(Told()))
"""
TESTS = """
from pathlib import Path
import pytest

def grown(name):
    with Path(name).open("a") as file:
        file.write("x")
    return len(Path(name).read_text())

@pytest.fixture(scope="module")
def shared():
    yield {"count": 0, "made": grown("made")}
    grown("taken-down")

@pytest.mark.loopback
def test_before(shared):
    shared["count"] += 1

@pytest.mark.loopback
def test_it(shared):
    shared["count"] += 1
    tries = grown("tries")
    if tries > FAILS: Path("stood").write_text("0.0")
    assert tries > FAILS
    assert shared["count"] == 1 + (FAILS == 0)

@pytest.mark.loopback
def test_after(shared):
    assert shared["made"] == 1 + min(FAILS, 3)

def test_pure():
    assert grown("pure") > 1
"""


def judged(tmp_path: Path, *, stood: float, fails: int, void_s: float = VOID_S) -> tuple[int, str]:
    """A run whose second test fails so often at first, and then works, with how much processors stood still."""
    (tmp_path / "conftest.py").write_text(f"import tests.quiet\ntests.quiet.VOID_S = {void_s}\n{CONFTEST}")
    (tmp_path / "stood").write_text(str(stood))
    (tmp_path / "test_them.py").write_text(TESTS.replace("FAILS", str(fails)))
    return asked(tmp_path, "not pure")


def asked(tmp_path: Path, which: str) -> tuple[int, str]:
    own = ("-q", "-c", "/dev/null", "--rootdir", ".", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *own, "-k", which],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.loopback
def test_what_fails_while_they_work_has_failed(tmp_path: Path) -> None:
    code, told = judged(tmp_path, stood=0.19, fails=1)
    assert code == 1
    assert (tmp_path / "tries").read_text() == "x"
    assert "stood still for 19 %" in told
    assert "asked again" not in told


@pytest.mark.loopback
def test_what_fails_while_they_stand_still_is_asked_again_with_all_that_it_needs_made_anew(tmp_path: Path) -> None:
    code, told = judged(tmp_path, stood=0.9, fails=2)
    assert (code, (tmp_path / "tries").read_text()) == (0, "xxx")
    assert (tmp_path / "made").read_text() == (tmp_path / "taken-down").read_text() == "xxx"
    assert "3 passed" in told
    assert told.count("- test_them.py::test_it (call): they stood still for 90 % of some seconds") == 2
    assert "waited 12 s" in told


@pytest.mark.loopback
def test_what_fails_each_time_has_failed(tmp_path: Path) -> None:
    code, told = judged(tmp_path, stood=0.9, fails=1000)
    assert code == 1
    assert (tmp_path / "tries").read_text() == "x" * (1 + VOID_TIMES)
    assert "1 failed, 2 passed" in told


@pytest.mark.loopback
def test_void_attempts_that_took_long_enough_in_all_are_followed_by_no_more(tmp_path: Path) -> None:
    code, told = judged(tmp_path, stood=0.9, fails=2, void_s=1e-9)
    assert (code, (tmp_path / "tries").read_text()) == (1, "xx")
    assert told.count("- test_them.py::test_it") == 1


@pytest.mark.loopback
def test_a_test_without_sockets_is_asked_once(tmp_path: Path) -> None:
    judged(tmp_path, stood=0.9, fails=0)
    code, _ = asked(tmp_path, "pure")
    assert (code, (tmp_path / "pure").read_text()) == (1, "x")
