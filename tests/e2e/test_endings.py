"""A run on the shop that is ended in the middle of a fault: by SIGKILL, and by SIGTERM.

It hurries to the fault: what it measures before is of no use to a run that is ended.
"""

import signal
from pathlib import Path

import pytest

from harness.model.events import InjectionArmed, InjectionHealed, RunEnded
from tests.e2e.shops import HASTY, journal, left_behind, small, started, until

pytestmark = pytest.mark.e2e

ARGUMENTS = ("chaos", "run", "payments-killed", "--directory", "run")
FAULT_WITHIN_S = 120.0


def in_a_fault(root: Path) -> bool:
    return any(isinstance(event, InjectionArmed) for event in journal(root / "run"))


def test_nothing_is_left_after_sigkill_in_the_middle_of_a_fault(tmp_path: Path) -> None:
    root = small(tmp_path)
    run = started(root, *ARGUMENTS, command=HASTY)
    try:
        until(lambda: in_a_fault(root), within_s=FAULT_WITHIN_S, what="a fault in force")
        assert len(left_behind(root)) > 10
    finally:
        run.kill()
        run.wait()
    until(lambda: not left_behind(root), within_s=5, what="nothing left")
    until(lambda: not (root / "run" / "data").exists(), within_s=5, what="the stores' data removed")
    assert not any(isinstance(event, RunEnded) for event in journal(root / "run"))


def test_sigterm_heals_reports_and_ends_with_130(tmp_path: Path) -> None:
    root = small(tmp_path)
    run = started(root, *ARGUMENTS, command=HASTY)
    try:
        until(lambda: in_a_fault(root), within_s=FAULT_WITHIN_S, what="a fault in force")
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=60) == 130
    finally:
        run.kill()
        run.wait()
    events = journal(root / "run")
    last = events[-1]
    assert isinstance(last, RunEnded)
    assert (last.exit_code, last.verdict) == (130, "UNKNOWN")
    assert "interrupted" in last.reason
    assert any(isinstance(event, InjectionHealed) for event in events)
    assert (root / "run" / "report.html").exists()
    assert left_behind(root) == []
    assert "Traceback" not in (root / "output.log").read_text(encoding="utf-8")
