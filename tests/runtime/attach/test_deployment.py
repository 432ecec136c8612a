from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.errors import DeployError, HarnessError, ProxyError
from harness.faults import Injector, down, kill, latency
from harness.model.fault import EdgeTarget, FaultSpec, HealedBy, Injection, InstanceTarget
from harness.model.quantity import Duration
from harness.model.system import Attached
from harness.runtime import procfs
from harness.runtime.attach.deployment import NO_RELAY, AttachedDeployment
from harness.runtime.deployment import Deploy, Deployment
from harness.runtime.instance import State
from tests.proxy.rigs import POOL
from tests.runtime.attach.strangers import CLOCK, Heard, Strangers, attached, eventually, start, strangers

TO_BACK = EdgeTarget(consumer="front", provider="back")
BACK = InstanceTarget(service="back")
THEIRS = {"name": "theirs", "type": "latency", "stream": "upstream", "toxicity": 1, "attributes": {"latency": 1}}


@pytest.fixture
async def found(toxiproxy: Path, tmp_path: Path) -> AsyncIterator[Strangers]:
    async with strangers(toxiproxy, tmp_path) as running:
        yield running
    POOL.close()


def injector(deployment: AttachedDeployment, found: Strangers) -> Injector:
    return Injector(deployment.mesh, deployment, clock=CLOCK, record=found.directory / "in-force.ndjson")


def injection(fault: FaultSpec, target: EdgeTarget | InstanceTarget = TO_BACK) -> Injection:
    return Injection(id="it", fault=fault, target=target, lasts=Duration(10))


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 -- one of our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_a_fault_bites_and_heals_on_an_edge_of_a_system_that_runs_already(found: Strangers) -> None:
    async with attached(found.topology(), found.directory) as deployment:
        entry = deployment.entry_url()
        assert await asyncio.to_thread(ask, entry) == (200, "it says ok")
        faults = injector(deployment, found)

        armed = await faults.inject(injection(latency(Duration(2))))

        assert armed.in_force, armed.evidence
        assert (await asyncio.to_thread(ask, entry))[0] == 502
        healed = await faults.heal("it")
        assert healed.verified, healed.evidence
        assert await asyncio.to_thread(ask, entry) == (200, "it says ok")


async def test_down_refuses_and_comes_back(found: Strangers) -> None:
    async with attached(found.topology(), found.directory) as deployment:
        faults = injector(deployment, found)
        armed = await faults.inject(injection(down()))
        assert armed.in_force, armed.evidence
        assert "refused" in armed.evidence
        assert (await faults.heal("it")).verified


async def test_what_was_on_before_is_told_and_left_alone(found: Strangers) -> None:
    found.client.api.post("/proxies/to back/toxics", json=THEIRS)
    heard = Heard()
    async with attached(found.topology(), found.directory, heard) as deployment:
        faults = injector(deployment, found)
        assert "'theirs' (latency upstream latency=1" in heard.text
        assert (await faults.inject(injection(latency(Duration(1))))).in_force
        assert found.toxics()[1:] == ["theirs"]
        assert (await faults.heal("it")).verified
        assert found.toxics() == ["theirs"]
    assert found.toxics() == ["theirs"]


async def test_a_proxy_is_made_anew_where_a_server_of_ours_would_be_restarted(found: Strangers) -> None:
    found.client.api.post("/proxies/to back/toxics", json=THEIRS)
    async with attached(found.topology(), found.directory) as deployment:
        faults = injector(deployment, found)
        assert (await faults.inject(injection(latency(Duration(1))))).in_force
        (line,) = deployment.mesh.lines(TO_BACK)
        line._state.toxics.clear()  # as after a removal that stalled

        assert await deployment.mesh.restart("front") == ("front-1->back-1",)

        assert found.toxics() == ["theirs"]
        assert await asyncio.to_thread(ask, deployment.entry_url()) == (200, "it says ok")


async def test_healing_makes_a_proxy_anew_that_somebody_removed(found: Strangers) -> None:
    async with attached(found.topology(), found.directory) as deployment:
        faults = injector(deployment, found)
        assert (await faults.inject(injection(latency(Duration(1))))).in_force
        found.client.listener("to back").destroy()

        healed = await faults.heal("it")

        assert healed.verified, healed.evidence
        assert healed.by is HealedBy.RESTARTED
        assert await asyncio.to_thread(ask, deployment.entry_url()) == (200, "it says ok")


async def test_an_edge_without_a_proxy_is_refused(found: Strangers) -> None:
    heard = Heard()
    async with attached(found.topology(proxies=False), found.directory, heard) as deployment:
        with pytest.raises(ProxyError, match=r"edge front → back has no proxy.*add proxies"):
            await injector(deployment, found).inject(injection(down()))
    assert "edges without a proxy, on which nothing can be broken: front → back" in heard.text
    assert NO_RELAY in heard.text


