"""`harness inject` and `harness heal` on a system of two standard-library servers that `harness up` keeps up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.standing import Standing
from tests.e2e.shops import harness, left_behind, started, until

pytestmark = pytest.mark.loopback

SYSTEM = """\
system: tiny
entry: front
services:
  front:
    owner: web
    run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}
    ready: /
  back:
    owner: web
    run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}
    ready: tcp
edges: [{from: front, to: back, need: hard}]
""".replace("PYTHON", sys.executable)
ENTRY = "customers->front"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    begun = harness(tmp_path, "up", "--detach")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    yield tmp_path
    harness(tmp_path, "down")
    until(lambda: not left_behind(tmp_path), within_s=20, what="nothing left")


def standing(root: Path) -> Standing:
    (file,) = (root / ".harness" / "up").glob("*.json")
    return Standing.model_validate_json(file.read_bytes())


def answers(root: Path) -> bool:
    try:
        with urllib.request.urlopen(standing(root).entry, timeout=2) as answer:  # noqa: S310 -- our own URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def steps(root: Path) -> list[tuple[str, str]]:
    lines = (standing(root).directory / "in-force.ndjson").read_text(encoding="utf-8").splitlines()
    return [(each["injection"], each["step"]) for each in map(json.loads, lines)]


def test_a_fault_bites_tells_its_evidence_and_heals_when_its_time_is_over(root: Path) -> None:
    done = harness(root, "inject", "front->back", "latency=300ms", "jitter=10ms", "--for", "1s")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("front → back under latency 300 ms ± 10 ms is in force after ")
    assert "the relay does it, 0 live connections chosen; front-1->back-1 answered in " in said[1]
    assert said[2] == "it heals by itself in 1 s; Ctrl-C does so now"
    assert said[3].startswith("front → back under latency 300 ms ± 10 ms is healed (removed) after ")
    assert [step for _name, step in steps(root)] == ["arm", "armed", "heal", "healed"]


def test_ctrl_c_heals(root: Path) -> None:
    inject = started(root, "inject", ENTRY, "down", "--for", "10m")
    try:
        until(lambda: not answers(root), within_s=20, what="the fault in force")
        inject.send_signal(signal.SIGINT)
        assert inject.wait(timeout=30) == 130
    finally:
        inject.kill()
        inject.wait()
    assert answers(root)
    assert "is healed (removed)" in (root / "output.log").read_text(encoding="utf-8")


def test_who_dies_leaves_the_fault_to_its_end_and_heal_is_quicker(root: Path) -> None:
    inject = started(root, "inject", ENTRY, "down", "--for", "10m")
    until(lambda: not answers(root), within_s=20, what="the fault in force")
    inject.kill()
    inject.wait()
    assert not answers(root)
    until(lambda: "broken by hand: customers → front under down, until " in harness(root, "ps").stdout,
          within_s=10, what="the fault listed")  # fmt: skip
    healed = harness(root, "heal")
    assert (healed.returncode, "customers → front under down is healed" in healed.stdout) == (0, True)
    assert answers(root)
    assert "nothing is in force" in harness(root, "heal").stdout


def test_detached_it_comes_back_while_the_fault_is_in_force_and_it_ends_by_itself(root: Path) -> None:
    done = harness(root, "inject", "back-1", "kill", "--for", "2s", "--detach")
    assert (done.returncode, "back-1 under SIGKILL is in force" in done.stdout) == (0, True), done.stderr
    until(lambda: ("by-hand-1", "healed") in steps(root), within_s=30, what="the fault healed")
    until(
        lambda: (
            ["back", "back-1", "a", "ready"] in [each.split()[:4] for each in harness(root, "ps").stdout.splitlines()]
        ),
        within_s=30,
        what="it is ready again",
    )


BAD_WORDS = {
    ("front->bakc", "down"): "expected an edge of tiny, found 'front->bakc'; did you mean 'front->back'?",
    ("front->back", "latency=2"): "delay: expected a duration such as '250ms', '1.5s' or '2m', found 2",
    ("front->back", "latency", "delay"): "expected KEY=VALUE, found 'delay'",
    ("front->back", "down", "--for", "soon"): "expected a duration",
    ("front->back", "down", "--for", "2h"): "at most 3600 s, found 7200",
    ("front->back", "down", "--run", "other"): "expected --run with one of those that are up",
}


def test_bad_words_are_told_and_nothing_is_touched(root: Path) -> None:
    for words, complaint in BAD_WORDS.items():
        done = harness(root, "inject", *words)
        assert done.returncode == 2
        assert complaint in done.stderr
        assert "Traceback" not in done.stderr
    assert not (standing(root).directory / "in-force.ndjson").exists()


def test_one_whose_keeper_was_stopped_goes_on_and_is_healed(root: Path) -> None:
    assert harness(root, "inject", ENTRY, "down", "--detach").returncode == 0
    os.kill(standing(root).pid, signal.SIGSTOP)
    healed = harness(root, "heal")
    assert healed.returncode == 0, healed.stderr
    assert "was stopped; it goes on" in healed.stdout
    assert answers(root)


def test_one_whose_keeper_is_dead_is_seen_to_and_told(root: Path) -> None:
    assert harness(root, "inject", ENTRY, "latency=2s", "--detach").returncode == 0
    os.kill(standing(root).pid, signal.SIGKILL)
    healed = harness(root, "heal")
    assert healed.returncode == 0, healed.stderr
    (told,) = healed.stdout.splitlines()
    assert "customers->front under latency (" in told
    assert "delay 2 s" in told
    assert "was in force" in told
    until(lambda: not left_behind(root), within_s=10, what="nothing left")
    assert harness(root, "heal").stdout == "nothing is up, and nothing was left in force\n"


HANGING = """
import os, signal, socket, sys, time
from harness.cli.control_words import socket_path
from harness.cli.standing import Standing
from harness.runtime import procfs
from pathlib import Path

