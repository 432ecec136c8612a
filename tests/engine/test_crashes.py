from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from harness.engine.bench import Bench
from harness.engine.crashes import crashed
from harness.engine.session import Session
from harness.errors import DeployError
from harness.load.driver import LoadDriver
from harness.model.experiment import Experiment
from harness.model.fault import InstanceTarget
from harness.model.invariant import Invariants
from harness.model.observation import Window, WindowKind
from harness.model.quantity import Duration
from harness.model.system import Restart, Run, Scaling, Signal
from harness.model.topology import InstanceId, Topology
from harness.model.verdict import Verdict
from harness.runtime.instance import Death
from tests.runtime.fakes import system_of

BACK = InstanceId(service="back")
SECOND = InstanceId(service="back", index=2)
EXPERIMENT = Experiment(name="calm", hypothesis="nothing happens at all", injections=(), weights={}, rate=1)


@dataclass
class FakeDeployment:
    """Instances that are dead, or have died."""

    dead: set[InstanceId] = field(default_factory=set)
    deaths: list[Death] = field(default_factory=list)
    started: list[InstanceTarget] = field(default_factory=list)
    broken: bool = False

    def alive(self, instance: InstanceId) -> bool:
        return instance not in self.dead

    def take_deaths(self) -> tuple[Death, ...]:
        deaths, self.deaths = tuple(self.deaths), []
        return deaths

    def log_tail(self, instance: InstanceId) -> str:
        return f"the log of {instance} now"

    async def start(self, instance: InstanceTarget) -> None:
        self.started.append(instance)
        if self.broken:
            raise DeployError("no configuration")


@dataclass
class FakeSession:
    deployment: FakeDeployment
    topology: Topology


def died(instance: InstanceId = BACK, t: float = 12.34) -> Death:
    return Death(instance=instance, t=t, how="ended with code 3", log="Traceback\nValueError")


def bench(deployment: FakeDeployment, root: Path) -> Bench:
    topology = system_of(
        root,
        run=Run(command=("true",)),
        restart=Restart.ALWAYS,
        scaling=Scaling(signal=Signal.REQUESTS, above=1, lasts=Duration(1), most=2),
    )
    return Bench(
        session=cast("Session", FakeSession(deployment, topology)),
        driver=cast("LoadDriver", None),
        baseline=Window(kind=WindowKind.BASELINE, start=0, end=1),
        invariants=Invariants(),
        conformance=None,
        alpha=0.01,
        replay="harness chaos run",
    )


async def test_who_crashed_is_found_though_it_is_back_already(tmp_path: Path) -> None:
    deployment = FakeDeployment(deaths=[died()])
    (finding,) = await crashed(bench(deployment, tmp_path), EXPERIMENT)
    assert (finding.check, finding.verdict, finding.service, finding.owner) == ("crash", Verdict.FAIL, "back", "two")
    assert finding.reason == "back-1 ended by itself (it ended with code 3 at 12.3 s), and was started again"
    assert finding.evidence == ("Traceback", "ValueError")
    assert finding.replay == "harness chaos run calm"
    assert deployment.started == []
    assert await crashed(bench(deployment, tmp_path), EXPERIMENT) == (), "it is told once"


async def test_who_crashed_more_than_once_is_one_finding(tmp_path: Path) -> None:
    deployment = FakeDeployment(deaths=[died(t=1.0), died(t=2.0)], dead={BACK})
    (finding,) = await crashed(bench(deployment, tmp_path), EXPERIMENT)
    assert finding.reason == "back-1 ended by itself 2 times (it ended with code 3 at 2.0 s)"
    assert deployment.started == [InstanceTarget(service="back")]


async def test_who_is_dead_is_found_and_started_again(tmp_path: Path) -> None:
    deployment = FakeDeployment(dead={BACK}, broken=True)
    (finding,) = await crashed(bench(deployment, tmp_path), EXPERIMENT)
    assert finding.reason == "back-1 ended by itself, and can't be started again: no configuration"
    assert finding.evidence == ("the log of back-1 now",)


async def test_a_standby_that_crashed_is_found_and_one_that_was_never_started_is_not(tmp_path: Path) -> None:
    assert await crashed(bench(FakeDeployment(dead={SECOND}), tmp_path), EXPERIMENT) == ()
    deployment = FakeDeployment(dead={SECOND}, deaths=[died(SECOND)])
    (finding,) = await crashed(bench(deployment, tmp_path), EXPERIMENT)
    assert finding.reason == "back-2 ended by itself (it ended with code 3 at 12.3 s)"
    assert deployment.started == [], "whether it is needed is for the scaling to say"


@pytest.mark.parametrize("store", ["redis", "postgres"])
async def test_a_store_and_those_that_a_fault_killed_are_no_crashes(tmp_path: Path, store: str) -> None:
    """The deployment tells of no death that the harness brought about; that of a store is nobody's defect."""
    deployment = FakeDeployment(deaths=[died(InstanceId(service=store))])
    assert await crashed(bench(deployment, tmp_path), EXPERIMENT) == ()
