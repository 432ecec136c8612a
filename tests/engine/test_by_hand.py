"""Faults that are put on by hand: read as they are typed, ended by themselves, taken back once."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.declare import load_system
from harness.engine import by_hand
from harness.engine.by_hand import LONGEST_S, Asked, ByHand, read_injection
from harness.errors import DeclarationError, HarnessError
from harness.faults import FAULTS, ExchangeMatch, status
from harness.faults.edge_black_hole import BlackHole
from harness.faults.edge_latency import Latency
from harness.faults.edge_truncate import Truncate
from harness.model.events import Event, InjectionArmed, InjectionHealed
from harness.model.fault import Armed, EdgeTarget, Healed, HealedBy, Injection, InstanceTarget
from harness.model.topology import Topology

SYSTEM = """\
system: shop
entry: front
services:
  front: {owner: web, run: {command: [x]}, instances: [{}, {}]}
  back-2: {owner: web, run: {command: [x]}}
stores: {db: {kind: redis}}
edges: [{from: front, to: back-2, need: hard}, {from: back-2, to: db, need: soft}]
"""


def topology(root: Path, text: str = SYSTEM) -> Topology:
    (root / "system.yaml").write_text(text, encoding="utf-8")
    return load_system(root / "system.yaml")


def asked(target: str = "front->back-2", fault: str = "down", *, lasts_s: float = 60.0, **attributes: str) -> Asked:
    return Asked(target=target, fault=fault, attributes=attributes, lasts_s=lasts_s)


def read(root: Path, what: Asked) -> Injection:
    return read_injection(topology(root), what, faults=FAULTS, name="it")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("front->back-2", EdgeTarget(consumer="front", provider="back-2")),
        (" front → back-2 ", EdgeTarget(consumer="front", provider="back-2")),
        ("front-2->back-2", EdgeTarget(consumer="front", provider="back-2", consumer_index=2)),
        ("front->back-2-1", EdgeTarget(consumer="front", provider="back-2", provider_index=1)),
        ("customers->front-1", EdgeTarget(consumer="customers", provider="front", provider_index=1)),
    ],
)
def test_an_edge_is_typed_with_or_without_its_instances(tmp_path: Path, target: str, expected: EdgeTarget) -> None:
    assert read(tmp_path, asked(target)).target == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("front-2", InstanceTarget(service="front", index=2)),
        ("back-2", InstanceTarget(service="back-2")),
        ("back-2-1", InstanceTarget(service="back-2")),
        ("db", InstanceTarget(service="db")),
    ],
)
def test_an_instance_is_typed_by_its_name_or_that_of_its_service_when_it_is_alone(
    tmp_path: Path, target: str, expected: InstanceTarget
) -> None:
    assert read(tmp_path, asked(target, "kill")).target == expected


def test_attributes_are_those_of_experiments_and_the_first_needs_no_name(tmp_path: Path) -> None:
    of_latency = {"": "2s", "jitter": "100ms"}
    fault = read(tmp_path, Asked(target="front->back-2", fault="latency", attributes=of_latency, lasts_s=1)).fault
    assert fault == Latency.model_validate({"delay": "2s", "jitter": "100ms"})
    assert read(tmp_path, asked(fault="latency", delay="2s", direction="request")).fault.describe() == (
        "latency 2 s on requests"
    )
    black_hole = Asked(target="front->back-2", fault="black-hole", attributes={"": "reply"}, lasts_s=1)
    assert read(tmp_path, black_hole).fault == BlackHole(direction="reply")
    truncated = Asked(target="front->back-2", fault="truncate", attributes={"after-bytes": "12"}, lasts_s=1)
    assert read(tmp_path, truncated).fault == Truncate(after_bytes=12)


def test_of_a_fault_in_exchanges_it_is_typed_which_ones_it_means(tmp_path: Path) -> None:
    attributes = {"": "502", "method": "POST", "path": "/charges/*", "share": "0.5"}
    fault = read(tmp_path, Asked(target="front->back-2", fault="status", attributes=attributes, lasts_s=1)).fault
    assert fault == status(502, match=ExchangeMatch(method="POST", path="/charges/*", share=0.5))
    assert fault.describe() == "status 502 on 50 % of POST /charges/*"


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        (asked("back-2->db", "stale"), "on exchanges of plain HTTP/1.1, and 'back-2 → db' speaks redis; take a fault"),
        (asked(fault="html-200", share="0"), "the fault 'html-200': match: Input should be greater than 0"),
        (
            asked(fault="html-200", way="x"),
            "the fault 'html-200' takes page, asked, method, path, share, seed; found 'way'",
        ),
        (asked(fault="downn"), "expected a fault of latency, down"),
        (asked("front->bakc"), "expected an edge of shop, found 'front->bakc'; did you mean 'front->back-2'?"),
        (asked("front-3->back-2"), "expected an edge of shop"),
        (asked("front", "kill"), "expected an instance of shop, found 'front'; did you mean"),
        (asked("front-1"), "the fault 'down' acts on an edge such as 'consumer->provider', found 'front-1'"),
        (asked(fault="kill"), "the fault 'kill' acts on an instance such as 'service-1'"),
        (asked(fault="latency"), "the fault 'latency': delay: Field required"),
        (asked(fault="latency", delay="2"), "delay: expected a duration such as '250ms', '1.5s' or '2m', found 2"),
        (asked(fault="latency", delay="1s", jitter="2s"), "expected a jitter of at most the delay"),
        (
            asked(fault="latency", dely="2s"),
            "the fault 'latency' takes delay, jitter, direction, distribution, share, seed; found 'dely'",
        ),
        (asked(fault="truncate", after_bytes="-1"), "after_bytes: Input should be greater than or equal to 0"),
        (asked(fault="truncate", after_bytes="{a: 1}"), "after_bytes: Input should be a valid integer"),
        (asked(fault="black-hole", direction="x" * 201), "at most 200 characters, found 201"),
        (asked(lasts_s=0), "longer than 0 s"),
        (asked(lasts_s=LONGEST_S + 1), "at most 3600 s, found 3601"),
        (asked(lasts_s=float("nan")), "found nan"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(tmp_path: Path, what: Asked, complaint: str) -> None:
    with pytest.raises(HarnessError) as refused:
        read(tmp_path, what)
    assert complaint in str(refused.value)


def test_an_attribute_that_is_told_twice_is_refused(tmp_path: Path) -> None:
    what = Asked(target="front->back-2", fault="latency", attributes={"": "1s", "delay": "2s"}, lasts_s=1)
    with pytest.raises(HarnessError, match="is told its 'delay' twice"):
        read(tmp_path, what)


class WaitingClock:
    """Its sleepers wake up when a test says so."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    def now(self) -> float:
        return 0.0

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, 16, 57, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        del seconds
        await self.over.wait()


