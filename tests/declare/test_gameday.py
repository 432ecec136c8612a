"""Game days: what is written, and every way in which it is refused, at its place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.declare.gameday import gameday_schema, parse_gameday
from harness.declare.schema import text_of
from harness.declare.system import load_system
from harness.errors import DeclarationError
from harness.model.experiment import Experiment
from harness.model.gameday import Done, GameDay, remaining
from harness.model.topology import Topology
from tests.test_docs import ROOT

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
GAMEDAY = """\
gameday: evening
title: An evening in the shop
zone: Europe/Berlin
schedule: {days: [tue], at: "10:00", max_late: 30min}
windows:
  - {days: [mon, tue], from: "09:00", to: "16:00"}
blackouts:
  - {first: 2026-12-18, last: 2027-01-06, why: Christmas}
holidays: [2026-12-25]
experiments:
  - one
  - {experiment: two, ask: "What will you see?", pause: 5min}
  - three
draw: 2
pause: 1min
guards:
  - {journey: look, bad: 10%}
roles: {lead: Ada}
preflight: {commands: [["true"]], budget: {under_fault: 30min, over: 168h}}
notify:
  to: [{name: chat, apprise: {file: chat.urls}, roles: [lead]}]
"""
SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}, ready: /}
  back: {owner: core, run: {command: [back]}, ready: /}
edges:
  - {from: front, to: back, need: hard}
journeys:
  look: {deadline: 1s, needs: [back]}
  buy: {deadline: 1s, needs: [back]}
notify:
  link: https://reports.example.org/{run}/
  to:
    - {name: operations, apprise: {env: OPERATIONS}}
    - {name: chat, apprise: {env: CHAT}}
"""
TUESDAY = '{days: [tue], from: "09:00", to: "16:00"}'
SUNDAY = '{days: [sun], from: "09:00", to: "16:00"}'
COMMITTED = ROOT / "harness" / "declare" / "schemas" / "gameday.schema.json"
SHOP = sorted((ROOT / "chaos" / "gamedays").glob("*.yaml"))


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    file = tmp_path_factory.mktemp("tiny") / "system.yaml"
    file.write_text(SYSTEM, encoding="utf-8")
    return load_system(file)


def experiments() -> dict[str, Experiment]:
    loads = {"one": {"look": 1.0, "buy": 1.0}, "two": {"look": 1.0}, "three": {"look": 1.0}}
    return {
        name: Experiment(name=name, hypothesis="", injections=(), weights=weights, rate=1)
        for name, weights in loads.items()
    }


def read(text: str, topology: Topology) -> GameDay:
    return parse_gameday(text, topology, experiments(), now=NOW, file="evening.yaml")


def test_all_that_may_be_said_is_read(topology: Topology) -> None:
    found = read(GAMEDAY, topology)
    assert [part.experiment for part in found.parts] == ["one", "two", "three"]
    assert [float(part.pause) for part in found.parts] == [60, 300, 60]
    assert found.parts[1].ask == "What will you see?"
    assert found.schedule is not None
    assert str(found.schedule) == "tue 10:00 Europe/Berlin"
    assert found.preflight.budget is not None
    assert str(found.guards[0]) == "look bad above 10% within 5 s"
    assert found.notify is not None
    assert found.notify.link == "https://reports.example.org/{run}/"
    assert [(each.name, str(each.apprise)) for each in found.notify.to] == [
        ("operations", "the variable OPERATIONS"),
        ("chat", "the file chat.urls"),
    ]


def test_without_people_of_its_own_those_of_the_system_are_told(topology: Topology) -> None:
    text, _, _ = GAMEDAY.partition("notify:")
    assert read(text, topology).notify == topology.system.notify


def test_a_seed_draws_the_same_ones_again_and_without_a_draw_all_are_run_as_declared(topology: Topology) -> None:
    drawn = read(GAMEDAY, topology)
    assert drawn.order(7) == drawn.order(7)
    assert len({drawn.order(seed) for seed in range(50)}) == 6
    assert read(GAMEDAY.replace("draw: 2\n", ""), topology).order(7) == drawn.parts


