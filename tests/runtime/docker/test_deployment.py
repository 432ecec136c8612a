from __future__ import annotations

import asyncio
import itertools
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from harness.clock import SystemClock
from harness.errors import DeployError
from harness.faults import black_hole, down, kill, latency, pause
from harness.faults.injector import Injector
from harness.model.events import Event
from harness.model.fault import EdgeTarget, FaultSpec, Injection, InstanceTarget, Target
from harness.model.load_events import Noted
from harness.model.quantity import Duration
from harness.model.system import InstanceSpec, Store, StoreKind
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.docker.deployment import DockerDeployment, deploy
from harness.runtime.docker.engine import runs
from harness.runtime.docker.image import Image, Recipe
from harness.runtime.instance import State
from tests.runtime.docker.systems import a_system
from tests.runtime.fakes import until

pytestmark = [pytest.mark.loopback, pytest.mark.asyncio(loop_scope="module")]

FRONT, BACK = InstanceTarget(service="front"), InstanceTarget(service="back")
CALL = EdgeTarget(consumer="front", provider="back")
NUMBERS = itertools.count(1)
MIB = 1 << 20


@dataclass
class Heard:
    progress: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Noted)]


@dataclass
class Up:
    deployment: DockerDeployment
    heard: Heard
    directory: Path
    injector: Injector

    async def get(self, target: InstanceTarget, path: str) -> str:
        return await get(self.deployment.direct_url(target) + path)

    @asynccontextmanager
    async def under(self, fault: FaultSpec, target: Target) -> AsyncIterator[None]:
        """Armed and seen to bite within, healed and seen to be so after."""
        injection = Injection(id=f"it-{next(NUMBERS)}", fault=fault, target=target, lasts=Duration(60))
        armed = await self.injector.inject(injection)
        assert armed.in_force, armed.evidence
        yield
        healed = await self.injector.heal(injection.id)
        assert healed.verified, healed.evidence


async def get(url: str, within_s: float = 30.0) -> str:
    def fetch() -> str:
        try:
            with urllib.request.urlopen(url, timeout=within_s) as answer:  # noqa: S310 -- our own URL
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.read().decode())

    return await asyncio.to_thread(fetch)


async def hidden(up: Up, target: InstanceTarget) -> None:
    """Wait until a death was seen and dealt with: that the host is refused comes last."""
    url = up.deployment.direct_url(target)
    async with asyncio.timeout(10):
        while True:
            try:
                await get(url, within_s=0.2)
            except urllib.error.URLError as error:
                if isinstance(error.reason, ConnectionRefusedError):
                    return
            except OSError:  # it is dying
                continue


async def took_s(url: str) -> float:
    began = time.monotonic()
    await get(url)
    return time.monotonic() - began


