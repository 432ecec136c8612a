"""A game day's schedule, as the files of those who run things on time: cron, GitHub, Kubernetes."""

from __future__ import annotations

import datetime as dt
import itertools
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from harness.engine.gameday_when import scheduled, told
from harness.errors import DeclarationError, HarnessError, Place, Problem
from harness.model.calendar import WEEK, Day, Schedule
from harness.model.gameday import GameDay

UTC = ZoneInfo("UTC")
_CRON_DAY = {day: (index + 1) % 7 for index, day in enumerate(WEEK)}
"""Sunday is 0."""
MOST_NAME = 52
"""The longest name of a CronJob."""
MOST_COMMAND_CHARS = 990
"""Of a line for cron after its times: Debian's leaves a file unread that has a longer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where the exported file is to be used."""

    now: dt.datetime
    file: str
    """The game day's file, from the project's folder."""
    folder: str
    """The project's folder on the machine that has the cron."""
    machine_zone: ZoneInfo = UTC
    """In which zone that machine's cron reads its times."""
    image: str = "harness:latest"
    """For Kubernetes: an image with the harness and the project in its working directory."""
    system: str = ""
    """The description, where it is not the one that is found from the project's folder."""
    program: str = "harness"
    """The command on the machine that has the cron, which does not find it by itself."""
    path: str = ""
    """Where programs are found on that machine; cron knows only /usr/bin and /bin."""


def export(gameday: GameDay, to: str, setting: Setting) -> str:
    """The text of the file.

    Raises:
        DeclarationError: without a schedule; or where clocks are changed and it may come later than by that change,
            since each of the two lines for it would then be taken for the other.
        HarnessError: when a line would be too long for cron.
    """
    return EXPORTS[to](gameday, setting)


def cron_lines(schedule: Schedule, now: dt.datetime, *, zone: ZoneInfo) -> tuple[str, ...]:
    """The five fields of cron, read in `zone`: one line, or one for each offset between the two zones in a year."""
    return tuple(dict.fromkeys(_fields(schedule.days, minute) for minute in _minutes_in(schedule, now, zone)))


