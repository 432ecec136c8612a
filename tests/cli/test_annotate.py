from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.annotate import SUMMARY, annotate
from harness.errors import JournalError
from harness.model.events import to_json
from harness.report.github import MAX_SUMMARY_BYTES
from tests.report import journals


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "journal.ndjson").write_bytes(b"".join(to_json(each) + b"\n" for each in journals.failing()))
    return directory


def test_annotations_are_printed_and_the_summary_is_written(run: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    told = CliRunner().invoke(annotate, [str(run)], env={SUMMARY: str(summary)}, catch_exceptions=False)
    assert told.exit_code == 0
    assert [line.split(" ")[0] for line in told.output.splitlines()] == ["::error"] * 3 + ["::warning"]
    assert summary.read_text().startswith("# ✕ FAIL: shop")


def test_without_a_summary_to_write_only_annotations_are_printed(run: Path) -> None:
    told = CliRunner().invoke(annotate, [str(run / "journal.ndjson")], env={SUMMARY: ""}, catch_exceptions=False)
    assert len(told.output.splitlines()) == 4


def test_a_summary_without_room_is_told(run: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    summary.write_bytes(b"x" * MAX_SUMMARY_BYTES)
    told = CliRunner().invoke(annotate, [str(run)], env={SUMMARY: str(summary)}, catch_exceptions=False)
    assert "::warning title=no summary::" in told.output


def test_a_journal_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="can't be read"):
        CliRunner().invoke(annotate, [str(tmp_path)], catch_exceptions=False)