@dataclass
class Injector:
    bites: bool = True
    heals: bool = True
    done: list[str] = field(default_factory=list)

    async def inject(self, injection: Injection) -> Armed:
        self.done.append(f"inject {injection.target}")
        return Armed(in_force=self.bites, evidence="seen", took_s=0.1)

    async def heal(self, injection_id: str, /) -> Healed:
        self.done.append(f"heal {injection_id}")
        return Healed(verified=self.heals, by=HealedBy.REMOVED, evidence="seen", took_s=0.1)


@dataclass
class Rig:
    hand: ByHand
    injector: Injector
    clock: WaitingClock
    events: list[Event]


def rig(root: Path, injector: Injector | None = None, text: str = SYSTEM) -> Rig:
    injector, clock, events = injector or Injector(), WaitingClock(), list[Event]()
    hand = ByHand(topology(root, text), injector, faults=FAULTS, clock=clock, now=lambda: 1.0, tell=events.append)
    return Rig(hand, injector, clock, events)


async def test_a_fault_ends_by_itself_and_who_waits_for_that_is_told(tmp_path: Path) -> None:
    it = rig(tmp_path)
    held, armed, healed = await it.hand.inject(asked())
    assert (armed.in_force, healed) == (True, None)
    assert [str(each) for each in it.hand.in_force] == ["front → back-2 under down, until 16:58:00 UTC"]
    waiting = asyncio.create_task(it.hand.until_healed(held.injection.id))
    await asyncio.sleep(0)
    it.clock.over.set()
    ended = await waiting
    assert ended is not None
    assert ended.verified
    assert it.hand.in_force == ()
    assert it.injector.done == ["inject front → back-2", "heal by-hand-1"]
    assert [type(event) for event in it.events] == [InjectionArmed, InjectionHealed]


async def test_everything_is_healed_instances_first_and_only_once(tmp_path: Path) -> None:
    it = rig(tmp_path)
    await it.hand.inject(asked())
    await it.hand.inject(asked("front-1", "pause"))
    assert [held.injection.id for held, _healed in await it.hand.heal_all()] == ["by-hand-2", "by-hand-1"]
    it.clock.over.set()
    assert await it.hand.heal_all() == []
    await it.hand.close()
    assert len(it.injector.done) == 4


