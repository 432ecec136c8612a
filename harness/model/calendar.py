"""When something may happen: days of the week, times of day, dates, all in one time zone; no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60
LOOK_AHEAD_DAYS = 400
"""How far ahead an opening or an occurrence is looked for: a year, and some holidays more."""
_STEP_MIN = 30
"""Zones change their offset at whole half hours, so between two steps the time of day runs evenly."""


class Day(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK = tuple(Day)


def clock_time(minute: int) -> str:
    """`09:30`; the end of a day is `24:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """A stretch of some days of each week, from a minute of the day until before another."""

    days: tuple[Day, ...] = WEEK
    start_min: int = 0
    end_min: int = MINUTES_A_DAY

    def holds(self, local: dt.datetime) -> bool:
        """Whether that time of day is in it."""
        return WEEK[local.weekday()] in self.days and self.start_min <= _minute(local) < self.end_min

    def __str__(self) -> str:
        """`mon, tue 09:00 to 17:00`."""
        return f"{', '.join(self.days)} {clock_time(self.start_min)} to {clock_time(self.end_min)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """Some whole days in a row, the last one included."""

    first: dt.date
    last: dt.date

    def holds(self, local: dt.datetime) -> bool:
        """Whether that day is one of them."""
        return self.first <= local.date() <= self.last

    def __str__(self) -> str:
        """`2026-12-18 to 2027-01-06`."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """A time in which nothing may be broken."""

    when: Weekly | Dates
    why: str

    def __str__(self) -> str:
        """`2026-12-18 to 2027-01-06: the Christmas business`."""
        return f"{self.when}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When it is allowed: within a window if there are any, never in a blackout or on a holiday."""

    zone: ZoneInfo
    windows: tuple[Weekly, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    holidays: frozenset[dt.date] = frozenset()

    def barred(self, moment: dt.datetime) -> str:
        """Why nothing may be broken at a moment; empty when it may."""
        local = moment.astimezone(self.zone)
        if local.date() in self.holidays:
            return f"{local.date()} is a holiday"
        for blackout in self.blackouts:
            if blackout.when.holds(local):
                return f"the blackout {blackout}"
        if self.windows and not any(window.holds(local) for window in self.windows):
            return f"outside the windows {'; '.join(map(str, self.windows))} ({self.zone.key})"
        return ""

    def closes(self, moment: dt.datetime, *, within: dt.timedelta) -> tuple[dt.datetime, str] | None:
        """The first moment from here on at which it is barred, and why; None when it stays open so long."""
        for each in self._changes(moment, within):
            if reason := self.barred(each):
                return each, reason
        return None

    def opens(self, moment: dt.datetime) -> dt.datetime | None:
        """The first moment from here on at which it is allowed; None when there is none in the coming year."""
        ahead = dt.timedelta(days=LOOK_AHEAD_DAYS)
        return next((each for each in self._changes(moment, ahead) if not self.barred(each)), None)

    def _changes(self, moment: dt.datetime, within: dt.timedelta) -> Iterator[dt.datetime]:
        """This moment, and in order all later ones at which anything may change."""
        moment = moment.astimezone(dt.UTC)
        yield moment
        odd = sorted({minute % _STEP_MIN for minute in self._minutes()} | {0})
        step = moment.replace(minute=moment.minute // _STEP_MIN * _STEP_MIN, second=0, microsecond=0)
        while step <= moment + within:
            # Some zones are a quarter of an hour off, so both quarters of each minute are looked at.
            for minute in sorted({(each + shift) % _STEP_MIN for each in odd for shift in (0, 15)}):
                each = step + dt.timedelta(minutes=minute)
                if moment < each <= moment + within:
                    yield each
            step += dt.timedelta(minutes=_STEP_MIN)

    def _minutes(self) -> Iterator[int]:
        for each in (*self.windows, *(blackout.when for blackout in self.blackouts)):
            if isinstance(each, Weekly):
                yield from (each.start_min, each.end_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When something is due: on some days of each week, at a time of day of a zone."""

    zone: ZoneInfo
    days: tuple[Day, ...]
    at_min: int
    max_late: dt.timedelta

    def due_on(self, day: dt.date) -> dt.datetime | None:
        """When it is due on a date; None when it isn't. A time that a change of clocks skips is due after it."""
        if WEEK[day.weekday()] not in self.days:
            return None
        local = dt.datetime.combine(day, dt.time(self.at_min // 60, self.at_min % 60), tzinfo=self.zone)
        return local.astimezone(dt.UTC)

    def following(self, moment: dt.datetime) -> Iterator[dt.datetime]:
        """All that are due after a moment, in UTC, for a year ahead."""
        today = moment.astimezone(self.zone).date()
        for ahead in range(-1, LOOK_AHEAD_DAYS):
            due = self.due_on(today + dt.timedelta(days=ahead))
            if due is not None and due > moment:
                yield due

    def last_due(self, moment: dt.datetime) -> dt.datetime:
        """When it was due last, this very moment included."""
        today = moment.astimezone(self.zone).date()
        past = (self.due_on(today - dt.timedelta(days=back)) for back in range(-1, 9))
        return max(due for due in past if due is not None and due <= moment)

    def offsets(self, moment: dt.datetime) -> frozenset[dt.timedelta]:
        """By how much the zone's time differs from UTC in the coming year: two where clocks are changed."""
        return frozenset(
            (moment + dt.timedelta(days=ahead)).astimezone(self.zone).utcoffset() or dt.timedelta()
            for ahead in range(LOOK_AHEAD_DAYS)
        )

    def __str__(self) -> str:
        """`tue, thu 10:00 Europe/Berlin`."""
        return f"{', '.join(self.days)} {clock_time(self.at_min)} {self.zone.key}"


def _minute(local: dt.datetime) -> int:
    return local.hour * 60 + local.minute
