"""Services and stores that nobody here wrote: ready by a connection, configured by files, at other ports than told."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.errors import DeployError
from harness.model.fault import InstanceTarget
from harness.model.system import TCP_READY, Edge, Need, Run, Service, Store, StoreKind, System
from harness.model.topology import Topology
from harness.runtime.ports import PortPool
from harness.runtime.process import ProcessDeployment
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import FakeMesh

pytestmark = pytest.mark.loopback

SERVER = """
import asyncio, configparser, sys

async def main():
    told = configparser.ConfigParser()
    told.read(sys.argv[1])
    says = told["here"]["says"].encode()

    async def greet(reader, writer):
        writer.write(says)
        writer.close()

    server = await asyncio.start_server(greet, told["here"]["host"], int(told["here"]["port"]))
    await server.serve_forever()

asyncio.run(main())
"""


def system(root: Path, *, service: str, store: str = "i am {instance}, you know {secret.shared}") -> Topology:
    (root / "server.py").write_text(textwrap.dedent(SERVER), encoding="utf-8")
    (root / "front.conf").write_text(service, encoding="utf-8")
    (root / "store.conf").write_text(f"[here]\nhost=127.0.0.1\nport={{port}}\nsays={store}\n", encoding="utf-8")

    def run(template: str) -> Run:
        return Run(command=(sys.executable, "server.py", "{data}/etc/app.conf"), files={"etc/app.conf": template})

    described = System(
        system="foreign",
        entry="front",
        services={"front": Service(owner="one", run=run("front.conf"), ready=TCP_READY)},
        stores={"broker": Store(kind=StoreKind.TCP, run=run("store.conf"))},
        edges=(Edge(consumer="front", provider="broker", need=Need.HARD),),
    )
    return Topology(system=described, root=str(root), start_order=(("broker",), ("front",)))


def service(host: str = "127.0.0.1", port: str = "{port}") -> str:
    says = "{edge.broker.url} {edge.broker.host}:{edge.broker.port} {secret.shared}"
    return f"[here]\nhost={host}\nport={port}\nsays={says}\n"


@asynccontextmanager
async def deployed(
    topology: Topology, supervisor: Supervisor, root: Path, *, within_s: float = 20.0
) -> AsyncIterator[ProcessDeployment]:
    clock = SystemClock()
    deployment = await ProcessDeployment.deploy(
        topology,
        directory=root / "runs" / "this",
        supervisor=supervisor,
        toxiproxy=Path("/nowhere"),
        clock=clock,
        run_began=clock.now(),
        relay=False,
        progress=lambda _: None,
        on_event=lambda _: None,
        ready_within_s=within_s,
        start_mesh=FakeMesh.start,  # type: ignore[arg-type]  # a fake has fewer abilities
    )
    try:
        yield deployment
    finally:
        await deployment.stop()


async def said_at(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    return said.decode()


async def test_a_service_and_a_store_are_told_everything_by_files_and_are_ready_by_a_connection(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with deployed(system(tmp_path, service=service()), supervisor, tmp_path) as running:
        front, broker = InstanceTarget(service="front"), InstanceTarget(service="broker")
        assert await running.ready(front)
        url, place, secret = (await said_at(running._instance(front).port)).split()
        assert url == f"tcp://{place}"
        assert place.startswith("127.0.0.1:")
        assert await said_at(int(place.rpartition(":")[2])) == f"i am broker-1, you know {secret}"
        assert running.store_address("broker", "front") == f"tcp://127.0.0.1:{running._instance(broker).port}"
        await running.kill(broker)
        assert not await running.ready(broker)
        await running.start(broker)
        assert await said_at(int(place.rpartition(":")[2])) == f"i am broker-1, you know {secret}"
    assert not (tmp_path / "runs" / "this" / "data").exists()


async def test_one_that_binds_to_another_port_is_told_with_that_port_and_the_way_out(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with PortPool(range(18_000, 19_000)) as pool:
        port = pool.take()
        topology = system(tmp_path, service=service(port=str(port)))
        with pytest.raises(DeployError) as refused:
            async with deployed(topology, supervisor, tmp_path, within_s=1.5):
                pass
    message = str(refused.value)
    assert "front-1: expected it to be ready within 1.5 s" in message
    assert f"its processes listen on 127.0.0.1:{port}, and not on 127.0.0.1:2" in message
    assert "hand it {port} in 'command', 'env' or one of 'files'" in message
    assert f"or declare the port that it insists on: 'port: {port}' (of a service, in its 'instances')" in message


async def test_one_that_binds_to_another_address_is_told_with_that(supervisor: Supervisor, tmp_path: Path) -> None:
    topology = system(tmp_path, service=service(host="127.0.0.2"))
    with pytest.raises(DeployError, match=r"and not on 127\.0\.0\.1, where they are called: let it bind to 127"):
        async with deployed(topology, supervisor, tmp_path, within_s=1.5):
            pass


async def test_one_that_listens_nowhere_is_told_so(supervisor: Supervisor, tmp_path: Path) -> None:
    topology = system(tmp_path, service=service())
    (tmp_path / "server.py").write_text("import signal; signal.pause()", encoding="utf-8")
    with pytest.raises(DeployError, match="none of its processes listens on any port, and it was told"):
        async with deployed(topology, supervisor, tmp_path, within_s=1.0):
            pass
