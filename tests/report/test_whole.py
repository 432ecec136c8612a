"""Files that are there whole, or as they were before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.report.whole import put


def test_text_and_bytes_are_written_where_it_says(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.txt"
    assert put(file, "é") == file
    assert put(file, b"\xff") == file
    assert file.read_bytes() == b"\xff"
    assert [each.name for each in file.parent.iterdir()] == ["b.txt"]


def test_what_can_not_be_written_whole_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(tmp_path / "report.html", "earlier")

    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as half:
            half.write(content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device") as refused:
        put(file, "much more than there is room for")
    assert refused.value.filename == str(file)
    assert file.read_text() == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_place_that_is_taken_by_a_directory_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(IsADirectoryError) as refused:
        put(tmp_path / "report.html", "")
    assert refused.value.filename == str(tmp_path / "report.html")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
