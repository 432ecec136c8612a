from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.runtime.fakes import Ends

pytestmark = [pytest.mark.loopback, pytest.mark.e2e, pytest.mark.usefixtures("namespaces")]

ROOT = Path(__file__).parents[3]
GONE_WITHIN_S = 20.0
FEW_RIGHTS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all,+setfcap")
"""What root has to have left to be mapped into a namespace of users; others need nothing."""


@dataclass
class Seen:
    harness: subprocess.Popen[bytes]
    pids: list[int]
    answers: dict[str, list[str]]


@contextmanager
def a_harness(directory: Path, toxiproxy: Path, prefix: Sequence[str] = ()) -> Iterator[Seen]:
    command = (*prefix, sys.executable, "-m", "tests.runtime.namespaces.a_harness", str(directory), str(toxiproxy))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=dict(os.environ)) as harness:
        try:
            assert harness.stdout is not None
            told = json.loads(harness.stdout.readline() or "{}")
            assert told, f"it ended with {harness.wait(10)}"
            yield Seen(harness, told["pids"], told["seen"])
        finally:
            harness.kill()


def left_of(directory: Path) -> list[str]:
    """Processes, mounts, and network interfaces of ours that are still there."""
    found = [f"process {each.pid}" for each in psutil.process_iter() if str(directory) in " ".join(_command(each))]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(directory) in line]
    found += [name for name in psutil.net_if_addrs() if name.startswith(("room", "harness"))]
    return found


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_nothing_is_left_when_the_harness_is_killed(tmp_path: Path, toxiproxy: Path) -> None:
    with a_harness(tmp_path, toxiproxy) as seen:
        networks = {str(Path(f"/proc/{pid}/ns/net").readlink()) for pid in seen.pids}
        assert len(networks) == 6  # four rooms, the hall, and ours
        ends = Ends([pid for pid in seen.pids if Path(f"/proc/{pid}").exists()])
        seen.harness.send_signal(signal.SIGKILL)
        assert ends.left_after(GONE_WITHIN_S) == []
    ours = str(Path("/proc/self/ns/net").readlink())
    still = {network for pid in psutil.pids() if (network := _network(pid)) is not None}
    assert not (networks - {ours}) & still
    assert left_of(tmp_path) == []


def _network(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return None


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_it_works_without_the_rights_of_root(tmp_path: Path, toxiproxy: Path) -> None:
    with a_harness(tmp_path, toxiproxy, FEW_RIGHTS if os.geteuid() == 0 else ()) as seen:
        for provider, (before, meanwhile, after) in seen.answers.items():
            assert (before, after) == (provider, provider)
            assert "Connection refused" in meanwhile