def test_what_was_cut_short_is_left_out_unless_it_is_to_be_run_again(topology: Topology) -> None:
    parts = read(GAMEDAY, topology).parts
    done = Done(ended=("one",), cut=("two",))
    assert [each.experiment for each in remaining(parts, done, again=False)] == ["three"]
    assert [each.experiment for each in remaining(parts, done, again=True)] == ["two", "three"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("- three", "- thre", "evening.yaml:13:5: there is no experiment 'thre'; did you mean 'three'?"),
        ("experiment: two", "experiment: tow", "evening.yaml:12:18: there is no experiment 'tow'"),
        ("- three", "- one", "evening.yaml:13:5: the experiment 'one' is already part of this game day"),
        ("draw: 2", "draw: 4", "evening.yaml:14:7: 4 can't be drawn from 3 experiments"),
        ("Europe/Berlin", "Europe/Berln", "evening.yaml:3:7: unknown time zone 'Europe/Berln'; did you mean"),
        ('from: "09:00"', "from: 10:00", "evening.yaml:6:30: 'from': expected a time of day in quotes, \"00:00\" to"),
        ('to: "16:00"', 'to: "24:01"', "evening.yaml:6:43: 'to': expected a time of day in quotes"),
        ('to: "16:00"', 'to: "09:00"', "evening.yaml:6:5: it ends before it begins"),
        ('at: "10:00"', 'at: "18:00"', "evening.yaml:4:11: the schedule tue 18:00 Europe/Berlin is never within the"),
        ("days: [tue], at", "days: [wed], at", "evening.yaml:4:11: the schedule wed 10:00 Europe/Berlin is never"),
        (
            "first: 2026-12-18, last: 2027-01-06",
            "first: 2026-11-01, last: 2029-01-06",
            "evening.yaml:6:3: blackouts and holidays leave nothing of the",
        ),
        ("last: 2027-01-06", "last: 2026-12-06", "evening.yaml:8:5: 'last' must be 'first' or a later day"),
        ("2026-12-25", "2026-02-30", "evening.yaml:9:12: '2026-02-30' can't be read: day"),
        ("first: 2026-12-18, last: 2027-01-06, ", "", "evening.yaml:8:5: a blackout is either"),
        ("journey: look", "journey: buy", "evening.yaml:17:15: the guard looks at the journey 'buy', which the load"),
        ("max_late: 30min", "max_late: 30", "evening.yaml:4:48: 'max_late': expected a duration"),
        ("pause: 1min", "paws: 1min", "evening.yaml:15:1: unknown key 'paws'; did you mean 'pause'?"),
        (
            '  - {days: [mon, tue], from: "09:00", to: "16:00"}\nblackouts:\n',
            f"  - {TUESDAY}\n  - {SUNDAY}\nblackouts:\n  - {{weekly: {SUNDAY}, why: families}}\n",
            "evening.yaml:7:5: blackouts and holidays leave nothing of this window for a year; move it",
        ),
        ("roles: [lead]", "roles: [laed]", "evening.yaml:21:57: no role 'laed'; did you mean 'lead'?"),
        (
            "to: [{name: chat, apprise: {file: chat.urls}, roles: [lead]}]",
            "to: [" + ", ".join(f"{{name: c{number}, apprise: {{env: C}}}}" for number in range(7)) + "]",
            "evening.yaml:21:7: with those of the system there are 9 channels, and 8 are the most; name fewer",
        ),
        ("file: chat.urls", "url: chat.urls", "evening.yaml:21:31: unknown key 'url'"),
        ("days: [tue], at", "days: [tues], at", "evening.yaml:4:19: Input should be 'mon'"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(topology: Topology, old: str, new: str, said: str) -> None:
    assert GAMEDAY.count(old) == 1
    with pytest.raises(DeclarationError) as refused:
        read(GAMEDAY.replace(old, new), topology)
    assert said in str(refused.value)


def test_every_problem_is_told(topology: Topology) -> None:
    with pytest.raises(DeclarationError) as refused:
        read(GAMEDAY.replace("- three", "- thre").replace("draw: 2", "draw: 9"), topology)
    assert len(refused.value.problems) == 2


def test_the_schema_that_is_committed_is_what_the_code_makes_and_takes_what_the_reader_takes() -> None:
    schema = gameday_schema()
    Draft202012Validator.check_schema(schema)
    committed = COMMITTED.read_text(encoding="utf-8")
    assert committed == text_of(schema), f"harness gameday schema --write {COMMITTED.relative_to(ROOT)}"
    validator = Draft202012Validator(schema)
    assert SHOP
    for text in (GAMEDAY, *(file.read_text(encoding="utf-8") for file in SHOP)):
        plain = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 -- it makes nothing but text; dates are text here
        plain = {**plain, **({"draw": int(plain["draw"])} if "draw" in plain else {})}
        assert [error.message for error in validator.iter_errors(plain)] == []


@pytest.mark.parametrize(("old", "new"), [('at: "10:00"', 'at: "25:00"'), ("- three", "- {experimnt: three}")])
def test_the_schema_refuses_what_the_reader_refuses(old: str, new: str) -> None:
    plain = yaml.load(GAMEDAY.replace(old, new), Loader=yaml.BaseLoader)  # noqa: S506 -- as above
    plain["draw"] = 2
    assert [*Draft202012Validator(gameday_schema()).iter_errors(plain)]


@pytest.mark.parametrize("file", SHOP, ids=lambda file: file.stem)
def test_the_game_days_of_the_shop_are_sound(file: Path) -> None:
    from harness.engine.gameday_plan import declared

    found = declared(ROOT / "targets" / "shop" / "system.yaml", str(file), now=NOW)
    assert found.gameday.order(1)
