"""Game days: from `chaos/gamedays/*.yaml` to values, checked against a system and its experiments."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from harness.declare.gameday_never import impossible, untold
from harness.declare.guards import GuardSpec, guard_of
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, parse_yaml, read_yaml
from harness.errors import DeclarationError, Problem
from harness.model.calendar import MINUTES_A_DAY, WEEK, Blackout, Calendar, Dates, Day, Schedule, Weekly
from harness.model.declared import Declared, Name
from harness.model.experiment import Experiment
from harness.model.gameday import Budget, GameDay, Part, Preflight
from harness.model.guard import Guard
from harness.model.notifying import Notify, together
from harness.model.quantity import Duration
from harness.model.topology import Topology

MOST_EXPERIMENTS = 100
MOST_ENTRIES = 400
"""Of windows, blackouts and holidays, each."""
MOST_PAUSE_S = 6 * 3600.0

_TIME = re.compile(r"([01][0-9]|2[0-3]|24(?=:00)):([0-5][0-9])")

Text = Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=500)]


def _minute_of_day(value: object) -> int:
    """`09:30` as 570; YAML reads 10:30 without quotes as a number, which nobody can tell from another."""
    if isinstance(value, str) and (found := _TIME.fullmatch(value)):
        return int(found[1]) * 60 + int(found[2])
    message = f'expected a time of day in quotes, "00:00" to "24:00", found {value!r}'
    raise ValueError(message)


Minute = Annotated[
    int,
    BeforeValidator(_minute_of_day),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"}),
]
Days = Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]


class WindowSpec(Declared):
    """A stretch of some days of each week."""

    days: Days = WEEK
    start: Annotated[Minute, Field(alias="from")]
    end: Annotated[Minute, Field(alias="to")]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.start >= self.end:
            message = "it ends before it begins; a night is two windows, one to 24:00 and one from 00:00"
            raise ValueError(message)
        return self

    @property
    def weekly(self) -> Weekly:
        """As a value."""
        return Weekly(days=self.days, start_min=self.start, end_min=self.end)


class BlackoutSpec(Declared):
    """A time in which nothing may be broken: some dates, or a stretch of each week."""

    why: Text
    first: dt.date | None = None
    last: dt.date | None = None
    weekly: WindowSpec | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.weekly is None) == (self.first is None):
            message = "a blackout is either 'first' and 'last', or 'weekly'"
            raise ValueError(message)
        if self.last is not None and (self.first is None or self.last < self.first):
            message = "'last' must be 'first' or a later day"
            raise ValueError(message)
        return self

    @property
    def when(self) -> Weekly | Dates:
        """As a value."""
        if self.weekly is not None:
            return self.weekly.weekly
        first = self.first or dt.date.min
        return Dates(first=first, last=self.last or first)


class ScheduleSpec(Declared):
    """When it is due, and how late it may come."""

    days: Days = WEEK
    at: Annotated[Minute, Field(lt=MINUTES_A_DAY)]
    max_late: Annotated[Duration, Field(ge=60, le=12 * 3600)] = Duration(1800)


def _part(value: object) -> object:
    return {"experiment": value} if isinstance(value, str) else value


class PartSpec(Declared):
    """An experiment, with what is special about it here."""

    experiment: Name
    pause: Annotated[Duration, Field(ge=0, le=MOST_PAUSE_S)] | None = None
    ask: Text | None = None


class BudgetSpec(Declared):
    """How long faults may be in force within a span."""

    under_fault: Annotated[Duration, Field(gt=0)]
    over: Annotated[Duration, Field(ge=3600, le=366 * 86400)]


class PreflightSpec(Declared):
    """What must be so before anything is broken."""

    commands: Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(max_length=20)] = ()
    budget: BudgetSpec | None = None


class GameDaySpec(Declared):
    """A file of `chaos/gamedays/`."""

    gameday: Name
    title: Text
    zone: str = "UTC"
    """Of all times and dates here."""
    schedule: ScheduleSpec | None = None
    windows: Annotated[tuple[WindowSpec, ...], Field(max_length=MOST_ENTRIES)] = ()
    blackouts: Annotated[tuple[BlackoutSpec, ...], Field(max_length=MOST_ENTRIES)] = ()
    holidays: Annotated[tuple[dt.date, ...], Field(max_length=MOST_ENTRIES)] = ()
    experiments: Annotated[
        tuple[Annotated[PartSpec, BeforeValidator(_part)], ...], Field(min_length=1, max_length=MOST_EXPERIMENTS)
    ]
    draw: Annotated[int, Field(ge=1)] | None = None
    """So many of them, in an order that the seed decides."""
    pause: Annotated[Duration, Field(ge=0, le=MOST_PAUSE_S)] = Duration(0)
    """Between two of them."""
    guards: tuple[GuardSpec, ...] = ()
    roles: Annotated[dict[Name, Text], Field(default_factory=dict, max_length=20)]
    preflight: PreflightSpec = PreflightSpec()
    notify: Notify | None = None
    """Who is told of this one, besides those whom the system names."""


def load_gameday(file: Path, topology: Topology, experiments: Mapping[str, Experiment], *, now: dt.datetime) -> GameDay:
    """Read one game day; raises DeclarationError with every problem found.

    Args:
        file: where it is written.
        topology: the system.
        experiments: all that are declared, by name.
        now: a schedule must come to pass within a year of it.
    """
    return read_gameday(read_yaml(file), topology, experiments, now=now)


def parse_gameday(
    text: str, topology: Topology, experiments: Mapping[str, Experiment], *, now: dt.datetime, file: str
) -> GameDay:
    """As `load_gameday`, from text."""
    return read_gameday(parse_yaml(text, file=file), topology, experiments, now=now)


def read_gameday(
    document: Document, topology: Topology, experiments: Mapping[str, Experiment], *, now: dt.datetime
) -> GameDay:
    """A game day from what is written of it; raises DeclarationError with every problem found."""
    spec = validated(document, GameDaySpec)
    problems = [*_wrong_parts(document, spec, experiments)]
    zone = _zone(document, spec.zone, problems)
    guards = _guards(document, spec, topology, experiments, problems)
    calendar = Calendar(
        zone=zone,
        windows=tuple(each.weekly for each in spec.windows),
        blackouts=tuple(Blackout(when=each.when, why=each.why) for each in spec.blackouts),
        holidays=frozenset(spec.holidays),
    )
    schedule = _schedule(spec.schedule, zone)
    problems += impossible(document, calendar, schedule, now)
    problems += untold(document, spec.notify, spec.roles, topology.system.notify)
    if problems:
        raise DeclarationError(problems)
    declared = repr(document.content).encode()
    return GameDay(
        name=spec.gameday,
        title=spec.title,
        calendar=calendar,
        parts=tuple(
            Part(
                experiment=each.experiment,
                pause=spec.pause if each.pause is None else each.pause,
                ask=each.ask or "",
            )
            for each in spec.experiments
        ),
        draw=spec.draw,
        schedule=schedule,
        guards=guards,
        roles=spec.roles,
        preflight=_preflight(spec.preflight),
        notify=together(topology.system.notify, spec.notify),
        source=document.file,
        digest=hashlib.sha256(declared).hexdigest()[:16],
    )


def gameday_schema() -> dict[str, Any]:
    """What a file of `chaos/gamedays/` may say."""
    schema: dict[str, Any] = GameDaySpec.model_json_schema(by_alias=True)
    entries = schema["properties"]["experiments"]
    entries["items"] = {"anyOf": [schema["$defs"]["PartSpec"]["properties"]["experiment"], entries["items"]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A game day",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _wrong_parts(document: Document, spec: GameDaySpec, experiments: Mapping[str, Experiment]) -> list[Problem]:
    problems = []
    seen: set[str] = set()
    for index, each in enumerate(spec.experiments):
        at = ("experiments", index, "experiment")
        if each.experiment not in experiments:
            message = f"there is no experiment '{each.experiment}'"
            problems.append(document.problem(at, message, nearest(each.experiment, experiments)))
        elif each.experiment in seen:
            message = f"the experiment '{each.experiment}' is already part of this game day"
            problems.append(document.problem(at, message, "name it once"))
        seen.add(each.experiment)
    if spec.draw is not None and spec.draw > len(spec.experiments):
        message = f"{spec.draw} can't be drawn from {len(spec.experiments)} experiments"
        problems.append(document.problem(("draw",), message, "draw fewer, or name more"))
    return problems


def _zone(document: Document, name: str, problems: list[Problem]) -> ZoneInfo:
    try:
        return zone_named(name)
    except ValueError as error:
        problems.append(document.problem(("zone",), str(error)))
        return ZoneInfo("UTC")


def zone_named(name: str) -> ZoneInfo:
    """A time zone; raises ValueError, with the nearest one, when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # All names are asked for only now: that reads a thousand files.
        close = nearest(name, available_timezones()) if name else ""
        remedy = close if close.startswith("did") else "name one such as 'Europe/Berlin'"
        message = f"unknown time zone '{name}'; {remedy}"
        raise ValueError(message) from None


def _guards(
    document: Document,
    spec: GameDaySpec,
    topology: Topology,
    experiments: Mapping[str, Experiment],
    problems: list[Problem],
) -> tuple[Guard, ...]:
    """A guard of a game day looks at what every one of its experiments has, or it would guard only some."""
    found: list[Guard] = []
    loads = [{*experiments[each.experiment].weights} for each in spec.experiments if each.experiment in experiments]
    journeys = set.intersection(*loads) if loads else {*topology.system.journeys}
    for index, guard in enumerate(spec.guards):
        try:
            found.append(guard_of(document, ("guards", index), guard, topology, journeys))
        except DeclarationError as error:
            problems += error.problems
    return tuple(found)


def _schedule(spec: ScheduleSpec | None, zone: ZoneInfo) -> Schedule | None:
    if spec is None:
        return None
    late = dt.timedelta(seconds=float(spec.max_late))
    return Schedule(zone=zone, days=spec.days, at_min=spec.at, max_late=late)


def _preflight(spec: PreflightSpec) -> Preflight:
    budget = spec.budget
    return Preflight(
        commands=spec.commands,
        budget=Budget(under_fault=budget.under_fault, over=budget.over) if budget else None,
    )