directory = Path(sys.argv[1])
with socket_path(directory) as path, socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path)
    listener.listen()
    Standing(run="hanging", system="tiny", runtime="process", directory=directory, pid=os.getpid(),
             since=procfs.started(os.getpid()) or 0, entry="http://127.0.0.1:1", rows=()).write()
    signal.pause()
"""


def test_one_whose_keeper_hangs_is_ended_so_that_its_watchdog_heals(tmp_path: Path) -> None:
    directory = tmp_path / ".harness" / "runs" / "hanging"
    directory.mkdir(parents=True)
    line = {"t": 1.0, "step": "arm", "injection": "x", "fault": {"kind": "down"}, "target": {"edge": "a->b"}}
    (directory / "in-force.ndjson").write_text(json.dumps(line) + '\n{"half', encoding="utf-8")
    keeper = subprocess.Popen([sys.executable, "-c", HANGING, str(directory)], cwd=tmp_path)
    try:
        until((tmp_path / ".harness" / "up" / "hanging.json").exists, within_s=20, what="its record")
        healed = harness(tmp_path, "heal", "hanging")
        assert healed.returncode == 0, healed.stderr
        assert f"process {keeper.pid} is ended, and its watchdog heals" in healed.stdout
        assert "a->b under down was in force" in healed.stdout
        assert keeper.wait(timeout=5) == -signal.SIGKILL
    finally:
        keeper.kill()
        keeper.wait()
    assert harness(tmp_path, "heal").stdout == "nothing is up, and nothing was left in force\n"


def test_without_anything_up_both_say_so(tmp_path: Path) -> None:
    done = harness(tmp_path, "inject", "a->b", "down")
    assert (done.returncode, "nothing is up from this directory" in done.stderr) == (2, True)
    assert harness(tmp_path, "heal").stdout == "nothing is up, and nothing was left in force\n"
    assert "no run 'it' is up, and none left a fault" in harness(tmp_path, "heal", "it").stderr
