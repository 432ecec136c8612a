"""Stores and brokers behind a proxied line: each fault bites for a real client, is seen to bite, and heals.

MySQL and AMQP are Debian's: `apt-get install mariadb-server rabbitmq-server`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from harness.clock import SystemClock
from harness.faults import Injector, black_hole, down, latency, reset, truncate
from harness.model.fault import EdgeTarget, FaultSpec, Injection
from harness.model.quantity import Duration
from harness.model.system import TCP_READY, Edge, Need, Run, Service, Store, StoreKind, System
from harness.model.topology import LineId, Topology
from harness.runtime.leftovers import remove_directory
from harness.runtime.process import ProcessDeployment
from harness.runtime.supervisor_client import Supervisor
from tests.needs import program

pytestmark = pytest.mark.loopback
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
ASKED_WITHIN_S = 5.0
READY_WITHIN_S = 240.0
"""RabbitMQ takes its time, and more of it on a busy machine."""
LATE_S = 0.4

START_MYSQL = (
    "test -d '{data}/db' || mariadb-install-db --no-defaults --user=root --datadir='{data}/db' --skip-test-db "
    "--auth-root-authentication-method=normal; exec mariadbd --no-defaults --user=root --datadir='{data}/db' "
    "--port={port} --bind-address=127.0.0.1 --socket=mysql.sock --innodb-buffer-pool-size=8M"
)
MYSQL = Store(
    kind=StoreKind.TCP,
    run=Run(
        command=(
            "sh",
            "-c",
            START_MYSQL,
        )
    ),
)
AMQP = Store(
    kind=StoreKind.TCP,
    run=Run(
        command=(
            "env",
            "HOME={data}",
            "ERL_EPMD_ADDRESS=127.0.0.1",
            "RABBITMQ_NODENAME=of-tests-{port}@localhost",
            "RABBITMQ_NODE_PORT={port}",
            "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {{127,0,0,1}}",
            "RABBITMQ_MNESIA_BASE={data}",
            "RABBITMQ_LOG_BASE={data}",
            "RABBITMQ_PID_FILE={data}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE={data}/plugins",
            "sh",
            "-c",
            f"RABBITMQ_DIST_PORT=$(({{port}} - 10000)) exec {RABBITMQ}",  # its own may be another socket by now
        )
    ),
)
STORES = {
    "postgres": Store(kind=StoreKind.POSTGRES, databases=("front",)),
    "redis": Store(kind=StoreKind.REDIS),
    "nats": Store(kind=StoreKind.NATS),
    "mysql": MYSQL,
    "amqp": AMQP,
}
NEEDS = {"mysql": "mariadbd", "amqp": RABBITMQ}
"""Programs that come with no package of ours."""


async def ask_postgres(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT 1") == 1)
    finally:
        connection.terminate()


async def ask_redis(url: str) -> bool:
    client = redis.asyncio.Redis.from_url(url, socket_timeout=ASKED_WITHIN_S, retry=None)
    try:
        return bool(await client.ping())
    finally:
        await client.aclose()


async def ask_nats(url: str) -> bool:
    host, port = url.removeprefix("nats://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        if not (await reader.readline()).startswith(b"INFO "):
            return False
        writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
        return await reader.readline() == b"PONG\r\n"
    finally:
        writer.transport.abort()


async def ask_mysql(url: str) -> bool:
    host, port = url.removeprefix("tcp://").split(":")
    command = ("mariadb", "--no-defaults", "--protocol=tcp", f"-h{host}", f"-P{port}", "-uroot", "-Ne", "SELECT 1")
    client = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-3)
    try:
        said, _ = await client.communicate()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    return said == b"1\n"


async def ask_amqp(url: str) -> bool:
    """The handshake of AMQP 0-9-1 as far as the broker's Tune, which it sends to those who logged in."""
    host, port = url.removeprefix("tcp://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def method() -> bytes:
        head = await reader.readexactly(7)
        return (await reader.readexactly(int.from_bytes(head[3:], "big") + 1))[:4]

    def text(value: bytes, width: int) -> bytes:
        return len(value).to_bytes(width, "big") + value

    try:
        writer.write(b"AMQP\x00\x00\x09\x01")
        if await method() != b"\x00\x0a\x00\x0a":  # Start
            return False
        login = b"\x00\x0a\x00\x0b" + text(b"", 4) + text(b"PLAIN", 1) + text(b"\0guest\0guest", 4) + text(b"en_US", 1)
        writer.write(b"\x01\x00\x00" + text(login, 4) + b"\xce")
        return await method() == b"\x00\x0a\x00\x1e"  # Tune
    finally:
        writer.transport.abort()


CLIENTS: dict[str, Callable[[str], Awaitable[bool]]] = {
    "postgres": ask_postgres,
    "redis": ask_redis,
    "nats": ask_nats,
    "mysql": ask_mysql,
    "amqp": ask_amqp,
}
FAULTS: dict[str, FaultSpec] = {
    "latency": latency(f"{LATE_S}s"),
    "black-hole": black_hole(),
    "reset": reset(),
    "truncate-0": truncate(0),
    "truncate-head": truncate(3),
    "down": down(),
}


def system(root: Path, name: str) -> Topology:
    front = Run(command=(sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"))
    described = System(
        system="one-store",
        entry="front",
        services={"front": Service(owner="us", run=front, ready=TCP_READY)},
        stores={name: STORES[name]},
        edges=(Edge(consumer="front", provider=name, need=Need.HARD),),
    )
    return Topology(system=described, root=str(root), start_order=((name,), ("front",)))


@asynccontextmanager
async def behind_a_proxy(toxiproxy: Path, root: Path, name: str) -> AsyncIterator[tuple[Injector, str]]:
    """The injector, and the address that the consumer is told."""
    clock = SystemClock()
    topology = system(root, name)
    supervisor = await Supervisor.start(root / "runs" / "this")
    try:
        deployment = await ProcessDeployment.deploy(
            topology,
            directory=root / "runs" / "this",
            supervisor=supervisor,
            toxiproxy=toxiproxy,
            clock=clock,
            run_began=clock.now(),
            progress=lambda _: None,
            on_event=lambda _: None,
            ready_within_s=READY_WITHIN_S,
        )
        try:
            injector = Injector(deployment.mesh, deployment, clock=clock, record=root / "in-force.ndjson")
            line = LineId(consumer=topology.instances[0], provider=topology.store_instances[0])
            yield injector, deployment._store_url(name, "front", deployment._layout.entry[line])
        finally:
            await deployment.stop()
    finally:
        await supervisor.close()
        remove_directory(str(root))


async def asked(name: str, url: str) -> tuple[bool, float]:
    """Whether a client got its answer, and how long it took."""
    clock = SystemClock()
    began = clock.now()
    try:
        async with asyncio.timeout(ASKED_WITHIN_S):
            answered = await CLIENTS[name](url)
    except Exception:  # noqa: BLE001 -- each client has errors of its own
        answered = False
    return answered, clock.now() - began


@pytest.mark.parametrize("name", STORES)
async def test_each_fault_bites_and_heals_on_the_line_of(name: str, toxiproxy: Path, tmp_path: Path) -> None:
    if name in NEEDS:
        program(NEEDS[name], "mariadb-server rabbitmq-server")
    target = EdgeTarget(consumer="front", provider=name)
    async with behind_a_proxy(toxiproxy, tmp_path, name) as (injector, url):
        assert (await asked(name, url))[0]
        for word, fault in FAULTS.items():
            armed = await injector.inject(Injection(id=word, fault=fault, target=target, lasts=Duration(60)))
            assert armed.in_force, (word, armed.evidence)
            answered, took_s = await asked(name, url)
            assert answered is (word == "latency"), word
            assert word != "latency" or took_s >= LATE_S
            healed = await injector.heal(word)
            assert healed.verified, (word, healed.evidence)
            assert (await asked(name, url))[0], word
