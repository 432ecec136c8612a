from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.load_worker import worker


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What this process would have become."""
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, arguments: became.append(arguments))
    return became


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("north", "north:5557"),
        ("10.0.0.5:6000", "10.0.0.5:6000"),
        ("[::1]", "[::1]:5557"),
        ("[::1]:6000", "[::1]:6000"),
    ],
)
def test_a_master_is_named_by_its_host_and_may_have_a_port(replaced: list[list[str]], said: str, meant: str) -> None:
    done = CliRunner().invoke(worker, ["--join", said])
    assert done.exit_code == 0, done.output
    assert replaced == [[sys.executable, "-m", "harness.load.fleet_worker", "--join", meant]]


def test_a_locustfile_of_its_own_goes_along(replaced: list[list[str]], tmp_path: Path) -> None:
    file = tmp_path / "locustfile.py"
    file.touch()
    assert CliRunner().invoke(worker, ["--join", "north", "--locustfile", str(file)]).exit_code == 0
    assert replaced[0][-2:] == ["--locustfile", str(file)]


@pytest.mark.parametrize(
    "said", ["", ":5557", "north:", "north:http", "north:70000", "http://north:5557", "a b", "a,b"]
)
def test_what_is_no_address_is_refused(replaced: list[list[str]], said: str) -> None:
    done = CliRunner().invoke(worker, ["--join", said])
    assert done.exit_code == 2
    assert "expected --join HOST[:PORT]" in done.output
    assert replaced == []


def test_a_locustfile_that_is_not_there_is_refused(replaced: list[list[str]], tmp_path: Path) -> None:
    done = CliRunner().invoke(worker, ["--join", "north", "--locustfile", str(tmp_path / "none.py")])
    assert done.exit_code == 2
    assert "does not exist" in done.output
    assert replaced == []
