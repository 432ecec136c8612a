from pathlib import Path

import pytest

from harness.declare import load_experiment, load_system
from harness.errors import DeclarationError
from harness.faults import FAULTS, BlackHole
from harness.model.fault import EdgeTarget, Injection
from harness.model.topology import Topology

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}}
  back:
    owner: core
    run: {command: [back]}
    instances: [{zone: a}, {zone: b}]
    scaling: {signal: requests, above: 10, for: 2s, most: 3}
  lonely: {owner: core, run: {command: [lonely]}, instances: [{zone: b}]}
stores:
  rows: {kind: postgres, databases: [back], zone: b}
  bus-1: {kind: nats, cluster: bus, zone: a}
  bus-2: {kind: nats, cluster: bus, zone: b}
  bus-3: {kind: nats, cluster: bus, zone: a}
edges:
  - {from: front, to: back, need: soft}
  - {from: back, to: rows, need: hard}
  - {from: back, to: bus-1, need: soft}
  - {from: back, to: bus-2, need: soft}
  - {from: back, to: bus-3, need: soft}
  - {from: back, to: front, need: soft}
journeys:
  look: {deadline: 1s, usable_without: [back]}
"""

WRITTEN = """\
experiment: something
hypothesis: Nobody notices anything at all.
injections:
  - {TARGET, for: 5s}
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return load_system(tmp_path / "system.yaml")


def _injections(tmp_path: Path, topology: Topology, target: str) -> tuple[Injection, ...]:
    (tmp_path / "it.yaml").write_text(WRITTEN.replace("TARGET", target), encoding="utf-8")
    return load_experiment(tmp_path / "it.yaml", topology, faults=FAULTS).injections


def _lines(injection: Injection) -> str:
    """`front->back#2` for the second instance of back only."""
    target = injection.target
    if not isinstance(target, EdgeTarget):
        return str(target)
    ends = ((target.consumer, target.consumer_index), (target.provider, target.provider_index))
    return "->".join(name if index is None else f"{name}#{index}" for name, index in ends)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("service: back, fault: kill", ["back-1", "back-2"]),
        ("service: back, fault: kill, share: 0.5", ["back-1"]),
        ("service: back, fault: kill, share: 1", ["back-1", "back-2"]),
        ("service: back, fault: latency, delay: 1s", ["front->back"]),
        ("service: back, fault: latency, delay: 1s, share: 0.5", ["front->back#1"]),
        ("service: front, fault: down", ["customers->front", "back->front"]),
        ("service: rows, fault: down", ["back->rows"]),
        ("service: rows, fault: latency, delay: 200ms", ["back->rows"]),
        ("service: rows, fault: restart", ["rows-1"]),
        ("service: rows, fault: pause", ["rows-1"]),
        ("instance: bus-2, fault: kill", ["bus-2-1"]),
        ("service: bus-2, fault: black-hole", ["back->bus-2"]),
        ("service: bus, fault: kill", ["bus-1-1", "bus-2-1", "bus-3-1"]),
        ("service: bus, fault: kill, share: 0.5", ["bus-1-1"]),
        ("service: bus, fault: down", ["back->bus-1", "back->bus-2", "back->bus-3"]),
        ("zone: b, fault: kill", ["back-2", "lonely-1", "rows-1", "bus-2-1"]),
        ("zone: b, fault: pause", ["back-2", "lonely-1", "rows-1", "bus-2-1"]),
        ("zone: b, fault: stop", ["back-2", "lonely-1", "rows-1", "bus-2-1"]),
        ("zone: b, fault: kill, share: 0.5", ["back-2", "lonely-1"]),
        ("zone: b, fault: down", ["front->back#2", "back->rows", "back->bus-2"]),
        ("partition: {between: [[front], [back]]}", ["front->back", "back->front"]),
        ("partition: {between: [[front], [back]]}, fault: down", ["front->back", "back->front"]),
        ("partition: {between: [[back], [rows, bus]]}", ["back->rows", "back->bus-1", "back->bus-2", "back->bus-3"]),
        ("partition: {between: [[customers, lonely], [front]]}", ["customers->front"]),
        ("partition: {between: [[front], [back-2]]}", ["front->back#2", "back#2->front"]),
        (
            "partition: {between: [['zone:a'], ['zone:b']]}",
            ["front->back#2", "back#1->rows", "back#1->bus-2", "back#2->bus-1", "back#2->bus-3", "back#2->front"],
        ),
    ],
)
def test_a_target_is_expanded_from_the_topology(
    tmp_path: Path, topology: Topology, target: str, expected: list[str]
) -> None:
    assert sorted(map(_lines, _injections(tmp_path, topology, target))) == sorted(expected)


