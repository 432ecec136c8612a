"""The experiment that a roll is, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine.prepare import Options
from harness.engine.roll import RollAsked, alone, plan_roll
from harness.errors import DeclarationError
from harness.faults.deployment_roll import Roll
from harness.model.experiment import Expectation, owed
from harness.model.fault import InstanceTarget
from harness.model.quantity import Duration

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}}
  back:
    owner: core
    run: {command: [back]}
    instances: [{zone: a}, {zone: b}]
    versions: {'2.0': {env: {VERSION: '2.0'}}}
  lone: {owner: core, run: {command: [lone]}}
stores:
  rows: {kind: redis}
edges:
  - {from: front, to: back, need: hard}
  - {from: front, to: lone, need: soft}
  - {from: back, to: rows, need: hard}
journeys:
  look: {deadline: 1s, needs: [back], usable_without: [lone]}
  rest: {deadline: 1s}
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    (tmp_path / "loadtests").mkdir()
    steps = "journeys:\n  look: {steps: [{request: GET /}]}\n  rest: {steps: [{request: GET /rest}]}\n"
    (tmp_path / "loadtests" / "journeys.yaml").write_text(steps, encoding="utf-8")
    return Options(system=tmp_path / "system.yaml")


def test_a_roll_is_an_experiment_on_the_journeys_that_have_to_do_with_the_service(options: Options) -> None:
    plan = plan_roll(options, RollAsked(service="back", to="2.0", back=True, lasts_s=60.0))
    assert [each.name for each in plan.experiments] == ["placebo", "positive-control", "roll-back"]
    roll = plan.experiments[-1]
    (injection,) = roll.injections
    assert injection.fault == Roll(to="2.0", back=True, over=Duration(60))
    assert injection.target == InstanceTarget(service="back")
    assert injection.describe() == "back-1 under roll to 2.0 and back"
    assert list(roll.weights) == ["look"]
    assert owed(plan.topology, roll, "look") is Expectation.AVAILABLE
    assert (*plan.command, roll.declared) == ("chaos", "roll", "--to", "2.0", "--back", "--for", "1min", "back")


def test_each_instance_gets_time_and_the_journeys_enough_to_be_judged(options: Options) -> None:
    short = plan_roll(options, RollAsked(service="back", lasts_s=1.0)).experiments[-1]
    assert short.fault_s == 16.0
    judged = plan_roll(options, RollAsked(service="front")).experiments[-1]
    assert judged.fault_s > 8.0
    assert judged.injections[0].fault.describe() == "rolling restart"


def test_of_a_service_with_one_instance_it_is_told_what_customers_will_see(options: Options) -> None:
    topology = plan_roll(options, RollAsked(service="lone")).topology
    away = "has one instance, so nobody serves while it is away"
    assert alone(topology, "back") == ""
    assert alone(topology, "lone") == f"lone {away}: look must go on without it"
    assert alone(topology, "front") == f"front {away}: look, rest may fail (cleanly)"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (RollAsked(service="bakc"), "system.yaml: no service 'bakc'; did you mean 'back'?"),
        (RollAsked(service="rows"), "'rows' is a store, which has no versions; use the fault 'restart' on it"),
        (RollAsked(service="back", to="2.1"), "system.yaml:5:3: 'back' has no version '2.1'; did you mean '2.0'?; or"),
        (RollAsked(service="lone", to="2.0"), "'lone' has no version '2.0'; none are declared; or declare it"),
    ],
    ids=lambda each: each.service if isinstance(each, RollAsked) else "",
)
def test_what_can_not_be_rolled_is_told(options: Options, asked: RollAsked, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        plan_roll(options, asked)
    assert said in str(caught.value)


def test_another_version_is_refused_where_nobody_can_be_told_of_it(options: Options) -> None:
    text = SYSTEM.replace("entry: front\n", "entry: front\nruntime: compose\n")
    options.system.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match="can't be started as another version; only what"):
        plan_roll(options, RollAsked(service="back", to="2.0"))
