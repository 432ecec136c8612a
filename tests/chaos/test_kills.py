"""The watchdog, when the harness is killed at ten moments; and parts of the harness that die under it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import psutil
import pytest

from chaos import doomed, kills
from chaos.doomed import FAULTS, WITHIN_S, Death, Doom, begin, dooms, held_by, lay_out, left_of, meet, until_begun
from harness.engine.session import IN_FORCE
from harness.model.events import MatrixCellEnded
from harness.model.verdict import Verdict
from tests.e2e.shops import COMMAND, findings, journal, until

KILLS = 10
AT_ONCE = 3


def test_the_same_seed_draws_the_same_moments_and_all_phases_meet_all_faults() -> None:
    drawn = list(islice(dooms(7), 110))
    assert drawn == list(islice(dooms(7), 110))
    assert [each.after_s for each in drawn] != [each.after_s for each in islice(dooms(8), 110)]
    assert len({(each.phase, each.fault) for each in drawn}) == len(WITHIN_S) * len(FAULTS)


def a_death(number: int, *left: str, fell: str = "rest") -> Death:
    doom = Doom(number=number, phase="rest", after_s=0.1, fault=FAULTS[0])
    return Death(doom=doom, fell=fell, held={"processes": 8, "stopped": 0}, left=left, gone_after_s=0.1 * number)


def test_it_goes_on_where_it_was_and_what_is_left_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def one(doom: Doom, _runtime: str) -> Death | str:
        asked.append(doom.number)
        return "kill 2: the run ended" if doom.number == 2 else a_death(doom.number)

    monkeypatch.setattr(kills, "one", one)
    state, out = tmp_path / "kills.ndjson", io.StringIO()
    assert kills.main(["--count", "3", "--state", str(state)], out) == 2
    assert "2 kills, 0 with leftovers" in out.getvalue()
    state.write_text(state.read_text() + '{"half', encoding="utf-8")

    def dirty(doom: Doom, _runtime: str) -> Death | str:
        asked.append(doom.number)
        return a_death(doom.number, "process 7")

    monkeypatch.setattr(kills, "one", dirty)
    again = io.StringIO()
    assert kills.main(["--count", "4", "--state", str(state)], again) == 1
    assert asked == [1, 2, 3, 2, 4]
    assert "process 7 after 0.40 s" in again.getvalue()
    assert "4 kills, 2 with leftovers" in again.getvalue()
    assert re.search(r"rest +2 clean +2 with leftovers", again.getvalue())


@pytest.mark.e2e
@pytest.mark.loopback
def test_nothing_is_left_of_ten_runs_whose_harness_was_killed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        deaths = list(pool.map(lambda doom: meet(doom, tmp_path / str(doom.number)), islice(dooms(1), KILLS)))
    assert [each.left for each in deaths] == [()] * KILLS
    assert len({each.fell for each in deaths}) >= 5
    assert sum(each.held["processes"] >= 7 for each in deaths) >= 5


def _started(root: Path, fault: str) -> None:
    root.mkdir()
    lay_out(root, fault)


def part_of(root: Path, harness: int, word: str) -> int:
    """The process of a run with that word in its command line or its name."""
    for pid in held_by(harness).processes:
        process = psutil.Process(pid)
        if process.name() == word or any(word in each for each in process.cmdline()):
            return pid
    pytest.fail(f"no {word} in {root}")


LONG = "{edge: front->back, fault: half-open, for: 60s}"


@pytest.mark.e2e
@pytest.mark.loopback
@pytest.mark.parametrize(
    ("word", "how", "name"),
    [
        ("toxiproxy-front.json", signal.SIGKILL, "toxiproxy-front"),
        ("toxiproxy-front.json", signal.SIGSTOP, "toxiproxy-front"),
        ("harness.proxy.relay", signal.SIGKILL, "relay"),
    ],
)
def test_a_proxy_that_dies_or_hangs_under_a_fault_ends_it_at_once_in_unknown(
    tmp_path: Path, word: str, how: signal.Signals, name: str
) -> None:
    root = tmp_path / "it"
    _started(root, LONG)
    run = begin(root)
    try:
        until_begun("under fault", root, run)
        os.kill(part_of(root, run.pid, word), how)
        assert run.wait(timeout=45) == 2
    finally:
        run.kill()
        run.wait()
    why = [each.reason for each in findings(journal(root / "run")) if each.check == "harness"]
    assert why == [f"{name} died or hung while the fault was in force, so the experiment was broken off"]
    steps = [json.loads(line)["step"] for line in (root / "run" / IN_FORCE).read_text().splitlines()]
    assert steps == ["arm", "armed", "heal", "healed"]
    assert left_of(root, doomed.NOTHING_HELD) == ()


@pytest.mark.e2e
@pytest.mark.loopback
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_proxy_that_dies_or_hangs_in_a_cell_of_the_matrix_makes_only_that_one_unknown(
    tmp_path: Path, how: signal.Signals
) -> None:
    root = tmp_path / "it"
    _started(root, LONG)
    words = ("chaos", "matrix", "system.yaml", "--kind", "black-hole", "--kind", "reset", "--visits", "10")
    with (root / "output.log").open("wb") as output:
        run = subprocess.Popen([*COMMAND, *words, "--directory", "run"], cwd=root, stdout=output, stderr=output)
    try:
        until(lambda: "black-hole-only" in _seen_to_bite(root / "run"), within_s=90, what="the cell")
        os.kill(part_of(root, run.pid, "toxiproxy-front.json"), how)
        assert run.wait(timeout=90) == 2
    finally:
        run.kill()
        run.wait()
    cells = {str(each.result.cell): each.result for each in journal(root / "run") if isinstance(each, MatrixCellEnded)}
    lost = cells.pop("look, front->back black-hole")
    assert (lost.verdict, lost.trials) == (Verdict.UNKNOWN, 1)
    assert lost.reason == "toxiproxy-front died or hung while the fault was in force"
    assert {name: each.verdict for name, each in cells.items()} == dict.fromkeys(cells, Verdict.PASS)
    assert "look, front->back reset" in cells
    assert left_of(root, doomed.NOTHING_HELD) == ()


def _seen_to_bite(run: Path) -> str:
    """The steps of arming that are over."""
    try:
        lines = (run / IN_FORCE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines if '"armed"' in line)


@pytest.mark.e2e
@pytest.mark.loopback
def test_nothing_is_left_when_the_supervisor_is_killed_under_a_fault(tmp_path: Path) -> None:
    root = tmp_path / "it"
    _started(root, LONG)
    run = begin(root)
    try:
        until_begun("under fault", root, run)
        before = held_by(run.pid)
        os.kill(part_of(root, run.pid, "supervisor"), signal.SIGKILL)
        assert run.wait(timeout=60) == 2
    finally:
        run.kill()
        run.wait()
    until(lambda: not left_of(root, before), within_s=10, what="nothing left")
    assert "Traceback" not in (root / "output.log").read_text(encoding="utf-8")
