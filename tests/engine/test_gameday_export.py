"""A game day's schedule as other people's files: each means the same times, and is read by who will read it."""

from __future__ import annotations

import datetime as dt
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from harness.engine.gameday_export import Setting, cron_lines, export
from harness.engine.gameday_when import Outside, refuse_outside, upcoming
from harness.errors import DeclarationError, HarnessError
from harness.model.calendar import WEEK, Calendar, Day, Schedule
from harness.model.gameday import GameDay, Part
from harness.model.quantity import Duration

BERLIN = ZoneInfo("Europe/Berlin")
AUCKLAND = ZoneInfo("Pacific/Auckland")
UTC = ZoneInfo("UTC")
NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
HALF_AN_HOUR = dt.timedelta(minutes=30)
KUBECTL = shutil.which("kubectl") or ""


def gameday(schedule: Schedule | None, *, name: str = "evening", holidays: tuple[dt.date, ...] = ()) -> GameDay:
    zone = schedule.zone if schedule else UTC
    return GameDay(
        name=name,
        title="An evening: 100 % of it",
        calendar=Calendar(zone=zone, holidays=frozenset(holidays)),
        parts=(Part(experiment="one", pause=Duration(0)),),
        schedule=schedule,
        source="chaos/gamedays/evening.yaml",
    )


def weekly(zone: ZoneInfo, days: tuple[Day, ...], at_min: int, late: dt.timedelta = HALF_AN_HOUR) -> Schedule:
    return Schedule(zone=zone, days=days, at_min=at_min, max_late=late)


def setting(**changed: Any) -> Setting:
    return Setting(**{"now": NOW, "file": "chaos/gamedays/evening.yaml", "folder": "/srv/a shop", **changed})


def times_of(line: str, zone: ZoneInfo, days: int) -> set[dt.datetime]:
    """When cron runs it, by the rules of crontab(5); only what is exported is understood."""
    minute, hour, month_day, month, week_days = line.split()
    assert (month_day, month) == ("*", "*")
    on = {*range(7)} if week_days == "*" else {int(each) for each in week_days.split(",")}
    found = set()
    for ahead in range(days):
        day = NOW.date() + dt.timedelta(days=ahead)
        if day.isoweekday() % 7 in on:
            found.add(dt.datetime.combine(day, dt.time(int(hour), int(minute)), tzinfo=zone).astimezone(dt.UTC))
    return found


@pytest.mark.parametrize(
    ("schedule", "zone", "lines"),
    [
        (weekly(BERLIN, (Day.TUE, Day.THU), 600), UTC, ("0 8 * * 2,4", "0 9 * * 2,4")),
        (weekly(BERLIN, (Day.TUE,), 600), BERLIN, ("0 10 * * 2",)),
        (weekly(UTC, WEEK, 61), UTC, ("1 1 * * *",)),
        (weekly(BERLIN, (Day.SUN,), 30), UTC, ("30 22 * * 6", "30 23 * * 6")),
        (weekly(ZoneInfo("America/New_York"), (Day.SAT,), 22 * 60), UTC, ("0 2 * * 0", "0 3 * * 0")),
        (weekly(AUCKLAND, (Day.MON,), 0), UTC, ("0 11 * * 0", "0 12 * * 0")),
        (weekly(AUCKLAND, (Day.MON,), 780), UTC, ("0 0 * * 1", "0 1 * * 1")),
        (weekly(ZoneInfo("Asia/Kathmandu"), (Day.MON,), 300), UTC, ("15 23 * * 0",)),
    ],
)
def test_cron_gets_a_line_for_each_offset(schedule: Schedule, zone: ZoneInfo, lines: tuple[str, ...]) -> None:
    assert cron_lines(schedule, NOW, zone=zone) == lines


@pytest.mark.parametrize("zone", [BERLIN, AUCKLAND, ZoneInfo("America/New_York"), UTC], ids=str)
@pytest.mark.parametrize("at_min", [30, 600, 1410])
def test_of_all_that_cron_begins_in_a_year_each_due_time_is_let_through_once_and_nothing_else(
    zone: ZoneInfo, at_min: int
) -> None:
    found = gameday(weekly(zone, (Day.TUE, Day.SUN), at_min))
    assert found.schedule is not None
    begun = {each for line in cron_lines(found.schedule, NOW, zone=UTC) for each in times_of(line, UTC, 365)}
    passed = set()
    for each in begun:
        try:
            refuse_outside(found, each, max_late=HALF_AN_HOUR)
        except Outside:
            continue
        passed.add(each)
    last = max(begun) - dt.timedelta(days=8)
    first = NOW + dt.timedelta(days=2)
    due = {each.at for each in upcoming(found, first) if each.at < last}
    assert {each for each in passed if first < each < last} == due


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-24T10:00+01:00", ""),
        ("2026-11-24T10:30+01:00", ""),
        (
            "2026-11-24T10:30:01+01:00",
            "was due at 2026-11-24 10:00 (Europe/Berlin), 30 min ago, and may be 30 min late",
        ),
        ("2026-11-24T13:05+01:00", "3 h 05 min ago, and may be 30 min late; it is due next at 2026-12-08 10:00"),
        ("2026-11-24T09:59+01:00", "was due at 2026-11-17 10:00"),
        ("2026-12-01T10:00+01:00", "may not be run now: 2026-12-01 is a holiday; it may be run from 2026-12-02 00:00"),
    ],
)
def test_what_comes_too_late_or_on_a_holiday_is_refused(moment: str, said: str) -> None:
    found = gameday(weekly(BERLIN, (Day.TUE,), 600), holidays=(dt.date(2026, 12, 1),))
    now = dt.datetime.fromisoformat(moment)
    if not said:
        refuse_outside(found, now, max_late=HALF_AN_HOUR)
        return
    with pytest.raises(Outside) as refused:
        refuse_outside(found, now, max_late=HALF_AN_HOUR)
    assert said in str(refused.value)
    assert refused.value.exit_code == 4


