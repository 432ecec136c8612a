"""Where secrets are read from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.model.notifying import Hidden
from harness.notify.hidden import MOST_SECRET_BYTES, Keeper
from harness.notify.unsent import Unsent


def test_a_secret_is_read_from_the_environment_without_the_blanks_around_it(tmp_path: Path) -> None:
    assert Keeper(root=tmp_path, environ={"HOOK": " s3cret\n"}).read(Hidden(env="HOOK")) == "s3cret"


def test_a_secret_is_read_from_a_file_beside_the_description(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("s3cret\n")

    assert Keeper(root=tmp_path, environ={}).read(Hidden(file="hook")) == "s3cret"


@pytest.mark.parametrize(
    ("hidden", "why"),
    [
        (Hidden(env="HOOK"), "the variable HOOK is not set"),
        (Hidden(env="BLANK"), "the variable BLANK is not set"),
        (Hidden(file="missing"), "the file missing can't be read: No such file or directory"),
        (Hidden(file="empty"), "the file empty is empty"),
        (Hidden(file="folder"), "the file folder is no file"),
        (Hidden(file="pipe"), "the file pipe is no file"),
        (Hidden(file="binary"), "the file binary holds no text"),
        (Hidden(file="large"), "the file large holds more than 8192 bytes, so it is no secret of ours"),
    ],
)
def test_what_is_not_to_be_had_is_told_with_its_place(tmp_path: Path, hidden: Hidden, why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "large").write_bytes(b"x" * (MOST_SECRET_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Unsent) as refused:
        Keeper(root=tmp_path, environ={"BLANK": " "}).read(hidden)

    assert refused.value.why == why


def test_the_environment_is_not_shown_with_whoever_reads_it(tmp_path: Path) -> None:
    assert "s3cret" not in repr(Keeper(root=tmp_path, environ={"HOOK": "s3cret"}))
