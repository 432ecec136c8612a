"""What was put on from a page: taken back one by one, all together, or when nobody looks any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli.page.hands import ABSENT_S, Hands
from harness.engine.by_hand import Asked
from harness.errors import HarnessError
from harness.faults.edge_down import Down
from harness.model.experiment import Experiment
from harness.model.fault import EdgeTarget, Injection
from harness.model.quantity import Duration
from tests.engine.test_by_hand import Injector, Rig, rig

TARGET = EdgeTarget(consumer="front", provider="back-2")


class HandClock:
    """Stands still until a test moves it; nobody who sleeps wakes up, but who sleeps for no time."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wall(self) -> None:
        raise AssertionError

    async def sleep(self, seconds: float) -> None:
        if seconds:
            await asyncio.Event().wait()


class Under:
    """Hands that put faults on what only says that it did."""

    def __init__(self, root: Path, injector: Injector | None = None) -> None:
        self.rig: Rig = rig(root, injector)
        self.clock = HandClock()
        self.notes: list[str] = []
        self.hands = Hands(self.rig.hand, clock=self.clock, note=self.notes.append)  # type: ignore[arg-type]  # its wall is not asked

    @property
    def done(self) -> list[str]:
        return self.rig.injector.done


def down(target: str = "front->back-2") -> Asked:
    return Asked(target=target, fault="down", attributes={}, lasts_s=60.0)


def experiment(*afters_s: float) -> Experiment:
    each = [Injection(id=str(a), fault=Down(), target=TARGET, after=Duration(a), lasts=Duration(9)) for a in afters_s]
    return Experiment(name="gone", hypothesis="It copes.", injections=tuple(each), weights={}, rate=1.0)


async def test_a_fault_is_put_on_told_and_taken_back(tmp_path: Path) -> None:
    it = Under(tmp_path)
    (told,) = await it.hands.inject(down())
    assert (told["good"], told["says"]) == (True, "front → back-2 under down is in force after 0.10 s")
    (told,) = await it.hands.heal(str(told["id"]))
    assert told["says"] == "front → back-2 under down is healed (removed) after 0.10 s"
    assert it.hands.in_force == ()


async def test_one_that_does_not_bite_is_told_as_such(tmp_path: Path) -> None:
    it = Under(tmp_path, Injector(bites=False))
    (told,) = await it.hands.inject(down())
    assert (told["good"], told["says"]) == (
        False,
        "front → back-2 under down DID NOT BITE after 0.10 s and was taken back",
    )


async def test_one_that_does_not_heal_is_told_and_stays_listed(tmp_path: Path) -> None:
    it = Under(tmp_path, Injector(heals=False))
    await it.hands.inject(down())
    (told,) = await it.hands.heal("")
    assert (told["good"], told["says"]) == (False, "front → back-2 under down is NOT HEALED after 0.10 s")
    assert len(it.hands.in_force) == 1
    await it.rig.hand.close()


async def test_what_is_not_in_force_can_not_be_healed(tmp_path: Path) -> None:
    it = Under(tmp_path)
    with pytest.raises(HarnessError, match="nothing of the name 'by-hand-9' is in force"):
        await it.hands.heal("by-hand-9")
    assert it.done == []


async def test_when_everybody_has_gone_what_was_put_on_here_is_healed_and_nothing_else(tmp_path: Path) -> None:
    it = Under(tmp_path)
    await it.rig.hand.inject(down("customers->front"))  # by `harness inject`
    await it.hands.inject(down())
    it.clock.time = ABSENT_S
    await it.hands.tick()
    assert len(it.hands.in_force) == 2
    it.clock.time += 1
    await it.hands.tick()
    assert [str(each.injection.target) for each in it.hands.in_force] == ["customers → front"]
    assert it.notes == ["nobody has had the page open for 90 s: what was put on there is healed"]
    await it.hands.tick()
    assert len(it.notes) == 1
    await it.rig.hand.close()


async def test_somebody_who_looks_keeps_it(tmp_path: Path) -> None:
    it = Under(tmp_path)
    await it.hands.inject(down())
    it.clock.time = ABSENT_S
    it.hands.look()
    it.clock.time += ABSENT_S
    await it.hands.tick()
    assert len(it.hands.in_force) == 1
    await it.rig.hand.close()


async def eventually(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


async def begun(it: Under, *afters_s: float) -> None:
    it.hands.begin(experiment(*afters_s))
    await eventually(lambda: it.hands.in_force)


async def test_an_experiment_puts_its_faults_on_each_in_its_time_and_is_one_at_a_time(tmp_path: Path) -> None:
    it = Under(tmp_path)
    await begun(it, 0, 5)
    assert (it.hands.experiment, len(it.hands.in_force)) == ("gone", 1)
    with pytest.raises(HarnessError, match="gone is under way"):
        it.hands.begin(experiment(0))
    await it.hands.close()
    assert (it.hands.experiment, it.hands.in_force) == ("", ())
    assert it.done == ["inject front → back-2", "heal by-hand-1"]


async def test_healing_everything_ends_an_experiment(tmp_path: Path) -> None:
    it = Under(tmp_path)
    await begun(it, 0, 5)
    await it.hands.heal("")
    assert (it.hands.experiment, it.hands.in_force) == ("", ())


async def test_a_fault_of_an_experiment_that_can_not_be_put_on_is_noted(tmp_path: Path) -> None:
    class Refusing(Injector):
        async def inject(self, injection: Injection) -> None:  # type: ignore[override]  # it never comes back
            raise HarnessError(f"{injection.target} can't be reached")

    it = Under(tmp_path, Refusing())
    it.hands.begin(experiment(0))
    await eventually(lambda: len(it.notes) == 2)
    assert it.notes[1] == "front → back-2 under down was not put on: front → back-2 can't be reached"
    await it.hands.close()
