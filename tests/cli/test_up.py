"""`harness up`, `down`, `ps` and `logs` on a system of one standard-library server."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.shops import harness, left_behind, started, until

SYSTEM = """\
system: tiny
entry: front
services:
  front:
    owner: web
    run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}
    ready: /
""".replace("PYTHON", sys.executable)

pytestmark = pytest.mark.loopback


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return tmp_path


def test_it_tells_where_everything_is_until_ctrl_c_and_leaves_nothing(root: Path) -> None:
    up = started(root, "up")
    output = root / "output.log"
    try:
        until(lambda: "customers enter at" in output.read_text(encoding="utf-8"), within_s=30, what="the system up")
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=30) == 0
    finally:
        up.kill()
        up.wait()
    said = output.read_text(encoding="utf-8")
    assert "front-1" in said
    assert "Traceback" not in said
    assert left_behind(root) == []
    assert list((root / ".harness" / "up").iterdir()) == []


def test_a_detached_one_is_listed_and_read_until_it_is_told_to_go_down(root: Path) -> None:
    begun = harness(root, "up", "--detach")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    try:
        assert "harness down" in begun.stdout
        listed = harness(root, "ps").stdout
        assert ["front", "front-1", "a", "ready"] in [line.split()[:4] for line in listed.splitlines()]
        read = harness(root, "logs", "front", "-n", "3")
        assert (read.returncode, "front-1  " in read.stdout) == (0, True)
        assert "no service or instance nobody" in harness(root, "logs", "nobody").stderr
    finally:
        ended = harness(root, "down")
    assert (ended.returncode, "nothing is up" in ended.stdout) == (0, True)
    assert left_behind(root) == []
    assert harness(root, "ps").stdout == "nothing is up\n"


def test_an_instance_that_dies_is_told(root: Path) -> None:
    assert harness(root, "up", "-d").returncode == 0
    try:
        (server,) = [each for each in psutil.process_iter() if _serves(each, root)]
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: "dead" in harness(root, "ps").stdout, within_s=10, what="the death of front-1 told")
    finally:
        assert harness(root, "down").returncode == 0


def _serves(process: psutil.Process, root: Path) -> bool:
    try:
        return process.cwd() == str(root) and "http.server" in process.cmdline()
    except psutil.Error:
        return False


def test_one_whose_keeper_was_killed_is_not_listed(root: Path) -> None:
    up = started(root, "up")
    until(lambda: "front-1" in harness(root, "ps").stdout, within_s=30, what="the system listed")
    up.kill()
    up.wait()
    assert harness(root, "ps").stdout == "nothing is up\n"
    assert harness(root, "down").stdout == "nothing is up\n"
    until(lambda: not left_behind(root), within_s=5, what="nothing left")


def test_a_detached_one_that_can_not_start_says_why(root: Path) -> None:
    (root / "system.yaml").write_text(SYSTEM.replace("ready: /", "ready: /\n    openapi: 3"), encoding="utf-8")
    begun = harness(root, "up", "--detach")
    assert begun.returncode == 2
    assert "system.yaml:8:14" in begun.stderr
    assert left_behind(root) == []
