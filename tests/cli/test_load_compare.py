"""`harness load compare` on two journals: its words, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.load_compare import compare
from harness.errors import JournalError
from harness.model.events import RunStarted, to_json
from tests.checkers.test_load_compare import journal

STARTED = RunStarted(
    run="r", system="shop", wall="2026-01-01T00:00:00Z", seed=1, command="harness load", harness="0", python="3",
    tools={}, owners={}, edges=(), journeys=(),
)  # fmt: skip


def written(directory: Path, latency_s: float) -> Path:
    directory.mkdir()
    lines = [to_json(each) for each in (STARTED, *journal(latency_s))]
    (directory / "journal.ndjson").write_bytes(b"\n".join([*lines, b""]))
    return directory


def test_the_same_is_no_worse_slower_is_worse_and_too_few_can_not_be_told(tmp_path: Path) -> None:
    before, after = written(tmp_path / "a", 0.05), written(tmp_path / "b", 0.1)
    figures = ["--figures", "p50,failed"]
    same = CliRunner().invoke(compare, [str(before), str(before), *figures])
    worse = CliRunner().invoke(compare, [str(before), str(after / "journal.ndjson"), *figures])
    untold = CliRunner().invoke(compare, [str(before), str(before)])
    assert (same.exit_code, worse.exit_code, untold.exit_code) == (0, 1, 2)
    assert "no difference shown; a difference of" in same.output
    assert "slower by" in worse.output
    assert "can't be told: too few" in untold.output


def test_programs_get_the_same_as_json(tmp_path: Path) -> None:
    run = written(tmp_path / "a", 0.05)
    found = CliRunner().invoke(compare, [str(run), str(run), "--figures", "p50", "--format", "json"])
    told = json.loads(found.output)
    assert (told["verdict"], told["exit_code"], {each["figure"] for each in told["compared"]}) == ("PASS", 0, {"p50"})


@pytest.mark.parametrize("options", [["--figures", "p98"], ["--allow", "5"]])
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: list[str]) -> None:
    run = written(tmp_path / "a", 0.05)
    assert CliRunner().invoke(compare, [str(run), str(run), *options]).exit_code == 2


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    found = CliRunner().invoke(compare, [str(tmp_path), str(tmp_path)])
    assert isinstance(found.exception, JournalError)