def test_how_late_it_comes_cannot_be_told_without_a_schedule() -> None:
    with pytest.raises(DeclarationError, match="has no schedule"):
        refuse_outside(gameday(None), NOW, max_late=HALF_AN_HOUR)


@pytest.mark.parametrize("to", ["cron", "github"])
def test_two_lines_that_could_be_taken_for_each_other_are_refused(to: str) -> None:
    late = gameday(weekly(BERLIN, (Day.TUE,), 600, dt.timedelta(hours=1)))
    with pytest.raises(DeclarationError, match=r"60 min apart; 'max_late' must tell them apart.*set it below 60min"):
        export(late, to, setting())
    assert export(late, "kubernetes", setting())


def test_a_crontab_has_comments_and_lines_of_five_times_and_a_command() -> None:
    text = export(gameday(weekly(BERLIN, (Day.TUE,), 600)), "cron", setting(folder="/srv/a shop/100%"))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [" ".join(line.split()[:5]) for line in lines] == ["0 8 * * 2", "0 9 * * 2"]
    assert r"cd '/srv/a shop/100\%' && " in lines[0]
    assert "harness gameday run chaos/gamedays/evening.yaml --max-late 1800s >>" in lines[0]
    assert text.endswith("\n")


def test_cron_finds_no_program_by_itself_and_is_told_where_they_are() -> None:
    where = setting(system="a b/system.yaml", program="/opt/my venv/bin/harness", path="/opt/go/bin:/usr/bin:/bin")
    text = export(gameday(weekly(BERLIN, (Day.TUE,), 600)), "cron", where)
    (line,) = [line for line in text.splitlines() if line.startswith("0 8 * * 2 ")]
    words = shlex.split(line.split(None, 5)[5])
    assert words[:8] == ["cd", "/srv/a shop", "&&", "mkdir", "-p", ".harness", "&&", "PATH=/opt/go/bin:/usr/bin:/bin"]
    run = ["/opt/my venv/bin/harness", "gameday", "run", "chaos/gamedays/evening.yaml", "--system", "a b/system.yaml"]
    assert words[8:14] == run
    with pytest.raises(HarnessError, match=r"990 characters at most, and this one has \d+; shorten the PATH"):
        export(gameday(weekly(BERLIN, (Day.TUE,), 600)), "cron", setting(path="/a/bin:" * 140))


def test_github_reads_times_in_utc_and_does_not_call_late_what_is_begun_by_hand() -> None:
    text = export(gameday(weekly(BERLIN, (Day.TUE,), 600)), "github", setting())
    flow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 -- it makes nothing but text, as YAML 1.2 reads `on`
    assert flow["on"] == {"schedule": [{"cron": "0 8 * * 2"}, {"cron": "0 9 * * 2"}], "workflow_dispatch": ""}
    (job,) = flow["jobs"].values()
    (run,) = [step["run"] for step in job["steps"] if "gameday run" in step.get("run", "")]
    assert run.endswith("${{ github.event_name == 'schedule' && '--max-late 1800s' || '' }}")
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_a_cron_job_has_its_zone_and_runs_once_at_a_time() -> None:
    job = yaml.safe_load(export(gameday(weekly(BERLIN, (Day.TUE,), 600)), "kubernetes", setting(image="shop:1")))
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 10 * * 2", "Europe/Berlin")
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == ("Forbid", 1800)
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_a_name_that_is_too_long_for_kubernetes_is_refused() -> None:
    with pytest.raises(DeclarationError, match="a CronJob's name at most 52; shorten"):
        export(gameday(weekly(UTC, WEEK, 600), name="e" * 50), "kubernetes", setting())


@pytest.mark.skipif(not KUBECTL, reason="kubectl is not here")
@pytest.mark.parametrize(("spoilt", "by"), [("", ""), ("timeZone:", "timezone:"), ("Grace", "Grease")])
def test_kubectl_reads_the_cron_job_and_loses_nothing_of_it(tmp_path: Path, spoilt: str, by: str) -> None:
    text = export(gameday(weekly(BERLIN, (Day.TUE,), 600)), "kubernetes", setting())
    assert spoilt in text
    text = text.replace(spoilt, by)
    file = tmp_path / "cronjob.yaml"
    file.write_text(text, encoding="utf-8")
    command = [KUBECTL, "set", "image", "--local", "-f", str(file), "harness=shop:2", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # What it does not know it leaves out.
    whole = _within(yaml.safe_load(text.replace("harness:latest", "shop:2")), json.loads(done.stdout))
    assert whole is not bool(spoilt)


def _within(small: object, large: object) -> bool:
    """Whether all that is said in the one is said in the other."""
    if isinstance(small, dict) and isinstance(large, dict):
        return all(key in large and _within(value, large[key]) for key, value in small.items())
    if isinstance(small, list) and isinstance(large, list):
        return len(small) == len(large) and all(map(_within, small, large))
    return small == large
