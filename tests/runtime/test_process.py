from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import nats.aio.client
import nats.errors
import nats.js.errors
import nats.js.kv
import pytest

from harness.clock import SystemClock
from harness.errors import DeclarationError, DeployError
from harness.model.events import Event
from harness.model.fault import InstanceTarget
from harness.model.load_events import Noted
from harness.model.system import InstanceSpec, Run
from harness.model.topology import InstanceId, Topology
from harness.runtime import procfs
from harness.runtime.instance import State
from harness.runtime.ports import PortPool
from harness.runtime.process import ProcessDeployment
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import NATS, POSTGRES, REDIS, FakeMesh, system_of, until

pytestmark = pytest.mark.loopback

COMMAND = Run(command=(sys.executable, "service.py"))
FUNCTION = Run(python="service:serve", path=(".",))
FORKED = Run(python="service:serve", fork=True, path=(".",), preload=("http.server",))
BELOW_THE_POOL = range(19_000, 20_000)
"""Ports that no harness gives out by itself, nor the kernel to connections."""
BACK = InstanceTarget(service="back")


@dataclass
class Heard:
    progress: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Noted)]


@asynccontextmanager
async def deployed(
    topology: Topology, supervisor: Supervisor, root: Path, *, within_s: float = 20.0, heard: Heard | None = None
) -> AsyncIterator[tuple[ProcessDeployment, Heard]]:
    heard = heard or Heard()
    clock = SystemClock()
    deployment = await ProcessDeployment.deploy(
        topology,
        directory=root / "runs" / "this",
        supervisor=supervisor,
        toxiproxy=Path("/nowhere"),
        clock=clock,
        run_began=clock.now(),
        relay=False,
        progress=heard.progress.append,
        on_event=heard.events.append,
        ready_within_s=within_s,
        start_mesh=FakeMesh.start,  # type: ignore[arg-type]  # a fake has fewer abilities
    )
    try:
        yield deployment, heard
    finally:
        await deployment.stop()


async def get(url: str) -> str:
    def fetch() -> str:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 -- our own URL
            return str(answer.read().decode())

    return await asyncio.to_thread(fetch)


def supervised(supervisor: Supervisor) -> list[int]:
    """What the supervisor has started and still runs, zygotes aside."""
    zygotes = [task.result().pid for task in supervisor._zygotes.values()]
    return [pid for pid in procfs.descendants(supervisor.pid) if pid not in zygotes]


