from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import JournalError
from harness.report import REPORTS, write_reports
from tests.report import journals


def test_every_report_is_written_and_named(tmp_path: Path) -> None:
    paths = write_reports(journals.cut(), tmp_path / "run")
    assert [path.name for path in paths] == ["report.html", "junit.xml", "allure-results", "summary.md"]
    assert all(path.exists() for path in paths)
    assert list(REPORTS) == ["html", "junit", "allure", "markdown"]


def test_nothing_is_written_of_what_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        write_reports([], tmp_path)
    assert list(tmp_path.iterdir()) == []