async def test_one_that_does_not_bite_is_taken_back_at_once(tmp_path: Path) -> None:
    it = rig(tmp_path, Injector(bites=False))
    _held, armed, healed = await it.hand.inject(asked())
    assert not armed.in_force
    assert healed is not None
    assert it.hand.in_force == ()


async def test_one_that_does_not_heal_stays_listed_and_is_tried_again(tmp_path: Path) -> None:
    it = rig(tmp_path, Injector(heals=False))
    held, _armed, _healed = await it.hand.inject(asked())
    assert not (await it.hand.heal(held.injection.id)).verified
    assert [each.injection.id for each in it.hand.in_force] == ["by-hand-1"]
    it.injector.heals = True
    assert (await it.hand.heal(held.injection.id)).verified
    assert not list(it.hand.in_force)
    await it.hand.close()


async def test_there_is_a_limit_to_what_is_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "MOST_IN_FORCE", 1)
    it = rig(tmp_path)
    await it.hand.inject(asked())
    with pytest.raises(HarnessError, match="1 faults are in force, and no more are let in"):
        await it.hand.inject(asked("front-1", "kill"))
    await it.hand.heal_all()


async def test_what_the_description_does_not_allow_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    it = rig(tmp_path, text=SYSTEM + "environment: staging\nallow: [faults]\n")
    await it.hand.inject(asked())
    with pytest.raises(DeclarationError, match="nothing allows the harness to kill or freeze its instances"):
        await it.hand.inject(asked("front-1", "kill"))
    assert it.injector.done == ["inject front → back-2"]
    await it.hand.heal_all()


ZONES = """\
system: shop
entry: front
services:
  front: {owner: web, run: {command: [x]}, instances: [{zone: a}, {zone: b}]}
  back: {owner: web, run: {command: [x]}, instances: [{zone: b}]}
edges: [{from: front, to: back, need: hard}]
"""


async def test_a_zone_means_everything_in_it(tmp_path: Path) -> None:
    it = rig(tmp_path, text=ZONES)
    put = await it.hand.inject_all(asked("zone:b", "pause"))
    assert sorted(str(held.injection.target) for held, _, _ in put) == ["back-1", "front-2"]
    assert {"by-hand-1", "by-hand-2"} == {each.injection.id for each in it.hand.in_force}
    put = await it.hand.inject_all(asked("zone:b", "down"))
    only_one = EdgeTarget(consumer="customers", provider="front", provider_index=2)
    assert {only_one, EdgeTarget(consumer="front", provider="back")} == {each.injection.target for each, _, _ in put}
    await it.hand.close()


async def test_of_a_zone_that_can_not_be_broken_as_a_whole_nothing_stays_broken(tmp_path: Path) -> None:
    class Halfway(Injector):
        async def inject(self, injection: Injection) -> Armed:
            if len(self.done) == 1:
                raise HarnessError("not this one")
            return await super().inject(injection)

    it = rig(tmp_path, Halfway(), text=ZONES)
    with pytest.raises(HarnessError, match="not this one"):
        await it.hand.inject_all(asked("zone:b", "pause"))
    assert [each.partition(" ")[0] for each in it.injector.done] == ["inject", "heal"]
    assert it.hand.in_force == ()
    await it.hand.close()


@pytest.mark.parametrize(
    ("target", "fault", "complaint"),
    [
        ("zone:c", "pause", "expected a zone of shop, found 'c'"),
        ("zone:b", "nonsense", "expected a fault of latency, "),
        ("front->nowhere", "down", "expected an edge of shop, found 'front->nowhere'"),
    ],
)
async def test_a_zone_that_makes_no_sense_is_refused(tmp_path: Path, target: str, fault: str, complaint: str) -> None:
    it = rig(tmp_path, text=ZONES)
    with pytest.raises(HarnessError) as refused:
        await it.hand.inject_all(asked(target, fault))
    assert complaint in str(refused.value)
    assert it.injector.done == []


async def test_a_zone_with_more_places_than_may_be_broken_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "MOST_IN_FORCE", 1)
    it = rig(tmp_path, text=ZONES)
    with pytest.raises(HarnessError, match="means 2 faults; at most 1 are let in"):
        await it.hand.inject_all(asked("zone:b", "pause"))
    assert it.injector.done == []
