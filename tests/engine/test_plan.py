from dataclasses import replace
from pathlib import Path

import pytest

from harness.checkers import samples_needed
from harness.checkers.tally import DELTA, MIN_SAMPLES
from harness.declare import load_system
from harness.engine.plan import RUN_ERROR_RATE, decisive_s, error_rate_each, weights_of, with_proofs
from harness.faults import Down, Kill, NoOp
from harness.model.experiment import Expectation, Experiment, Role
from harness.model.fault import EdgeTarget, Injection, InstanceTarget
from harness.model.quantity import Duration
from harness.model.topology import Topology

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}}
  back: {owner: core, run: {command: [back]}}
edges:
  - {from: front, to: back, need: soft}
journeys:
  look: {deadline: 1s, usable_without: [back]}
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return load_system(tmp_path / "system.yaml")


def experiment(*injections: Injection) -> Experiment:
    return Experiment(name="x", hypothesis="Nobody minds.", injections=injections, weights={"look": 1.0}, rate=20)


EDGE = Injection(id="a", fault=Down(), target=EdgeTarget(consumer="front", provider="back"), lasts=Duration(9))
KILL = Injection(id="b", fault=Kill(), target=InstanceTarget(service="back"), lasts=Duration(9))


@pytest.mark.parametrize("rate", [0.5, 10, 20, 100])
def test_a_control_is_long_enough_for_twice_the_journeys_that_it_needs(topology: Topology, rate: float) -> None:
    _, control, _ = with_proofs(topology, [experiment(EDGE, KILL)], rate=rate)
    (down,) = control.injections
    assert down.lasts * rate >= 2 * MIN_SAMPLES
    assert down.lasts >= 4


def test_a_placebo_on_every_edge_that_is_touched_and_a_control_come_first(topology: Topology) -> None:
    placebo, control, own = with_proofs(topology, [experiment(EDGE, KILL)], rate=20)
    assert [each.role for each in (placebo, control, own)] == [Role.PLACEBO, Role.CONTROL, Role.EXPERIMENT]
    assert [(each.target, type(each.fault)) for each in placebo.injections] == [(EDGE.target, NoOp)]
    assert placebo.expectations == {"look": Expectation.UNCHANGED}
    assert [str(each.target) for each in control.injections] == ["customers → front"]


def test_without_an_edge_the_placebo_stands_where_the_customers_enter(topology: Topology) -> None:
    placebo, *_ = with_proofs(topology, [experiment(KILL)], rate=20)
    assert [str(each.target) for each in placebo.injections] == ["customers → front"]


def test_the_error_rate_of_a_run_is_spent_across_all_its_tests(topology: Topology) -> None:
    one = error_rate_each(topology, with_proofs(topology, [experiment(EDGE)], rate=20))
    two = error_rate_each(topology, with_proofs(topology, [experiment(EDGE), experiment(EDGE)], rate=20))
    assert 0 < two < one < RUN_ERROR_RATE


def test_only_the_journeys_of_the_experiments_are_driven_in_the_baseline_and_the_placebo() -> None:
    assert weights_of([experiment(EDGE), experiment(KILL)]) == {"look": 1.0}


def test_the_placebo_lasts_until_each_journey_has_samples_enough(topology: Topology) -> None:
    placebo, *others = with_proofs(topology, [experiment(EDGE)], rate=20)
    alpha = error_rate_each(topology, (placebo, *others))
    assert placebo.fault_s == decisive_s([experiment(EDGE)], rate=20, alpha=alpha)
    assert placebo.fault_s * 20 > 1.3 * samples_needed(DELTA, alpha)
    more = replace(experiment(EDGE), weights={"look": 1.0, "buy": 9.0})
    assert decisive_s([more], rate=20, alpha=alpha) == pytest.approx(2 * placebo.fault_s, abs=1)
