"""When something may happen, and when it is due, in zones that change their clocks."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.calendar import WEEK, Blackout, Calendar, Dates, Day, Schedule, Weekly

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
WORK = Weekly(days=WEEK[:5], start_min=9 * 60, end_min=17 * 60)
WEEK_AHEAD = dt.timedelta(days=8)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-24T09:00+01:00", ""),
        ("2026-11-24T16:59:59+01:00", ""),
        ("2026-11-24T17:00+01:00", "outside the windows"),
        ("2026-11-24T08:59:59+01:00", "outside the windows"),
        ("2026-11-22T12:00+01:00", "outside the windows"),
        ("2026-12-25T12:00+01:00", "2026-12-25 is a holiday"),
        ("2026-12-30T12:00+01:00", "the blackout 2026-12-28 to 2027-01-03: we count"),
        ("2026-11-26T14:30+01:00", "the blackout thu 14:00 to 16:00: releases go out"),
    ],
)
def test_only_windows_let_it_pass_and_no_blackout_and_no_holiday(moment: str, said: str) -> None:
    calendar = Calendar(
        zone=BERLIN,
        windows=(WORK,),
        blackouts=(
            Blackout(when=Dates(first=dt.date(2026, 12, 28), last=dt.date(2027, 1, 3)), why="we count"),
            Blackout(when=Weekly(days=(Day.THU,), start_min=14 * 60, end_min=16 * 60), why="releases go out"),
        ),
        holidays=frozenset({dt.date(2026, 12, 25)}),
    )
    barred = calendar.barred(at(moment))
    assert barred.startswith(said)
    assert bool(barred) == bool(said)


def test_a_holiday_is_one_of_the_zone_and_not_of_utc() -> None:
    calendar = Calendar(zone=BERLIN, holidays=frozenset({dt.date(2026, 12, 25)}))
    assert calendar.barred(at("2026-12-24T23:30+00:00"))
    assert not calendar.barred(at("2026-12-25T23:30+00:00"))


def test_two_windows_that_touch_at_midnight_are_one_night() -> None:
    night = (Weekly(start_min=22 * 60), Weekly(end_min=4 * 60))
    closes = Calendar(zone=BERLIN, windows=night).closes(at("2026-11-24T23:00+01:00"), within=WEEK_AHEAD)
    assert closes is not None
    assert closes[0] == at("2026-11-25T04:00+01:00")


def test_what_is_always_open_never_closes() -> None:
    assert Calendar(zone=BERLIN).closes(at("2026-11-24T23:00+01:00"), within=WEEK_AHEAD) is None


def test_a_window_that_clocks_skip_closes_when_they_do() -> None:
    early = Calendar(zone=BERLIN, windows=(Weekly(start_min=60, end_min=150),))
    closes = early.closes(at("2027-03-28T01:30+01:00"), within=WEEK_AHEAD)
    assert closes is not None
    assert closes[0] == at("2027-03-28T03:00+02:00")


def test_nothing_opens_in_a_blackout_of_a_year() -> None:
    blackout = Blackout(when=Dates(first=dt.date(2026, 1, 1), last=dt.date(2028, 1, 1)), why="we sell the firm")
    assert Calendar(zone=BERLIN, blackouts=(blackout,)).opens(at("2026-11-24T12:00+01:00")) is None


@given(
    minute=st.integers(0, 14 * 24 * 60),
    start=st.integers(0, 1438),
    length=st.integers(1, 600),
    zone=st.sampled_from([BERLIN, KATHMANDU, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/New_York")]),
)
def test_it_opens_and_closes_in_the_very_minute_in_which_it_does(
    minute: int, start: int, length: int, zone: ZoneInfo
) -> None:
    window = Weekly(days=(Day.MON, Day.SAT, Day.SUN), start_min=start, end_min=min(start + length, 1440))
    calendar = Calendar(zone=zone, windows=(window,))
    moment = at("2027-03-20T00:00+00:00") + dt.timedelta(minutes=minute)
    minutes = (moment + dt.timedelta(minutes=each) for each in range(8 * 24 * 60))
    by_hand = next((each for each in minutes if not calendar.barred(each)), None)
    assert calendar.opens(moment) == by_hand


def test_what_is_due_moves_with_the_clocks_of_its_zone() -> None:
    weekly = Schedule(zone=BERLIN, days=(Day.SUN,), at_min=10 * 60, max_late=dt.timedelta(minutes=30))
    assert [*islice(weekly.following(at("2027-03-15T00:00+00:00")), 2)] == [
        at("2027-03-21T09:00+00:00"),
        at("2027-03-28T08:00+00:00"),
    ]


def test_a_time_that_clocks_skip_is_due_after_it_and_one_that_comes_twice_is_due_once() -> None:
    nightly = Schedule(zone=BERLIN, days=WEEK, at_min=150, max_late=dt.timedelta(minutes=30))
    assert nightly.due_on(dt.date(2027, 3, 28)) == at("2027-03-28T03:30+02:00")
    assert [*islice(nightly.following(at("2027-10-30T12:00+00:00")), 2)] == [
        at("2027-10-31T02:30+02:00"),
        at("2027-11-01T02:30+01:00"),
    ]


def test_what_is_due_now_was_due_last_now() -> None:
    weekly = Schedule(zone=BERLIN, days=(Day.TUE,), at_min=10 * 60, max_late=dt.timedelta(minutes=30))
    now = at("2026-11-24T10:00+01:00")
    assert weekly.last_due(now) == now
    assert weekly.last_due(now - dt.timedelta(seconds=1)) == at("2026-11-17T10:00+01:00")
    assert now not in [*islice(weekly.following(now), 1)]
