"""Whether a game day may be run at a moment, whether it comes too late, and when it is due next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import DeclarationError, HarnessError, Place, Problem
from harness.model.calendar import Schedule
from harness.model.gameday import OUTSIDE, GameDay


class Outside(HarnessError):  # noqa: N818 -- a time that isn't allowed is no error
    """It is not the time for it; nothing was started, or all was healed before this was raised."""

    exit_code = OUTSIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A time at which a game day is due."""

    at: dt.datetime
    barred: str
    """Why it may not be run then; empty when it may."""


def refuse_outside(gameday: GameDay, now: dt.datetime, *, max_late: dt.timedelta | None = None) -> None:
    """Let it pass when it may be run now; with `max_late`, when it was due not longer ago than that, too.

    Raises:
        Outside: when it may not.
        DeclarationError: when it is asked how late it comes, and it has no schedule.
    """
    if reason := gameday.calendar.barred(now):
        opens = gameday.calendar.opens(now)
        local = opens.astimezone(gameday.calendar.zone) if opens else None
        remedy = f"; it may be run from {local:%Y-%m-%d %H:%M} ({gameday.calendar.zone.key})" if local else ""
        raise Outside(f"{gameday.name} may not be run now: {reason}{remedy}")
    if max_late is None:
        return
    schedule = scheduled(gameday)
    due = schedule.last_due(now)
    if now - due > max_late:
        local = due.astimezone(schedule.zone)
        raise Outside(
            f"{gameday.name} was due at {local:%Y-%m-%d %H:%M} ({schedule.zone.key}), {told(now - due)} ago, "
            f"and may be {told(max_late)} late; it is due next at {_next(gameday, now)}"
        )


def scheduled(gameday: GameDay) -> Schedule:
    """When it is due; raises DeclarationError when nothing says so."""
    if gameday.schedule is None:
        problem = Problem(
            place=Place(file=gameday.source),
            message="has no schedule",
            remedy='add one: schedule: {days: [tue], at: "10:00"}',
        )
        raise DeclarationError([problem])
    return gameday.schedule


def upcoming(gameday: GameDay, now: dt.datetime) -> Iterator[Due]:
    """When it is due from now on, those that will be refused among them; raises as `scheduled`."""
    for due in scheduled(gameday).following(now):
        yield Due(at=due, barred=gameday.calendar.barred(due))


def told(length: dt.timedelta) -> str:
    """`2 h 05 min`, `40 s`."""
    seconds = round(length.total_seconds())
    if seconds < 60:  # noqa: PLR2004 -- seconds in a minute
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _next(gameday: GameDay, now: dt.datetime) -> str:
    zone = gameday.calendar.zone
    return next(
        (f"{due.at.astimezone(zone):%Y-%m-%d %H:%M}" for due in upcoming(gameday, now) if not due.barred), "no time"
    )
