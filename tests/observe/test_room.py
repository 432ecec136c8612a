"""How much the processors have left, by the kernel's own account."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.model.observation import WindowKind
from harness.observe.company import company_between, machine_seen
from harness.observe.room import LITTLE, Left, Room, longest_full_s

TICKS = os.sysconf("SC_CLK_TCK")
FULL, SOME = Left(length_s=1.0, idle=0.0), Left(length_s=1.0, idle=0.3)


def told(file: Path, *, busy: int, idle: int) -> Path:
    """What two processors did since the machine came up, in seconds of one."""
    file.write_text(f"cpu  {busy * TICKS} 0 0 {idle * TICKS} 0 0 0 0 0 0\ncpu0 0\ncpu1 0\nintr 0\n")
    return file


def test_what_is_left_is_told_from_look_to_look(tmp_path: Path) -> None:
    file = told(tmp_path / "stat", busy=100, idle=500)
    room = Room(file)
    assert not room.seen
    told(file, busy=102, idle=500)
    room.look()
    told(file, busy=103, idle=503)
    room.look()
    assert room.seen == (Left(length_s=1.0, idle=0.0), Left(length_s=2.0, idle=0.75))


def test_where_the_kernel_tells_nothing_nothing_is_said(tmp_path: Path) -> None:
    room = Room(tmp_path / "stat")
    room.look()
    told(tmp_path / "stat", busy=1, idle=1)
    room.look()
    room.look()
    assert room.seen == ()


@pytest.mark.parametrize(
    ("seen", "full_s"),
    [
        ([], 0.0),
        ([SOME, SOME], 0.0),
        ([FULL, SOME, FULL, FULL, SOME], 2.0),
        ([SOME, FULL, FULL, FULL], 3.0),
        ([FULL, Left(length_s=0.5, idle=LITTLE - 0.001), Left(length_s=1.0, idle=LITTLE), FULL], 1.5),
    ],
)
def test_only_seconds_on_end_count(seen: list[Left], full_s: float) -> None:
    assert longest_full_s(seen) == full_s


def test_only_those_between_two_looks_count() -> None:
    before, after = machine_seen(0.0, left=(FULL,) * 5), machine_seen(9.0, left=(*[FULL] * 5, SOME, FULL, FULL))
    assert before is not None
    assert after is not None
    assert company_between(before, after, WindowKind.FAULT, roots=()).full_s == 2.0