def _minutes_in(schedule: Schedule, now: dt.datetime, zone: ZoneInfo) -> list[int]:
    """Minutes from the beginning of the declared day to the time in another zone; may be before it, or after it."""
    found = set()
    for moment in (now + dt.timedelta(days=ahead) for ahead in range(400)):
        ours, theirs = moment.astimezone(schedule.zone).utcoffset(), moment.astimezone(zone).utcoffset()
        shift = (theirs or dt.timedelta()) - (ours or dt.timedelta())
        found.add(schedule.at_min + int(shift.total_seconds() // 60))
    return sorted(found)


def _fields(days: tuple[Day, ...], minute: int) -> str:
    shift, minute = divmod(minute, 24 * 60)
    moved = sorted({(_CRON_DAY[day] + shift) % 7 for day in days})
    on = "*" if len(moved) == len(WEEK) else ",".join(map(str, moved))
    return f"{minute % 60} {minute // 60} * * {on}"


def _lines(gameday: GameDay, setting: Setting, zone: ZoneInfo) -> tuple[str, ...]:
    schedule = scheduled(gameday)
    minutes = _minutes_in(schedule, setting.now, zone)
    least = min((b - a for a, b in itertools.pairwise(minutes)), default=None)
    if least is not None and schedule.max_late >= dt.timedelta(minutes=least):
        message = (
            f"clocks are changed between {schedule.zone.key} and {zone.key}, so two lines are written, "
            f"{least} min apart; 'max_late' must tell them apart and is {told(schedule.max_late)}"
        )
        problem = Problem(place=Place(file=gameday.source), message=message, remedy=f"set it below {least}min")
        raise DeclarationError([problem])
    return cron_lines(schedule, setting.now, zone=zone)


def _command(gameday: GameDay, setting: Setting) -> tuple[str, ...]:
    late_s = round(scheduled(gameday).max_late.total_seconds())
    system = ("--system", setting.system) if setting.system else ()
    return ("harness", "gameday", "run", setting.file, *system, "--max-late", f"{late_s}s")


def _head(gameday: GameDay, setting: Setting, options: str) -> list[str]:
    schedule = scheduled(gameday)
    system = f" --system {setting.system}" if setting.system else ""
    again = f"harness gameday export {setting.file}{system} --to {options}"
    # What some readers take for the end of a line would end the comment.
    title = " ".join(gameday.title.split())
    return [f"# {title}: {schedule}", f"# Written by `{again}`; change the game day, and write it again."]


def _cron(gameday: GameDay, setting: Setting) -> str:
    times = _lines(gameday, setting, setting.machine_zone)
    log = f".harness/gameday-{gameday.name}.log"
    path = f"PATH={shlex.quote(setting.path)} " if setting.path else ""
    run = shlex.join((setting.program, *_command(gameday, setting)[1:]))
    words = f"cd {shlex.quote(setting.folder)} && mkdir -p .harness && {path}{run}"
    # A percent sign ends the command in a crontab.
    command = f"{words} >> {log} 2>&1".replace("%", r"\%")
    if len(command) > MOST_COMMAND_CHARS:
        raise HarnessError(
            f"cron takes commands of {MOST_COMMAND_CHARS} characters at most, and this one has {len(command)}; "
            "shorten the PATH that it is to have: PATH=/usr/bin:/bin harness gameday export …"
        )
    zone = setting.machine_zone.key
    head = [
        *_head(gameday, setting, f"cron --machine-zone {zone}"),
        f"# Times are read in {zone}: that must be the zone of the machine's cron.",
    ]
    return "\n".join([*head, *(f"{time} {command}" for time in times)]) + "\n"


def _github(gameday: GameDay, setting: Setting) -> str:
    times = _lines(gameday, setting, UTC)
    late = told(scheduled(gameday).max_late)
    limits = {"timeout-minutes": 350}
    steps: list[dict[str, Any]] = [
        {"uses": "actions/checkout@v4"},
        {"uses": "astral-sh/setup-uv@v6"},
        {"run": "uv sync --frozen"},
        {"name": gameday.title, "run": f"uv run {_unless_by_hand(gameday, setting)}"},
        {
            "if": "always()",
            "uses": "actions/upload-artifact@v4",
            "with": {"name": f"gameday-{gameday.name}", "path": "**/.harness/gamedays/", "include-hidden-files": True},
        },
    ]
    flow = {
        "name": f"game day {gameday.name}",
        "on": {"schedule": [{"cron": time} for time in times], "workflow_dispatch": None},
        "permissions": {"contents": "read"},
        "concurrency": {"group": f"gameday-{gameday.name}", "cancel-in-progress": False},
        "jobs": {"gameday": {"runs-on": "ubuntu-latest", **limits, "steps": steps}},
    }
    head = [
        *_head(gameday, setting, "github"),
        f"# GitHub reads times in UTC, and may come late: a run that is more than {late} late is refused, exit code 4.",
    ]
    return "\n".join(head) + "\n" + _yaml(flow)


def _unless_by_hand(gameday: GameDay, setting: Setting) -> str:
    """One that somebody asked for is never too late."""
    *words, flag, late = _command(gameday, setting)
    return f"{shlex.join(words)} ${{{{ github.event_name == 'schedule' && '{flag} {late}' || '' }}}}"


def _kubernetes(gameday: GameDay, setting: Setting) -> str:
    schedule = scheduled(gameday)
    own = replace(setting, machine_zone=schedule.zone)
    (time,) = cron_lines(schedule, setting.now, zone=own.machine_zone)
    name = f"gameday-{gameday.name}"
    if len(name) > MOST_NAME:
        message = f"'{name}' has {len(name)} letters, and a CronJob's name at most {MOST_NAME}"
        problem = Problem(place=Place(file=gameday.source), message=message, remedy="shorten 'gameday:'")
        raise DeclarationError([problem])
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # SIGTERM heals all and stops all, which takes a while.
        "terminationGracePeriodSeconds": 120,
        "containers": [{"name": "harness", "image": setting.image, "command": [*_command(gameday, setting)]}],
    }
    late_s = round(schedule.max_late.total_seconds())
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "harness"}},
        "spec": {
            "schedule": time,
            "timeZone": schedule.zone.key,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": late_s,
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }
    return "\n".join(_head(gameday, setting, f"kubernetes --image {setting.image}")) + "\n" + _yaml(job)


class _Plain(yaml.SafeDumper):
    """Nothing instead of `null`, as people write it."""


_Plain.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def _yaml(content: Mapping[str, Any]) -> str:
    text = yaml.dump(dict(content), Dumper=_Plain, sort_keys=False, width=1000, allow_unicode=True)
    # YAML 1.1 takes `on` for true and so quotes it; those who read workflows don't mind either way, people do.
    return text.replace("'on':", "on:", 1)


EXPORTS: dict[str, Callable[[GameDay, Setting], str]] = {
    "cron": _cron,
    "github": _github,
    "kubernetes": _kubernetes,
}