async def test_nobody_is_killed_of_whom_nobody_says_how(found: Strangers) -> None:
    async with attached(found.topology(), found.directory) as deployment:
        with pytest.raises(DeployError, match=r"back-1 runs already, and nothing says how it is .*; add .* container"):
            await deployment.kill(BACK)
        assert deployment.state(BACK) is State.READY
        with pytest.raises(DeployError, match=r"add resume: \[command\]|started again"):
            await deployment.pause(BACK)
        armed = await injector(deployment, found).inject(injection(kill(), BACK))
        assert not armed.in_force
        assert "nothing says how" in armed.evidence
    assert procfs.alive(found.pid("back"))


async def test_an_instance_is_killed_and_started_by_what_is_told_and_outlives_the_harness(found: Strangers) -> None:
    before = found.pid("back")
    async with attached(found.topology(told=found.with_means()), found.directory) as deployment:
        assert deployment.pid(BACK) == before
        faults = injector(deployment, found)
        armed = await faults.inject(injection(kill(), BACK))
        assert armed.in_force, armed.evidence
        assert not procfs.alive(before)
        healed = await faults.heal("it")
        assert healed.verified, healed.evidence
        assert await asyncio.to_thread(ask, deployment.entry_url()) == (200, "it says ok")
    assert found.pid("back") != before
    assert procfs.alive(found.pid("back"))


async def test_an_instance_is_restarted_by_what_is_told(found: Strangers) -> None:
    before = found.pid("back")
    async with attached(found.topology(told=found.with_means()), found.directory) as deployment:
        await deployment.restart(BACK)
        assert deployment.state(BACK) is State.READY
        assert await asyncio.to_thread(ask, deployment.entry_url()) == (200, "it says ok")
    assert found.pid("back") != before


async def test_what_is_still_frozen_or_killed_at_the_end_is_brought_back(found: Strangers) -> None:
    async with attached(found.topology(told=found.with_means()), found.directory) as deployment:
        await deployment.pause(BACK)
        assert procfs.stands_still(found.pid("back"))
    assert not procfs.stands_still(found.pid("back"))


async def test_a_death_by_somebody_else_is_noticed(found: Strangers) -> None:
    async with attached(found.topology(told=found.with_means()), found.directory) as deployment:
        os.kill(found.pid("back"), signal.SIGKILL)
        await eventually(lambda: deployment.state(BACK) is State.DEAD)
        (death,) = deployment.take_deaths()
        assert (death.instance.name, death.how) == ("back-1", "is gone")


async def test_nothing_of_ours_is_left_after_sigkill(found: Strangers) -> None:
    found.client.api.post("/proxies/to back/toxics", json=THEIRS)
    ports = [str(each) for each in (found.api, found.front, found.back, found.proxy)]
    harness = start([sys.executable, "-m", "tests.runtime.attach.a_harness", str(found.directory), *ports])
    with harness:
        assert harness.stdout is not None
        assert await asyncio.to_thread(harness.stdout.readline) == b"broken\n"
        assert len(found.toxics()) == 2
        assert procfs.stands_still(found.pid("back"))
        harness.kill()
    await eventually(lambda: found.toxics() == ["theirs"])
    await eventually(lambda: not procfs.stands_still(found.pid("back")))
    assert await asyncio.to_thread(ask, f"http://127.0.0.1:{found.front}/") == (200, "it says ok")


async def test_a_proxy_that_is_not_there_is_told_with_those_that_are(found: Strangers) -> None:
    found.client.listener("to back").destroy()
    found.client.create("127.0.0.1:1", "other", "127.0.0.1:0")
    with pytest.raises(DeployError, match=r"front->back: no proxy 'to back' at http://127.0.0.1:\d+; there are: other"):
        async with attached(found.topology(), found.directory):
            pytest.fail("it was attached")


async def test_an_instance_that_is_not_there_is_told(found: Strangers) -> None:
    nowhere = Attached(addresses=("http://127.0.0.1:1",))
    with pytest.raises(HarnessError, match="back-1: expected it to run already, and nothing is there"):
        async with attached(found.topology(told=nowhere), found.directory):
            pytest.fail("it was attached")


async def test_it_is_a_deployment(found: Strangers) -> None:
    from harness.runtime.attach.deployment import deploy

    as_told: Deploy = deploy
    async with attached(found.topology(), found.directory) as deployment:
        system: Deployment = deployment
        assert system.direct_url(BACK) == f"http://127.0.0.1:{found.back}"
    assert as_told is deploy
