"""`scripts/test`, with a made-up pytest: all tests in two processes, or those that were asked for in one."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.shops import until

ROOT = Path(__file__).parent.parent

PYTEST = """#!/bin/sh
half=whole
case "$*" in *--ignore*) half=rest ;; esac
echo "$half: $*"
[ -e "slow" ] && {
    trap 'echo "$half interrupted"; exit 2' INT
    touch "$half-runs"
    while :; do sleep 0.05; done
}
[ ! -e "$half-fails" ]
"""
WITHIN_S = 30


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("scripts", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "test", tmp_path / "scripts" / "test")
    stub = tmp_path / ".venv" / "bin" / "pytest"
    stub.write_text(PYTEST)
    stub.chmod(0o755)
    return tmp_path


def ran(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "test", *arguments], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )


def test_what_the_one_leaves_out_the_other_runs_and_it_is_there(checkout: Path) -> None:
    done = ran(checkout, "--durations=40")

    assert (done.returncode, done.stderr) == (0, "")
    whole, rest = (line.split()[1:] for line in done.stdout.splitlines())
    assert [whole.pop(), rest.pop()] == ["--durations=40"] * 2
    assert [f"--ignore={each}" for each in whole] == [each for each in rest if each.startswith("--ignore=")]
    assert all((ROOT / each).is_dir() for each in whole)


@pytest.mark.parametrize("half", ["whole", "rest"])
def test_a_failure_in_either_is_one_of_both(checkout: Path, half: str) -> None:
    (checkout / f"{half}-fails").touch()

    assert ran(checkout).returncode == 1


@pytest.mark.parametrize(
    "arguments", [("-k", "relay"), ("tests/proxy",), ("--junitxml=all.xml",), ("-q", "-x"), ("--collect-only",)]
)
def test_whoever_asks_for_some_or_for_a_file_gets_one_process(checkout: Path, arguments: tuple[str, ...]) -> None:
    assert ran(checkout, *arguments).stdout == f"whole: {' '.join(arguments)}\n"


@pytest.mark.loopback
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_both_are_interrupted_with_it(checkout: Path, how: signal.Signals, code: int) -> None:
    (checkout / "slow").touch()
    test = subprocess.Popen([checkout / "scripts" / "test"], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        for half in ("whole", "rest"):
            until((checkout / f"{half}-runs").exists, within_s=WITHIN_S, what=f"the {half} half")
        test.send_signal(how)
        told, _ = test.communicate(timeout=WITHIN_S)
    finally:
        test.kill()
        test.wait()
    assert test.returncode == code
    assert {"whole interrupted", "rest interrupted"} <= set(told.splitlines())
