"""Who is asked whether it is ready while a fault is in force, and what counts as a no."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import cast

import pytest

from harness.engine.bench import Bench, Progress
from harness.engine.readiness import watch_readiness
from harness.engine.session import Session
from harness.errors import DeployError
from harness.faults import down
from harness.load.driver import LoadDriver
from harness.model.events import Event
from harness.model.fault import EdgeTarget, Target
from harness.model.invariant import Invariants
from harness.model.load_events import Observed
from harness.model.observation import Window, WindowKind
from harness.model.topology import InstanceId, Topology
from tests.checkers.histories import PAYMENTS, experiment, shop


class Clock:
    """Ends whoever sleeps once the looks that a test wants are over."""

    def __init__(self, looks: int) -> None:
        self.at = 0.0
        self._left = looks

    def now(self) -> float:
        return self.at

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self._left -= 1
        if not self._left:
            raise asyncio.CancelledError


@dataclass
class Deployment:
    says: list[bool | Exception]
    asked: list[str] = field(default_factory=list)

    async def ready(self, instance: InstanceId) -> bool:
        self.asked.append(instance.name)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


@dataclass
class FakeSession:
    deployment: Deployment
    clock: Clock
    topology: Topology = field(default_factory=shop)
    events: list[Event] = field(default_factory=list)

    @property
    def recorder(self) -> FakeSession:
        return self

    def now(self) -> float:
        return self.clock.now()

    def record(self, event: Event) -> None:
        self.events.append(event)


async def watched(session: FakeSession, target: Target, progress: Progress) -> None:
    bench = Bench(
        session=cast("Session", session),
        driver=cast("LoadDriver", None),
        baseline=Window(kind=WindowKind.BASELINE, start=0, end=1),
        invariants=Invariants(),
        conformance=None,
        alpha=0.01,
        replay="",
    )
    await watch_readiness(bench, experiment(target, fault=down()), progress)


async def test_who_has_lost_its_store_is_asked_once_a_second_and_no_answer_is_a_no() -> None:
    session = FakeSession(Deployment([True, DeployError("gone"), OSError(), False]), Clock(4))
    progress = Progress(windows=[])
    with pytest.raises(asyncio.CancelledError):
        await watched(session, EdgeTarget(consumer="payments", provider="db"), progress)

    assert session.deployment.asked == ["payments-1"] * 4
    assert [(each.t, each.ready) for each in progress.readiness] == [(0, True), (1, False), (2, False), (3, False)]
    assert [each.readiness for each in session.events if isinstance(each, Observed)] == [
        (each,) for each in progress.readiness
    ]


async def test_where_no_store_is_gone_nobody_is_asked() -> None:
    session = FakeSession(Deployment([]), Clock(1))
    await watched(session, PAYMENTS, Progress(windows=[]))

    assert session.deployment.asked == []
