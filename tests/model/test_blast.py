from pathlib import Path

import pytest

from harness.declare import load_system
from harness.model.blast import BlastRadius, touched
from harness.model.fault import EdgeTarget, Injection, InstanceTarget, Target
from harness.model.quantity import Duration, Share
from harness.model.topology import Topology
from tests.declare.test_experiment_complete import SYSTEM, Kill, Slow


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return load_system(tmp_path / "system.yaml")


def on(target: Target) -> Injection:
    fault = Slow(delay=Duration(1)) if isinstance(target, EdgeTarget) else Kill()
    return Injection(id="x", fault=fault, target=target, lasts=Duration(5))


def test_a_fault_on_a_line_touches_those_whose_calls_it_meets(topology: Topology) -> None:
    found = touched(topology, [on(EdgeTarget(consumer="front", provider="back", consumer_index=2))])
    assert (found.instances, found.of_instances) == (("front-2",), 4)
    assert found.lines == ("front-2->back-1", "front-2->back-2")
    assert (found.zones, found.of_zones) == (("b",), 2)


def test_a_lost_instance_is_touched_with_all_lines_that_lead_to_it(topology: Topology) -> None:
    found = touched(topology, [on(InstanceTarget(service="back"))])
    assert found.instances == ("back-1",)
    assert found.lines == ("front-1->back-1", "front-2->back-1")


def test_at_the_customers_edge_the_entry_is_touched(topology: Topology) -> None:
    assert touched(topology, [on(EdgeTarget(consumer="customers", provider="front"))]).instances == (
        "front-1",
        "front-2",
    )


def test_what_is_exactly_allowed_is_not_too_much(topology: Topology) -> None:
    found = touched(topology, [on(InstanceTarget(service="back"))])
    assert found.beyond(BlastRadius(instances=Share(0.25), zones=Share(0.5))) == ()
    assert found.beyond(BlastRadius(instances=Share(0.24))) == (
        "it would touch 1 of 4 instances (back-1), and at most 24% may be",
    )