def test_those_that_come_of_one_declaration_are_numbered(tmp_path: Path, topology: Topology) -> None:
    found = _injections(tmp_path, topology, "zone: b, fault: kill, after: 2s")
    assert [each.id for each in found] == ["0-kill-1", "0-kill-2", "0-kill-3", "0-kill-4"]
    assert {(float(each.after), float(each.lasts)) for each in found} == {(2.0, 5.0)}
    (single,) = _injections(tmp_path, topology, "instance: back-1, fault: kill")
    assert single.id == "0-kill"


def test_a_partition_loses_what_is_sent_when_no_fault_is_named(tmp_path: Path, topology: Topology) -> None:
    found = _injections(tmp_path, topology, "partition: {between: [[front], [back]]}")
    assert [each.fault for each in found] == [BlackHole(), BlackHole()]
    assert found[0].id == "0-black-hole-1"


def test_one_way_the_replies_to_one_group_are_lost_and_the_requests_of_the_other(
    tmp_path: Path, topology: Topology
) -> None:
    found = _injections(tmp_path, topology, "partition: {between: [[front], [back]], direction: one-way}")
    there, back = found
    assert (_lines(there), there.fault.kind) == ("front->back", "one-way" if "one-way" in FAULTS else "black-hole")
    assert (_lines(back), back.fault) == ("back->front", BlackHole(direction="request"))
    assert [each.id for each in found] == ["0-one-way-1", "0-one-way-2"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("zone: c, fault: kill", "4:12: the experiment names an unknown zone 'c'; known are a, b"),
        ("service: bakc, fault: kill", "4:15: the experiment names an unknown service 'bakc'; did you mean 'back'?"),
        ("service: back, fault: kill, share: 0.4", "4:41: a share of 0.4 of the 2 instance(s) of 'back' hits nobody"),
        ("service: rows, fault: down, share: 0.5", "one of them is a share of 1"),
        ("zone: b, fault: down, share: 0.1", "a share of 0.1 of the 4 instance(s) of 'b' hits nobody"),
        ("service: back, fault: kill, share: 0", "4:41: 'share'"),
        ("service: back, fault: kill, share: 1.5", "4:41: 'share'"),
        ("service: lonely, fault: down", "4:15: no edge leads to 'lonely'; name a fault to instances"),
        ("service: back, fault: down, only: {provider: 1}", "4:34: 'only' does not go with 'service'"),
        ("edge: front->back, fault: down, share: 0.5", "4:38: 'share' does not go with 'edge'"),
        ("service: back, zone: b, fault: kill", "acts on an instance, found 'service' and 'zone'"),
        ("fault: kill", "4:5: the fault 'kill' acts on an instance, found no place"),
        ("service: back", "4:5: 'fault' is missing"),
        ("partition: {between: [[front], [lonely]]}", "4:27: no edge joins front with lonely, so nothing would be cut"),
        ("partition: {between: [[front, back], [back]]}", "4:27: back-1, back-2, back-3 would be on both sides"),
        ("partition: {between: [[front], ['zone:a']]}", "front-1 would be on both sides"),
        ("partition: {between: [[front], [bakc]]}", "4:38: the partition names an unknown member 'bakc'; did you mean"),
        ("partition: {between: [[front], []]}", "4:27: a partition is between two groups, found groups of 1 and 0"),
        ("partition: {between: [[front]]}", "found groups of 1; write"),
        ("partition: {between: [[front], [back], [rows]]}", "found groups of 1 and 1 and 1"),
        ("partition: {between: [[front], [back]], direction: up}", "'direction'"),
        ("partition: {between: [[front], [back]]}, fault: kill", "a partition takes a fault on edges, found 'kill'"),
        ("partition: {between: [[front], [back]]}, fault: dwn", "found 'dwn'; did you mean 'down'?"),
        ("partition: {between: [[front], [back]]}, delay: 1s", "unknown key 'delay'"),
        ("partition: {between: [[front], [back]]}, zone: b, fault: down", "found 'zone' and 'partition'"),
        (
            "partition: {between: [[front], [back]], direction: one-way}, fault: down",
            "a partition that is one-way says by itself what is lost, and takes no 'fault'; leave it out",
        ),
        ("partition: {between: [[front], [back]]}, share: 0.5", "'share' does not go with 'partition'"),
    ],
)
def test_what_hits_nobody_or_makes_no_sense_is_told_with_its_place(
    tmp_path: Path, topology: Topology, target: str, said: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        _injections(tmp_path, topology, target)
    assert said in str(caught.value)
