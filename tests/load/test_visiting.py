"""Journeys of steps under load, visits by a locustfile, and the marks on all of it, in a generator that runs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.errors import LoadError
from harness.load.driver import LoadDriver, LoadPlan
from harness.model.declared import DegradedMark, OperationMark
from harness.model.load_events import Observed
from harness.model.marks import run_marks
from harness.model.observation import AnswerClass, Outcome
from harness.model.steps import StepJourney
from harness.model.visits import Trouble
from tests.load.conftest import OwnSpawner, Site

pytestmark = pytest.mark.loopback

CLOCK = SystemClock()
LOCUSTFILE = Path(__file__).parent / "locustfiles" / "journeys.py"
MARK = DegradedMark(operations={"GET /{page}": OperationMark(header="X-Degraded")})


def plan(site: Site, *journeys: str, deadline_s: float = 1.0, **steps: list[object]) -> LoadPlan:
    made = {
        name.replace("_", "-"): StepJourney.model_validate_json(json.dumps({"steps": each}))
        for name, each in steps.items()
    }
    names = journeys or tuple(made)
    return LoadPlan(
        locustfile=None if made else LOCUSTFILE,
        steps=made,
        hosts=(site.url,),
        journeys=names,
        deadlines=dict.fromkeys(names, deadline_s),
        degraded=MARK,
        seed=1,
        headers=run_marks("run-7"),
    )


async def start(
    wanted: LoadPlan, spawner: OwnSpawner, directory: Path, observed: list[Observed] | None = None
) -> LoadDriver:
    seen = observed if observed is not None else []
    return await LoadDriver.start(
        wanted, spawner=spawner, directory=directory, clock=CLOCK, run_began=CLOCK.now(), on_observed=seen.append
    )


STEPS: dict[str, list[object]] = {
    "good": [{"request": "GET /good", "check": {"json": {"/a": 1}}}],
    "degraded": [{"request": "GET /degraded"}],
    "unavailable": [{"request": "GET /unavailable"}, {"request": "GET /never"}],
    "wrong": [{"request": "GET /good", "check": {"json": {"/a": 2}}}],
    "hang": [{"request": "GET /hang"}],
    "lost": [{"request": "POST /hang", "json": {}, "key": "{uuid}"}],
    "short": [{"request": "GET /short"}],
    "wrong_command": [{"request": "POST /good", "json": {}, "check": {"json": {"/a": 2}}}],
    "buy": [
        {"request": "POST /sessions", "json": {}, "capture": {"token": "/access_token"}},
        {
            "request": "POST /orders",
            "headers": {"Idempotency-Key": "{uuid}", "Authorization": "Bearer {token}"},
            "json": {},
            "capture": {"order": "/order_id"},
        },
        {"request": "GET /orders/{order}", "name": "read order", "check": {"json": {"/status": "confirmed"}}},
    ],
}


async def test_steps_are_loaded_and_each_outcome_is_told(site: Site, spawner: OwnSpawner, tmp_path: Path) -> None:
    observed: list[Observed] = []
    driver = await start(plan(site, deadline_s=1.0, **STEPS), spawner, tmp_path, observed)
    names = tuple(name.replace("_", "-") for name in STEPS)
    await driver.drive(rate=60, weights=dict.fromkeys(names, 1.0))
    await site.until(requests=80)
    assert await driver.quiesce(10) == 0
    await driver.flush()
    await driver.stop()
    outcomes: dict[str, set[Outcome]] = {}
    for each in (each for one in observed for each in one.journeys):
        outcomes.setdefault(each.journey, set()).add(each.outcome)
    assert outcomes == {
        "good": {Outcome.OK},
        "degraded": {Outcome.DEGRADED},
        "unavailable": {Outcome.FAILED},
        "wrong": {Outcome.FAILED},
        "hang": {Outcome.FAILED},
        "lost": {Outcome.UNKNOWN},
        "short": {Outcome.FAILED},
        "wrong-command": {Outcome.UNKNOWN},
        "buy": {Outcome.OK},
    }
    operations = driver.operations()
    bought = [each for each in operations if each.name == "POST /orders"]
    assert {each.outcome for each in bought} == {Outcome.OK}
    assert len({each.key for each in bought}) == len(bought) > 0
    assert {each.name for each in operations if each.journey == "buy"} == {
        "POST /sessions",
        "POST /orders",
        "read order",
    }
    assert "GET /never" not in site.requests
    assert all(head["harness-run"] == "run-7" for head in site.heads)
    assert all(head["baggage"] == "harness.run=run-7" for head in site.heads)


async def test_visits_by_a_locustfile_take_turns_at_the_addresses(
    site: Site, spawner: OwnSpawner, tmp_path: Path
) -> None:
    other = Site()
    await other.open()
    try:
        wanted = replace(plan(site, "good", "requested"), hosts=(site.url, other.url))
        driver = await start(wanted, spawner, tmp_path)
        seen = []
        for number in range(6):
            await driver.visit("good", number)
            seen.append((site.requests.total(), other.requests.total()))
        await driver.stop()
    finally:
        await other.close()
    assert seen == [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)]


async def test_a_locustfile_s_journeys_can_be_visited_one_at_a_time(
    site: Site, spawner: OwnSpawner, tmp_path: Path
) -> None:
    observed: list[Observed] = []
    names = ("good", "degraded-page", "unavailable", "cut", "short", "hang", "raises", "command", "wrong", "requested")
    driver = await start(plan(site, *names, deadline_s=0.3), spawner, tmp_path, observed)
    visits = {name: await driver.visit(name, 1) for name in names}
    await driver.stop()
    assert {name: [(each.status, each.trouble) for each in visit.exchanges] for name, visit in visits.items()} == {
        "good": [(200, None)],
        "degraded-page": [(200, None)],
        "unavailable": [(503, None)],
        "cut": [(None, Trouble.RESET)],
        "short": [(200, Trouble.TRUNCATED)],
        "hang": [(None, Trouble.TIMEOUT)],
        "raises": [(200, None)],
        "command": [(200, None)],
        "wrong": [(200, None)],
        "requested": [(200, None)],
    }
    failed = {name for name, visit in visits.items() if visit.failed is not None}
    assert failed == {"unavailable", "cut", "short", "hang", "raises", "wrong"}
    assert visits["raises"].failed == "KeyError: 'price'"
    assert "wrong data" in str(visits["wrong"].failed)
    (exchange,) = visits["good"].exchanges
    assert (exchange.method, exchange.path, exchange.body) == ("GET", "/good", b'{"a":1}')
    assert (exchange.answer, exchange.degraded) == (AnswerClass.FULL, False)
    assert visits["degraded-page"].exchanges[0].degraded
    assert visits["command"].exchanges[0].request_body == b"{}"
    assert not observed, "visits are no load"
    assert all(head["harness-run"] == "run-7" for head in site.heads)
    assert Counter(site.requests)["GET /cut"] == 1


async def test_who_pays_a_visit_was_never_here_and_who_comes_with_the_load_may_have_been(
    site: Site, spawner: OwnSpawner, tmp_path: Path
) -> None:
    driver = await start(plan(site, "remembered"), spawner, tmp_path)
    await driver.visit("remembered", 1)
    assert site.requests == {"GET /good": 1}
    await driver.drive(rate=60, weights={"remembered": 1.0})
    await site.until(requests=4)
    assert await driver.quiesce(10) == 0
    await driver.stop()
    assert site.requests["GET /good"] == 1
    assert site.requests["GET /degraded"] >= 3


async def test_nothing_listens_to_a_visit(spawner: OwnSpawner, tmp_path: Path, site: Site) -> None:
    driver = await start(plan(site, "good"), spawner, tmp_path)
    await site.close()
    visit = await driver.visit("good", 1)
    await driver.stop()
    assert [each.trouble for each in visit.exchanges] == [Trouble.REFUSED]


async def test_a_visit_of_a_journey_that_nobody_knows_is_refused(
    site: Site, spawner: OwnSpawner, tmp_path: Path
) -> None:
    driver = await start(plan(site, "good"), spawner, tmp_path)
    with pytest.raises(LoadError, match="expected one of the journeys good, found 'bad'"):
        await driver.visit("bad", 1)
    await driver.stop()
