"""Cells, waivers and earlier runs that are not there: told with what is near, and nothing is started or written."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import pytest

from harness.cli import cli
from harness.errors import HarnessError

CORNER = Path(__file__).parents[1] / "e2e" / "corner"
CELL = "item, web->stock truncate-head"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chaos", "shrink", "item, web->stok latency"), "no edge 'web->stok'; did you mean 'web->stock'?"),
        (("chaos", "shrink", "item"), "expected a cell such as"),
        (("chaos", "shrink", "item, web->stock flood"), "no kind of failure is called 'flood'"),
        (("chaos", "matrix", "--against", "nowhere"), "nowhere: can't be read"),
        (("chaos", "matrix", "--against", "system.yaml"), "is neither a journal nor a matrix.json"),
        (("explain", CELL, "--run", "nowhere"), "can't be read"),
        (("accept", CELL, "--owner", "us", "--why", "x", "--until", "2001-01-01"), "it would be expired"),
        (("accept", CELL, "--owner", "us", "--why", "x", "--until", "soon"), "expected a day such as"),
        (("accept", "itm, web->stock reset", "--owner", "us", "--why", "x", "--until", "2999-01-01"), "mean 'item'?"),
    ],
)
def test_bad_input_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    shutil.copytree(CORNER, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises((HarnessError, click.ClickException)) as refused:
        cli.main([*arguments], standalone_mode=False)

    error = refused.value
    assert isinstance(error, HarnessError | click.ClickException)
    assert said in (error.format_message() if isinstance(error, click.ClickException) else str(error))
    assert error.exit_code == 2
    assert not (tmp_path / ".harness").exists()
    assert not (tmp_path / "chaos").exists()
