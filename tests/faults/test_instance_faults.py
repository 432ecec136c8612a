"""What the faults to instances say, and that a runtime which lacks an ability is told so."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from harness.errors import HarnessError, ProxyError
from harness.faults import FAULTS, cpu, crash_loop, descriptors, full_disk, memory, restart, stop
from harness.faults.spec import InstanceFault
from harness.model.fault import InstanceTarget, Pressure, Resource

ORDERS = InstanceTarget(service="orders")


class OnlyKills:
    """A runtime that can kill, start and freeze, and no more."""

    def __init__(self) -> None:
        self.started = 0

    async def ready(self, instance: InstanceTarget) -> bool:
        return bool(instance)

    async def kill(self, instance: InstanceTarget) -> None:
        raise AssertionError(instance)

    async def start(self, instance: InstanceTarget) -> None:
        assert instance == ORDERS
        self.started += 1

    async def pause(self, instance: InstanceTarget) -> None:
        raise AssertionError(instance)

    async def resume(self, instance: InstanceTarget) -> None:
        raise AssertionError(instance)


@pytest.mark.parametrize(
    ("fault", "lacking"),
    [
        (stop(), "end its instances by a signal that they hear"),
        (restart(), "end its instances by a signal that they hear"),
        (crash_loop(), "kill its instances over and over"),
        (cpu(), "leave its instances with too little CPU"),
        (memory(), "leave its instances with too little memory"),
        (full_disk(), "leave its instances with too little disk"),
        (descriptors(), "leave its instances with too little descriptors"),
    ],
    ids=lambda each: each.kind if isinstance(each, InstanceFault) else "",
)
async def test_a_runtime_that_lacks_the_ability_is_told_so_and_nothing_is_touched(
    fault: InstanceFault, lacking: str
) -> None:
    runtime = OnlyKills()
    with pytest.raises(HarnessError) as caught:
        await fault.strike(runtime, ORDERS)
    expected = f"the fault '{fault.kind}' needs a runtime that can {lacking}; this one can't: choose another fault"
    assert str(caught.value) == expected
    await fault.mend(runtime, ORDERS)
    assert runtime.started == 1


class Hangs(OnlyKills):
    """One that never answers again by itself, and whose first kill Toxiproxy stalls."""

    def __init__(self) -> None:
        super().__init__()
        self.kills = 0

    async def kill(self, instance: InstanceTarget) -> None:
        assert instance == ORDERS
        self.kills += 1
        if self.kills == 1:
            raise ProxyError("it did not answer")

    async def start(self, instance: InstanceTarget) -> None:
        await super().start(instance)
        if not self.kills:
            await asyncio.Event().wait()


async def test_an_instance_that_hangs_since_it_was_starved_is_started_anew_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.faults.pressing.RECOVERS_WITHIN_S", 0.01)
    runtime = Hangs()
    told = await memory().mend(runtime, ORDERS)
    assert told == "orders-1 did not answer within 0.01 s of being released, and was started anew"
    assert (runtime.kills, runtime.started) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "written", "told"),
    [
        ("stop", "{}", "SIGTERM"),
        ("restart", "{}", "restart"),
        ("crash-loop", '{"away": "2s"}', "crash loop (away 2 s, up 200 ms)"),
        ("cpu", '{"leaves": "20%"}', "20% of the CPU"),
        ("memory", '{"leaves_mb": 16}', "16 MB of memory to spare"),
        ("full-disk", "{}", "a full disk"),
        ("descriptors", '{"leaves": 4}', "4 descriptors to spare"),
    ],
)
def test_they_are_told_in_words(kind: str, written: str, told: str) -> None:
    assert FAULTS[kind].model_validate_json(written).describe() == told


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("crash-loop", '{"away": "10ms"}'),
        ("cpu", '{"leaves": "0%"}'),
        ("cpu", '{"leaves": "100%"}'),
        ("cpu", '{"leaves": 0.2}'),
        ("memory", '{"leaves_mb": -1}'),
        ("descriptors", '{"leaves": -1}'),
        ("full-disk", '{"leaves": 1}'),
    ],
)
def test_what_makes_no_sense_is_refused(kind: str, written: str) -> None:
    with pytest.raises(ValidationError):
        FAULTS[kind].model_validate_json(written)


def test_what_is_asked_of_the_runtime() -> None:
    assert cpu("20%").pressure() == Pressure(resource=Resource.CPU, leaves=0.2)
    assert memory(2).pressure() == Pressure(resource=Resource.MEMORY, leaves=2 << 20)
    assert descriptors(3).pressure() == Pressure(resource=Resource.DESCRIPTORS, leaves=3)
