from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from pydantic import JsonValue

from harness.model.process import Process
from harness.model.system import Store, StoreKind
from harness.runtime.ports import PortPool
from harness.runtime.probing import probing
from harness.runtime.secret import Secrets
from harness.runtime.stores import NodePorts, StorePlan
from harness.runtime.stores.nats import Nats
from harness.runtime.supervisor_client import Supervisor, base_environment
from tests.runtime.test_process import read_within, written_within

pytestmark = pytest.mark.loopback

NAMES = ("store-a", "store-b", "store-c")
ALONE = Store(kind=StoreKind.NATS, databases=("cart", "registry"))


@dataclass
class Cluster:
    """Nodes that a test starts and kills."""

    supervisor: Supervisor
    ports: dict[str, int]
    drivers: dict[str, Nats]
    processes: dict[str, Process]

    async def start(self, *names: str) -> None:
        """Start them, and wait until each can serve."""
        for name in names:
            self.processes[name] = await self.supervisor.spawn(self.drivers[name].spec())
        await asyncio.gather(*(self.ready(name) for name in names))

    async def ready(self, name: str) -> None:
        async with asyncio.timeout(30):
            while await self.drivers[name].ready() is not None:  # noqa: ASYNC110 -- another process has no events
                await asyncio.sleep(0.02)

    async def kill(self, *names: str) -> None:
        for name in names:
            await self.processes[name].signal(signal.SIGKILL)
            await self.processes[name].wait()

    async def info(self, name: str) -> dict[str, Any]:
        """What a node says of itself to a client that is just connected."""
        async with probing(self.ports[name]) as (reader, _):
            told: dict[str, Any] = json.loads((await reader.readline()).removeprefix(b"INFO "))
            return told


def planned(supervisor: Supervisor, root: Path, pool: PortPool, store: Store, names: tuple[str, ...]) -> Cluster:
    secrets = Secrets()
    nodes = {name: NodePorts(cluster=pool.take(), monitor=pool.take()) for name in names} if store.cluster else {}
    ports = {name: pool.take() for name in names}
    drivers = {
        name: Nats.plan(
            StorePlan(
                name=name,
                store=store,
                port=port,
                directory=root / name,
                log=root / f"{name}.log",
                env=base_environment(),
                secrets=secrets,
                nodes=nodes,
            ),
            Nats.find(os.environ),
        )
        for name, port in ports.items()
    }
    return Cluster(supervisor=supervisor, ports=ports, drivers=drivers, processes={})


@pytest.fixture
async def cluster(supervisor: Supervisor, tmp_path: Path) -> AsyncIterator[Cluster]:
    with PortPool() as pool:
        cluster = planned(supervisor, tmp_path, pool, ALONE.model_copy(update={"cluster": "carts"}), NAMES)
        for driver in cluster.drivers.values():
            await driver.prepare(supervisor)
        await cluster.start(*NAMES)
        yield cluster
        await cluster.kill(*NAMES)


async def connected(stack: AsyncExitStack, url: str) -> Client:
    client = await nats.connect(url, connect_timeout=2, allow_reconnect=False)
    stack.push_async_callback(client.close)
    return client


async def answered(port: int, login: dict[str, JsonValue]) -> str:
    """What a node says to a client that logs in so; nats-py leaves its socket open when it is refused."""
    async with probing(port) as (reader, writer):
        await reader.readline()
        writer.write(f"CONNECT {json.dumps(login)}\r\nPING\r\n".encode())
        return (await reader.readline()).decode()


async def test_a_killed_node_comes_back_with_its_data_while_another_is_down(cluster: Cluster) -> None:
    async with AsyncExitStack() as stack:
        client = await connected(stack, cluster.drivers["store-a"].url("cart", cluster.ports["store-a"]))
        bucket = await client.jetstream().create_key_value(bucket="carts", replicas=3)
        await written_within(30, bucket)
        await cluster.kill("store-b")
        assert await cluster.drivers["store-a"].ready() is None
        assert await cluster.drivers["store-b"].ready() is not None
        await cluster.start("store-b")
        await cluster.kill("store-c")
        await cluster.kill("store-b")
        await cluster.start("store-b")
        through_b = await connected(stack, cluster.drivers["store-b"].url("cart", cluster.ports["store-b"]))
        assert await read_within(30, through_b) == b"kept"


async def test_nodes_that_were_all_killed_come_back_one_after_the_other(cluster: Cluster) -> None:
    await cluster.kill(*NAMES)
    for name in NAMES:
        await cluster.start(name)
    for name in NAMES:
        await cluster.ready(name)


async def test_clients_learn_no_other_address_than_the_one_they_were_told(cluster: Cluster) -> None:
    for name in NAMES:
        told = await cluster.info(name)
        assert told["cluster"] == "carts"
        assert told["server_name"] == name
        assert told["auth_required"] is True
        assert "connect_urls" not in told


async def test_an_account_sees_nothing_of_another_and_nobody_comes_in_without(cluster: Cluster) -> None:
    port = cluster.ports["store-a"]
    driver = cluster.drivers["store-a"]
    async with AsyncExitStack() as stack:
        cart = await connected(stack, driver.url("cart", port))
        await cart.jetstream().create_key_value(bucket="carts", replicas=3)
        registry = await connected(stack, driver.url("registry", port))
        assert [each.config.name for each in await cart.jetstream().streams_info()] == ["KV_carts"]
        assert await registry.jetstream().streams_info() == []
    assert "Authorization" in await answered(port, {"verbose": False})
    assert "Authorization" in await answered(port, {"verbose": False, "user": "cart", "pass": "wrong"})


async def test_a_node_alone_has_accounts_too_and_a_new_password_each_run(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with PortPool() as pool:
        one = planned(supervisor, tmp_path, pool, ALONE, ("bus",))
        other = planned(supervisor, tmp_path, pool, ALONE, ("bus",))
        assert one.drivers["bus"].url("cart", 1) != other.drivers["bus"].url("cart", 1)
        await one.drivers["bus"].prepare(supervisor)
        await one.start("bus")
        async with AsyncExitStack() as stack:
            client = await connected(stack, one.drivers["bus"].url("cart", one.ports["bus"]))
            assert (await client.jetstream().account_info()).streams == 0
        await one.kill("bus")
