from pathlib import Path
from typing import ClassVar, Literal

import pytest

from harness.declare import load_experiments, load_invariants, load_system
from harness.errors import DeclarationError
from harness.model.experiment import Expectation
from harness.model.fault import EdgeTarget, FaultSpec, InstanceTarget
from harness.model.quantity import Duration
from harness.model.topology import Topology

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}}
  back: {owner: core, run: {command: [back]}, instances: [{zone: a}, {zone: b}]}
edges:
  - {from: front, to: back, need: soft}
journeys:
  look: {deadline: 1s, usable_without: [back], weight: 3}
"""

SLOW = """\
experiment: back-slow
hypothesis: A slow back costs nobody anything.
load: {rate: 10, weights: {look: 1}}
injections:
  - {edge: front->back, fault: slow, delay: 1s, for: 12s, only: {provider: 2}}
  - {instance: back-1, fault: kill, for: 5s, after: 2s}
expect: {look: degraded}
"""


class Slow(FaultSpec):
    kind: ClassVar[str] = "slow"
    acts_on: ClassVar[Literal["edge", "instance"]] = "edge"
    delay: Duration


class Kill(FaultSpec):
    kind: ClassVar[str] = "kill"
    acts_on: ClassVar[Literal["edge", "instance"]] = "instance"


FAULTS: dict[str, type[FaultSpec]] = {"slow": Slow, "kill": Kill}


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    file = tmp_path / "system.yaml"
    file.write_text(SYSTEM, encoding="utf-8")
    return load_system(file)


def test_an_experiment_becomes_a_value(tmp_path: Path, topology: Topology) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "slow.yaml").write_text(SLOW, encoding="utf-8")
    (experiment,) = load_experiments(tmp_path / "x", topology, faults=FAULTS)
    first, second = experiment.injections
    assert first.target == EdgeTarget(consumer="front", provider="back", provider_index=2)
    assert first.fault == Slow(delay=Duration(1))
    assert second.target == InstanceTarget(service="back", index=1)
    assert experiment.fault_s == 12
    assert experiment.expectations == {"look": Expectation.DEGRADED}
    assert experiment.source.endswith("slow.yaml:1")


@pytest.mark.parametrize("name", ["store", "store-1"])
def test_a_store_may_be_killed_by_its_own_name_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM + "stores:\n  store: {kind: nats}\n", encoding="utf-8")
    (tmp_path / "slow.yaml").write_text(SLOW.replace("instance: back-1", f"instance: {name}"), encoding="utf-8")
    topology = load_system(tmp_path / "system.yaml")
    (tmp_path / "system.yaml").unlink()
    (experiment,) = load_experiments(tmp_path, topology, faults=FAULTS)
    assert experiment.injections[1].target == InstanceTarget(service="store")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("front->back", "front->bakc", "5:12: the experiment names an unknown edge 'front->bakc'; did you mean"),
        ("fault: slow", "fault: slwo", "5:32: unknown fault 'slwo'; did you mean 'slow'?"),
        ("delay: 1s,", "delay: 1,", "5:45: 'delay': expected a duration"),
        ("delay: 1s, ", "", "5:5: 'delay' is missing"),
        ("delay: 1s,", "delay: 1s, dely: 2s,", "5:49: unknown key 'dely'; did you mean 'delay'?"),
        ("for: 12s", "for: 0s", "a fault must last longer than 0 s"),
        ("provider: 2", "provider: 3", "'back' has 2 instance(s), and no instance 3"),
        ("instance: back-1", "instance: back-3", "6:16: the experiment names an unknown instance 'back-3'"),
        ("instance: back-1", "edge: front->back", "the fault 'kill' acts on an instance"),
        ("{look: 1}", "{lok: 1}", "3:28: unknown journey 'lok'; did you mean 'look'?"),
        ("{look: degraded}", "{look: fine}", "7:16: 'look'"),
        ("rate: 10", "rate: 0", "3:14: 'rate'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, topology: Topology, old: str, new: str, said: str
) -> None:
    assert old in SLOW
    (tmp_path / "slow.yaml").write_text(SLOW.replace(old, new), encoding="utf-8")
    (tmp_path / "system.yaml").unlink()
    with pytest.raises(DeclarationError) as caught:
        load_experiments(tmp_path, topology, faults=FAULTS)
    assert said in str(caught.value)


def test_two_experiments_of_one_name_are_refused(tmp_path: Path, topology: Topology) -> None:
    (tmp_path / "x").mkdir()
    for name in ("one", "two"):
        (tmp_path / "x" / f"{name}.yaml").write_text(SLOW, encoding="utf-8")
    with pytest.raises(DeclarationError, match="is also in"):
        load_experiments(tmp_path / "x", topology, faults=FAULTS)


def test_an_invariant_that_names_an_unknown_service_is_told_with_its_place(tmp_path: Path, topology: Topology) -> None:
    (tmp_path / "invariants.yaml").write_text(
        "reads:\n  rows: {service: bakc, path: /rows, rows: ''}\n"
        "invariants:\n  - {kind: at-most-once, name: once, read: rows, key: id, service: back, caller: frnt}\n",
        encoding="utf-8",
    )
    with pytest.raises(DeclarationError) as caught:
        load_invariants(tmp_path, topology)
    assert "invariants.yaml:2:19: the read 'rows' asks an unknown service 'bakc'; did you mean 'back'?" in str(
        caught.value
    )
    assert "unknown service 'frnt'" in str(caught.value)


def test_without_a_file_there_are_no_invariants(tmp_path: Path, topology: Topology) -> None:
    assert load_invariants(tmp_path, topology).invariants == ()
