"""What a game day declares and can never come to pass: times that are never allowed, people who are never told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace

from harness.declare.validate import nearest
from harness.declare.yaml import Document
from harness.errors import Problem
from harness.model.calendar import Calendar, Schedule
from harness.model.notifying import MOST_CHANNELS, Notify


def impossible(document: Document, calendar: Calendar, schedule: Schedule | None, now: dt.datetime) -> list[Problem]:
    """What nothing can ever be run in."""
    if calendar.opens(now) is None:
        message = "blackouts and holidays leave nothing of the windows for a year"
        return [document.problem(("windows",), message, "allow some time")]
    message = "blackouts and holidays leave nothing of this window for a year"
    problems = [
        document.problem(("windows", index), message, "move it, or leave it out")
        for index, window in enumerate(calendar.windows)
        if replace(calendar, windows=(window,)).opens(now) is None
    ]
    if schedule is None:
        return problems
    dues = [*schedule.following(now)]
    reasons = [calendar.barred(due) for due in dues]
    if all(reasons):
        message = f"the schedule {schedule} is never within the allowed time: {reasons[0]}"
        problems.append(document.problem(("schedule",), message, "move it, or allow more"))
    return problems


def untold(document: Document, own: Notify | None, roles: Collection[str], common: Notify | None) -> list[Problem]:
    """A channel for a role that nobody has would never hear of anything; and there are so many at most."""
    if own is None:
        return []
    problems = [
        document.problem(("notify", "to", number, "roles", index), f"no role '{role}'", nearest(role, roles))
        for number, channel in enumerate(own.to)
        for index, role in enumerate(channel.roles)
        if role not in roles
    ]
    names = {each.name for each in (*(common.to if common else ()), *own.to)}
    if len(names) > MOST_CHANNELS:
        message = f"with those of the system there are {len(names)} channels, and {MOST_CHANNELS} are the most"
        problems.append(document.problem(("notify", "to"), message, "name fewer"))
    return problems