@pytest.mark.parametrize("run", [COMMAND, FUNCTION, FORKED], ids=["command", "function", "forked"])
async def test_two_services_run_and_are_told_where_the_other_is(
    run: Run, supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(
        tmp_path,
        run=run,
        front_env={"SAYS": "{instance} in {zone} calls {edge.back.urls}"},
        back=(InstanceSpec(), InstanceSpec(zone="b")),
        back_env={"SAYS": "{instance} in {zone}"},
    )
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        said = await get(deployment.entry_url())
        assert said.startswith("front-1 in a calls http://")
        urls = said.split()[-1].split(",")
        assert [await get(url) for url in urls] == ["back-1 in a", "back-2 in b"]
        direct = [deployment.direct_url(instance) for instance in topology.instances_of("back")]
        assert not set(direct) & set(urls)
        assert [await get(url) for url in direct] == ["back-1 in a", "back-2 in b"]
        assert all(await asyncio.gather(*map(deployment.ready, topology.instances)))
        assert any(line.startswith("front-1 ready (") for line in heard.progress)
    assert supervised(supervisor) == []
    assert heard.notes == []


async def test_a_service_inherits_nothing_but_the_basics(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYS", "leaked")
    async with deployed(system_of(tmp_path, run=COMMAND), supervisor, tmp_path) as (deployment, _):
        assert await get(deployment.direct_url(BACK)) == ""


async def test_a_service_that_dies_at_the_start_is_told_with_its_last_lines(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(tmp_path, run=FORKED, back_env={"DIES": "yes"}, stores={"redis": REDIS})
    with pytest.raises(
        DeployError,
        match=r"back-1 ended with code 7 before it was ready; .*back-1.log:\n  the configuration is missing",
    ):
        async with deployed(topology, supervisor, tmp_path):
            pass
    assert supervised(supervisor) == []
    assert not (tmp_path / "runs" / "this" / "data").exists()


async def test_a_service_that_is_never_ready_is_told_with_its_last_answer(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(tmp_path, run=FORKED, back_env={"NEVER_READY": "yes", "SAYS": "no database"})
    with pytest.raises(
        DeployError, match=r"back-1: expected it to be ready within 1 s, .*GET /readyz: 503 no database"
    ):
        async with deployed(topology, supervisor, tmp_path, within_s=1.0):
            pass
    assert supervised(supervisor) == []


async def test_a_fixed_port_that_is_taken_stops_it_before_anything_is_started(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    topology = system_of(tmp_path, run=COMMAND, back=(InstanceSpec(port=port),), stores={"postgres": POSTGRES})
    heard = Heard()
    async with server:
        with pytest.raises(
            DeployError, match=rf"back-1: expected port {port} on 127.0.0.1 to be free.*process {os.getpid()}"
        ):
            async with deployed(topology, supervisor, tmp_path, heard=heard):
                pass
    assert heard.progress == []
    assert supervised(supervisor) == []


async def test_an_unknown_placeholder_stops_it_before_anything_is_started(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(tmp_path, run=COMMAND, front_env={"X": "{edge.nowhere.url}"})
    heard = Heard()
    with pytest.raises(DeclarationError, match=r"services\.front\.env\.X"):
        async with deployed(topology, supervisor, tmp_path, heard=heard):
            pass
    assert heard.progress == []


async def test_a_fixed_port_is_used(supervisor: Supervisor, tmp_path: Path) -> None:
    with PortPool(BELOW_THE_POOL) as pool:
        port = pool.take()
    topology = system_of(tmp_path, run=COMMAND, back=(InstanceSpec(port=port),))
    async with deployed(topology, supervisor, tmp_path) as (deployment, _):
        assert deployment.direct_url(BACK) == f"http://127.0.0.1:{port}"
        assert await deployment.ready(BACK)


async def test_an_instance_that_dies_while_it_is_shown_is_hidden_again(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology = system_of(tmp_path, run=COMMAND, front_env={"SAYS": "{edge.back.url}"})
    async with deployed(topology, supervisor, tmp_path) as (deployment, _):
        line = await get(deployment.entry_url())
        await deployment.kill(BACK)
        show = deployment.mesh.show

        async def show_late(provider: InstanceId) -> None:
            os.kill(deployment.pid(BACK), signal.SIGKILL)
            await until(lambda: deployment.mesh.hidden == ["back-1"] * 2)  # type: ignore[attr-defined]  # the fake's
            await show(provider)

        monkeypatch.setattr(deployment.mesh, "show", show_late)
        with pytest.raises(DeployError, match="back-1 died just after it was ready"):
            await deployment.start(BACK)
        with pytest.raises(OSError, match="refused"):
            await get(line)


@pytest.mark.parametrize("run", [COMMAND, FORKED], ids=["command", "forked"])
async def test_a_killed_instance_refuses_everywhere_and_comes_back_on_its_port(
    run: Run, supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(tmp_path, run=run, front_env={"SAYS": "{edge.back.url}"})
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        line = await get(deployment.entry_url())
        direct, pid = deployment.direct_url(BACK), deployment.pid(BACK)
        await deployment.kill(BACK)
        assert not procfs.alive(pid)
        assert not deployment.alive(BACK)
        assert deployment.state(BACK) is State.KILLED
        for url in (line, direct):
            with pytest.raises(OSError, match="refused"):
                await get(url)
        await deployment.start(BACK)
        assert deployment.state(BACK) is State.READY
        assert deployment.direct_url(BACK) == direct
        assert deployment.pid(BACK) != pid
        for url in (line, direct):
            assert await get(url) == ""
        assert heard.notes == []


async def test_a_paused_instance_answers_nothing_until_it_is_resumed(supervisor: Supervisor, tmp_path: Path) -> None:
    async with deployed(system_of(tmp_path, run=COMMAND), supervisor, tmp_path) as (deployment, _):
        await deployment.pause(BACK)
        assert deployment.state(BACK) is State.PAUSED
        assert deployment.alive(BACK)
        assert not await deployment.ready(BACK)
        await deployment.resume(BACK)
        assert deployment.state(BACK) is State.READY
        assert await deployment.ready(BACK)
        await deployment.pause(BACK)


async def test_an_unexpected_death_is_noted_and_hides_the_instance(supervisor: Supervisor, tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, front_env={"SAYS": "{edge.back.url}"})
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        line = await get(deployment.entry_url())
        os.kill(deployment.pid(BACK), signal.SIGKILL)
        await until(lambda: deployment.mesh.hidden == ["back-1"])  # type: ignore[attr-defined]  # the fake's
        assert deployment.state(BACK) is State.DEAD
        assert [note.partition(";")[0] for note in heard.notes] == ["back-1 was ended by SIGKILL unexpectedly"]
        with pytest.raises(OSError, match="refused"):
            await get(line)
        await deployment.start(BACK)
        assert await get(line) == ""


async def test_stores_are_there_before_the_services_and_can_be_killed_too(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(
        tmp_path,
        run=FORKED,
        stores={"postgres": POSTGRES, "redis": REDIS, "bus": NATS},
        back_env={"SAYS": "{edge.postgres.dsn} {edge.redis.url} {edge.bus.url}"},
    )
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        dsn, redis, bus = (await get(deployment.direct_url(BACK))).split()
        direct = deployment.store_address("postgres", "back")
        assert dsn.startswith("postgresql://back:")
        assert dsn.rpartition("@")[0] == direct.rpartition("@")[0]
        assert dsn != direct
        assert redis.startswith("redis://127.0.0.1:")
        assert bus.startswith("nats://127.0.0.1:")
        ready = [line.split(maxsplit=1)[0] for line in heard.progress]
        assert max(map(ready.index, ("postgres-1", "redis-1", "bus-1"))) < min(map(ready.index, ("front-1", "back-1")))
        for store in ("postgres", "redis", "bus"):
            target = InstanceTarget(service=store)
            await deployment.kill(target)
            assert not await deployment.ready(target)
            await deployment.start(target)
            assert await deployment.ready(target)
        assert (tmp_path / "runs" / "this" / "data").exists()
    assert not (tmp_path / "runs" / "this" / "data").exists()
    assert supervised(supervisor) == []
    logs = {path.name for path in (tmp_path / "runs" / "this" / "logs").iterdir()}
    assert {"front-1.log", "back-1.log", "postgres-1.log", "redis-1.log", "bus-1.log", "zygote.log"} == logs


async def written_within(limit_s: float, bucket: nats.js.kv.KeyValue) -> None:
    """Write the word; a node hears of a bucket's leader a moment after the bucket was made."""
    async with asyncio.timeout(limit_s):
        while True:
            with contextlib.suppress(nats.js.errors.NoStreamResponseError):
                await bucket.put("word", b"kept")
                return
            await asyncio.sleep(0.02)


async def read_within(limit_s: float, client: nats.aio.client.Client) -> bytes | None:
    """What stands in the bucket; a question that comes while a leader is elected is never answered."""
    async with asyncio.timeout(limit_s):
        while True:
            with contextlib.suppress(nats.errors.TimeoutError, nats.js.errors.ServiceUnavailableError):
                return (await (await client.jetstream(timeout=2).key_value("carts")).get("word")).value


async def test_a_node_of_a_cluster_is_killed_and_comes_back_while_the_others_serve(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    node = NATS.model_copy(update={"cluster": "carts", "databases": ("back",)})
    nodes = {f"store-{zone}": node.model_copy(update={"zone": zone}) for zone in "abc"}
    urls = " ".join(f"{{edge.store-{zone}.url}}" for zone in "abc")
    topology = system_of(tmp_path, run=FORKED, stores=nodes, back_env={"SAYS": urls + " {data} {secret.back}"})
    async with deployed(topology, supervisor, tmp_path) as (deployment, _):
        *told, directory, secret = (await get(deployment.direct_url(BACK))).split()
        assert all(url.startswith("nats://back:") for url in told)
        assert Path(directory) == tmp_path / "runs" / "this" / "data" / "of_services" / "back-1"
        assert deployment.credentials.redact(f"{secret} {told[0]}").startswith("*** nats://back:***@")
        assert await asyncio.to_thread(Path(directory).is_dir)
        through_a = await nats.connect(told[0], connect_timeout=5)
        bucket = await through_a.jetstream(timeout=10).create_key_value(bucket="carts", replicas=3)
        await written_within(30, bucket)
        for name in ("store-b", "store-c"):
            target = InstanceTarget(service=name)
            await deployment.pause(target)
            await deployment.resume(target)
            await deployment.kill(target)
            assert not await deployment.ready(target)
            assert await deployment.ready(InstanceTarget(service="store-a"))
            await deployment.start(target)
        await through_a.close()
        through_c = await nats.connect(told[2], connect_timeout=5)
        assert await read_within(30, through_c) == b"kept"
        await through_c.close()


async def test_a_server_that_wants_its_port_alone_is_started_again_without_the_holder(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = system_of(tmp_path, run=COMMAND)
    alone = (
        (tmp_path / "service.py")
        .read_text()
        .replace("def serve():", "http.server.HTTPServer.allow_reuse_address = False\n\ndef serve():")
    )
    (tmp_path / "service.py").write_text(alone)
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        assert await deployment.ready(BACK)
        assert any("back-1 wants port" in line for line in heard.progress)


async def test_an_instance_that_does_not_exist_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    async with deployed(system_of(tmp_path, run=COMMAND), supervisor, tmp_path) as (deployment, _):
        with pytest.raises(
            DeployError, match="expected an instance of pair, found 'back-2'; there are: front-1, back-1"
        ):
            await deployment.kill(InstanceTarget(service="back", index=2))
