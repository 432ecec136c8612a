"""Processors that stood still are kept from halting, where this process may say so, and it is told what came of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.clock import SystemClock, pause
from harness.observe.awake import QUALITY, Awake
from harness.observe.standing import FEWEST, PIECE_S, Watch

STILL_S = 10 * PIECE_S
LIMIT_S = 30.0


def held(path: Path) -> int:
    """How many open files of this process it is."""
    return sum(link.resolve() == path for link in Path("/proc/self/fd").iterdir())


@pytest.fixture
def quality(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "cpu_dma_latency"
    path.touch()
    return path


def test_nothing_is_asked_for_at_first(quality: Path) -> None:
    assert (Awake(quality).told, held(quality), quality.read_bytes()) == ("", 0, b"")


def test_the_wish_is_no_microsecond_and_stands_until_it_is_let_go(quality: Path) -> None:
    awake = Awake(quality)
    awake.keep()
    awake.keep()
    assert held(quality) == 1
    assert quality.read_bytes() == b"\0\0\0\0"
    assert awake.told == f"from now on they are kept from halting ({quality})"
    awake.let_go()
    awake.let_go()
    assert held(quality) == 0


def test_who_may_not_say_so_is_told_why(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    awake = Awake(missing)
    awake.keep()
    assert "not permitted here" in awake.told
    assert awake.told.endswith(f"No such file or directory ({missing})")
    assert not missing.exists()
    awake.let_go()


def permitted() -> bool:
    """Whether this process may ask the kernel: in a container even root may not."""
    try:
        os.close(os.open(QUALITY, os.O_RDWR))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not permitted(), reason="this process may not ask the kernel for it")
def test_the_kernel_heeds_it() -> None:
    awake = Awake()
    awake.keep()
    try:
        assert QUALITY.read_bytes()[:4] == b"\0\0\0\0"
    finally:
        awake.let_go()


@pytest.mark.parametrize(("hits", "wishes"), [(FEWEST - 1, 0), (FEWEST, 1), (3 * FEWEST, 1)])
def test_a_watch_asks_for_it_once_some_seconds_stood_still(quality: Path, hits: int, wishes: int) -> None:
    pieces = [PIECE_S, *[STILL_S] * hits, PIECE_S]
    done: list[float] = []

    def piece(_: int) -> float:
        done.append(pieces[len(done)] if len(done) < len(pieces) else PIECE_S)
        return done[-1]

    clock = SystemClock()
    limit = clock.now() + LIMIT_S
    watch = Watch(piece, Awake(quality))
    try:
        while len(done) <= len(pieces):
            assert clock.now() < limit
            pause(0.05)
        assert (bool(watch.told), held(quality)) == (wishes > 0, wishes)
    finally:
        watch.end()
    assert held(quality) == 0