@asynccontextmanager
async def deployed(topology: Topology, directory: Path, recipe: Recipe) -> AsyncIterator[Up]:
    heard = Heard()
    clock = SystemClock()
    await asyncio.to_thread(directory.mkdir, parents=True)
    deployment = await deploy(
        topology,
        directory=directory,
        clock=clock,
        run_began=clock.now(),
        progress=heard.progress.append,
        on_event=heard.events.append,
        recipe=recipe,
        ready_within_s=60.0,
    )
    injector = Injector(deployment.mesh, deployment, clock=clock, record=directory / "in-force.ndjson")
    try:
        yield Up(deployment, heard, directory, injector)
    finally:
        await deployment.stop()
    assert directory.name not in {run.run for run in runs()}
    assert not (directory / "data").exists()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def up(recipe: Recipe, image: Image, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """Front, back, PostgreSQL and NATS, for all tests that put right what they break."""
    del image
    directory = tmp_path_factory.mktemp("runs") / f"test-{time.time_ns():x}"
    async with deployed(a_system(recipe.code), directory, recipe) as up:
        yield up


async def test_services_reach_one_another_and_their_stores(up: Up) -> None:
    assert await get(up.deployment.entry_url() + "/call") == "back-1 in a"
    assert await up.get(BACK, "/rows") == "1"
    assert await up.get(BACK, "/published") == "1"
    assert await up.get(BACK, "/user") != "0"
    assert all(await asyncio.gather(*map(up.deployment.ready, up.deployment.instances)))
    assert any(line.startswith("front-1 ready (") for line in up.heard.progress)


async def test_each_line_has_an_address_of_its_own_and_the_port_of_its_provider(up: Up) -> None:
    front, back = InstanceId(service="front"), InstanceId(service="back")
    told = await up.get(FRONT, "/told")
    port = up.deployment.direct_url(BACK).rpartition(":")[2]

    assert told == up.deployment.line_url(LineId(consumer=front, provider=back))
    assert told.endswith(f":{port}")
    assert not told.startswith("http://127.")


async def test_nothing_leads_out_of_the_network(up: Up) -> None:
    assert await up.get(BACK, "/outside") in {"TimeoutError", "OSError", "ConnectionRefusedError"}


async def test_the_host_listens_on_the_loopback_only(up: Up) -> None:
    for url in (up.deployment.entry_url(), up.deployment.direct_url(BACK), up.deployment.store_address("bus", "back")):
        assert "127.0.0.1:" in url


async def test_all_of_it_carries_the_label_and_the_name_of_the_run(up: Up) -> None:
    (run,) = [each for each in runs() if each.run == up.directory.name]

    assert {name.removeprefix(f"{run.run}-") for name in run.containers} == {
        "front-1",
        "back-1",
        "postgres",
        "bus",
        "harness_toxiproxy",
        "harness_door",
    }


async def test_latency_on_a_line_is_felt_by_its_consumer_and_gone_after_healing(up: Up) -> None:
    url = up.deployment.entry_url() + "/call"
    async with up.under(latency("400 ms"), CALL):
        slow = await took_s(url)
        beside = await took_s(up.deployment.entry_url() + "/told")
    quick = await took_s(url)

    assert slow >= 0.4
    assert quick < slow
    assert beside < slow


@pytest.mark.parametrize("fault", [down(), black_hole()], ids=["down", "black hole"])
async def test_other_faults_bite_on_a_line_too(up: Up, fault: FaultSpec) -> None:
    async with up.under(fault, CALL):
        pass
    assert await get(up.deployment.entry_url() + "/call") == "back-1 in a"


async def test_a_killed_instance_refuses_everywhere_and_comes_back(up: Up) -> None:
    direct = up.deployment.direct_url(BACK)
    async with up.under(kill(), BACK):
        assert up.deployment.state(BACK) is State.KILLED
        assert not up.deployment.alive(BACK)
        with pytest.raises(OSError, match="refused"):
            await get(direct)
        assert "refused" in await get(up.deployment.entry_url() + "/call")
    assert up.deployment.direct_url(BACK) == direct
    assert await get(up.deployment.entry_url() + "/call") == "back-1 in a"
    assert up.heard.notes == []


async def test_a_paused_instance_answers_nothing_until_it_is_resumed(up: Up) -> None:
    async with up.under(pause(), BACK):
        assert up.deployment.state(BACK) is State.PAUSED
        assert up.deployment.alive(BACK)
        assert not await up.deployment.ready(BACK)
    assert await up.deployment.ready(BACK)


async def test_a_restarted_instance_drains_first(up: Up) -> None:
    pid = up.deployment.pid(FRONT)
    await up.deployment.restart(FRONT)

    assert up.deployment.pid(FRONT) != pid
    assert "drained" in up.deployment.log_tail(FRONT)
    assert await get(up.deployment.entry_url() + "/call") == "back-1 in a"


async def test_a_killed_store_keeps_what_it_has(up: Up) -> None:
    before = int(await up.get(BACK, "/rows"))
    store = InstanceTarget(service="postgres")
    await up.deployment.kill(store)
    assert "Error" in await up.get(BACK, "/rows")
    await up.deployment.start(store)

    assert int(await up.get(BACK, "/rows")) == before + 1


async def test_a_limit_of_the_processor_bites_until_it_is_taken_back(up: Up) -> None:
    await up.deployment.limit(BACK, cpus=0.05)
    slow = int(await up.get(BACK, "/spins"))
    await up.deployment.unlimit(BACK)
    quick = int(await up.get(BACK, "/spins"))

    assert slow * 2 < quick


async def test_what_needs_more_memory_than_its_limit_is_ended_and_its_log_says_so(up: Up) -> None:
    await up.deployment.limit(BACK, memory_bytes=100 * MIB)
    with pytest.raises(OSError, match=r"closed|reset|refused"):
        await up.get(BACK, "/eaten")
    await until(lambda: up.deployment.state(BACK) is State.DEAD)
    await hidden(up, BACK)
    note = up.heard.notes.pop()
    up.heard.events.clear()
    assert note.startswith("back-1 was ended by SIGKILL unexpectedly")
    assert f"out of memory, ended by the kernel; its limit is {100 * MIB} bytes" in note

    await up.deployment.start(BACK)  # the limit is still there
    with pytest.raises(OSError, match=r"closed|reset|refused"):
        await up.get(BACK, "/eaten")
    await hidden(up, BACK)
    up.heard.events.clear()
    await up.deployment.unlimit(BACK)
    await up.deployment.start(BACK)
    assert await up.get(BACK, "/eaten") == "200 MB"


async def test_a_limit_that_the_engine_would_refuse_is_refused_here(up: Up) -> None:
    with pytest.raises(DeployError, match="back-1: expected at least"):
        await up.deployment.limit(BACK, memory_bytes=1000)


async def test_a_service_that_dies_at_the_start_is_told_and_nothing_is_left(
    recipe: Recipe, image: Image, tmp_path: Path
) -> None:
    del image
    directory = tmp_path / f"test-{time.time_ns():x}"
    with pytest.raises(
        DeployError, match=r"back-1 ended with code 7 before it was ready; .*\n(.*\n)*  the configuration is missing"
    ):
        async with deployed(a_system(recipe.code, stores={}, env={"DIES": "yes"}), directory, recipe):
            pass
    assert directory.name not in {run.run for run in runs()}
    assert not (directory / "data").exists()


async def test_code_that_the_image_does_not_hold_is_told(recipe: Recipe, image: Image, tmp_path: Path) -> None:
    del image
    elsewhere = a_system(tmp_path / "elsewhere", stores={})
    with pytest.raises(DeployError, match=f"to lie below {recipe.code}, which is what the image holds"):
        async with deployed(elsewhere, tmp_path / f"test-{time.time_ns():x}", recipe):
            pass


async def test_a_cluster_forms_and_two_instances_are_told_by_two_addresses(
    recipe: Recipe, image: Image, tmp_path: Path
) -> None:
    del image
    stores = {f"node-{name}": Store(kind=StoreKind.NATS, cluster="trio", databases=("back",)) for name in "abc"}
    stores["redis"] = Store(kind=StoreKind.REDIS)
    topology = a_system(recipe.code, stores=stores, back=(InstanceSpec(), InstanceSpec(zone="b")))
    async with deployed(topology, tmp_path / f"test-{time.time_ns():x}", recipe) as up:
        urls = (await up.get(FRONT, "/told")).split(",")
        assert [await get(f"{url}/told") for url in urls] == ["back-1 in a", "back-2 in b"]
        assert all(await asyncio.gather(*map(up.deployment.ready, up.deployment.instances)))
