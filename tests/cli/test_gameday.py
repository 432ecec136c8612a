"""`harness gameday` at the front door: what it tells, what it refuses, and with which exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_bad_input import harness, project, refused

__all__ = ["project"]

GAMEDAY = """\
gameday: day
title: A day
zone: Europe/Berlin
schedule: {days: [tue], at: "10:00"}
windows: [{days: [tue], from: "09:00", to: "11:00"}]
experiments: [back-gone]
"""
TUESDAY = "2026-11-24T10:05+01:00"
LATE = "2026-11-24T10:31+01:00"


@pytest.fixture
def day(project: Path) -> Path:
    folder = project / "chaos" / "gamedays"
    folder.mkdir()
    (folder / "day.yaml").write_text(GAMEDAY, encoding="utf-8")
    return project


def test_one_that_may_be_run_is_told_and_nothing_is_started(day: Path) -> None:
    done = harness(day, "gameday", "check", "day", "--at", TUESDAY, "--max-late", "30min")
    assert (done.returncode, done.stderr) == (0, "")
    assert "chaos/gamedays/day.yaml is sound: A day" in done.stdout
    assert "it may be run now" in done.stdout
    assert not (day / ".harness").exists()


def test_one_that_comes_too_late_ends_with_4(day: Path) -> None:
    done = harness(day, "gameday", "check", "day", "--at", LATE, "--max-late", "30min")
    assert done.returncode == 4
    assert "error: day was due at 2026-11-24 10:00 (Europe/Berlin), 31 min ago, and may be 30 min late" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "dya"), "no game day 'dya'; did you mean 'day'?"),
        (("check", "none/day.yaml"), "none/day.yaml: can't be read: No such file or directory"),
        (("check", "day", "--at", "2026-11-24T10:00"), "has no offset from UTC"),
        (("check", "day", "--max-late", "30"), "expected a duration"),
        (("export", "day", "--to", "cron", "--machine-zone", "Europe/Berln"), "did you mean 'Europe/Berlin'?"),
        (("export", "day", "--to", "cron", "--write", "system.yaml/x"), "can't be written"),
        (("resume", "nowhere"), "nowhere/gameday.ndjson can't be read: No such file or directory"),
    ],
)
def test_what_cannot_be_is_told_with_exit_code_2(day: Path, arguments: tuple[str, ...], said: str) -> None:
    refused(harness(day, "gameday", *arguments), said)
    assert not (day / ".harness").exists()


def test_a_missing_experiment_starts_nothing(day: Path) -> None:
    text = GAMEDAY.replace("[back-gone]", "[back-gon]")
    (day / "chaos" / "gamedays" / "day.yaml").write_text(text, encoding="utf-8")
    said = "chaos/gamedays/day.yaml:6:15: there is no experiment 'back-gon'; did you mean 'back-gone'?"
    refused(harness(day, "gameday", "run", "day"), said)
    assert not (day / ".harness").exists()


def test_stopping_what_is_not_run_is_no_error(day: Path) -> None:
    done = harness(day, "gameday", "stop")
    assert (done.returncode, done.stdout) == (0, "no game day is being run\n")


def test_next_tells_what_will_be_refused(day: Path) -> None:
    with (day / "chaos" / "gamedays" / "day.yaml").open("a", encoding="utf-8") as file:
        file.write("holidays: [2026-12-01]\n")
    done = harness(day, "gameday", "next", "day", "--at", TUESDAY, "--count", "2")
    assert done.stdout.splitlines() == [
        "Tue 2026-12-01 10:00 Europe/Berlin  2026-12-01T09:00Z  refused: 2026-12-01 is a holiday",
        "Tue 2026-12-08 10:00 Europe/Berlin  2026-12-08T09:00Z",
    ]
