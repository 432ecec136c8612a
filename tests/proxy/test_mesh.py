"""A mesh: started whole or not at all, hiding the dead, noticing when a part of it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.errors import ProxyError
from harness.model.exchange_rules import ExchangeRule, Later
from harness.model.fault import EdgeTarget, InstanceTarget
from harness.model.topology import InstanceId
from harness.proxy.mesh import LinePlan, Mesh
from harness.proxy.server import HANGS_AFTER_S
from tests.proxy.rigs import CLOCK, HOST, LocalSpawner, Server, client, free_port, get, line_id, rig, settled, until

pytestmark = pytest.mark.loopback

CATALOG = "gateway-1->catalog-1"
ORDERS = "orders-1->catalog-1"


def plan(consumer: str, provider: str, *, proxy: int | None = None) -> LinePlan:
    port = proxy or free_port()
    return LinePlan(
        line=line_id(consumer, provider), protocol="http", upstream_port=1, proxy_port=port, entry_port=free_port()
    )


def starve(pid: int) -> None:
    """Let all threads of a process run only when nobody else wants to."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))


@asynccontextmanager
async def busy_processors() -> AsyncIterator[None]:
    """Two processes for each processor that want all of it."""
    spin = (sys.executable, "-Sc", "while True: pass")
    busy = [await asyncio.create_subprocess_exec(*spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            await each.wait()


async def start(binary: Path, directory: Path, plans: list[LinePlan], spawner: LocalSpawner) -> Mesh:
    return await Mesh.start(
        plans,
        binary=binary,
        spawner=spawner,
        directory=directory,
        control_ports=free_port,
        clock=CLOCK,
        run_began=CLOCK.now(),
        relay=True,
        on_crossing=lambda _crossing: None,
    )


async def test_each_consumer_service_has_a_server_of_its_own(toxiproxy: Path, tmp_path: Path) -> None:
    catalog = Server()
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": catalog, "orders->catalog": catalog}) as running:
        assert set(running.spawner.processes) == {"toxiproxy-gateway", "toxiproxy-orders", "relay"}
        assert await running.mesh.alive() == []
        await running.spawner.kill("toxiproxy-orders")
        assert await running.mesh.alive() == ["toxiproxy-orders"]
        assert await get(running.entry(CATALOG)) == b"ok"
        await running.spawner.kill("relay")
        assert await running.mesh.alive() == ["toxiproxy-orders", "relay"]


async def test_all_lines_to_a_dead_instance_refuse_until_it_is_shown_again(toxiproxy: Path, tmp_path: Path) -> None:
    catalog = Server()
    dead = InstanceId(service="catalog")
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": catalog, "orders->catalog": catalog}) as running:
        async with client(running.entry(ORDERS)) as live:
            await live.get()
            await running.mesh.hide(dead)
            await running.mesh.hide(dead)
            with pytest.raises(ConnectionResetError):
                await live.reader.read()
        assert await running.mesh.restart("gateway") == (CATALOG,)
        for line in (CATALOG, ORDERS):
            for port in (running.plans[line].entry_port, running.plans[line].proxy_port):
                with pytest.raises(ConnectionRefusedError):
                    await get(port)
        await running.mesh.show(dead)
        assert [await get(running.entry(line)) for line in (CATALOG, ORDERS)] == [b"ok", b"ok"]


async def test_without_a_relay_a_dead_instance_refuses_too(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server()}, relay=False) as running:
        assert set(running.spawner.processes) == {"toxiproxy-gateway"}
        await running.mesh.hide(InstanceId(service="catalog"))
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry(CATALOG))
        await running.mesh.show(InstanceId(service="catalog"))
        async with client(running.entry(CATALOG)) as consumer:
            await consumer.get()
            assert await running.mesh.lines(EdgeTarget(consumer="gateway", provider="catalog"))[0].cut() == 0
            assert await consumer.reader.read() == b""
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_cut_tells_how_many_connections_it_reset(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server(), "gateway->pricing": Server()}) as running:
        line = running.mesh.lines(EdgeTarget(consumer="gateway", provider="catalog"))[0]
        async with (
            client(running.entry(CATALOG)) as one,
            client(running.entry(CATALOG)) as two,
            client(running.entry("gateway-1->pricing-1")) as other,
        ):
            for each in (one, two, other):
                await each.get()
            assert await line.cut() == 2
            for each in (one, two):
                with pytest.raises(ConnectionResetError):
                    await each.reader.read()
            assert await other.get() == b"ok"
        await until(lambda: not running.servers["catalog-1"].peers)


async def test_stop_delivers_the_last_figures_and_ends_every_process(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server()}) as running:
        await get(running.entry(CATALOG))
        await running.mesh.stop()
        assert running.total(CATALOG, "requests") == 1
        assert all(process.returncode is not None for process in running.spawner.processes.values())


async def test_a_port_that_is_taken_is_named_and_what_was_started_is_stopped(toxiproxy: Path, tmp_path: Path) -> None:
    taken = free_port()
    holder = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, taken)
    spawner = LocalSpawner()
    try:
        with pytest.raises(ProxyError, match=f"toxiproxy-gateway was not ready.*{taken}.* taken"):
            await start(toxiproxy, tmp_path, [plan("gateway", "a", proxy=taken), plan("orders", "a")], spawner)
        assert all(process.returncode is not None for process in spawner.processes.values())
    finally:
        holder.close()


async def test_a_binary_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    binary = tmp_path / "toxiproxy-server"
    binary.write_text("#!/bin/sh\necho cannot go on\nexit 3\n")
    binary.chmod(0o755)
    spawner = LocalSpawner()

    with pytest.raises(ProxyError, match=r"toxiproxy-gateway died .*cannot go on"):
        await start(binary, tmp_path / "run", [plan("gateway", "a")], spawner)
    await spawner.kill_all()


async def test_a_start_that_is_broken_off_leaves_nothing_running(tmp_path: Path) -> None:
    binary = tmp_path / "toxiproxy-server"
    binary.write_text("#!/bin/sh\nexec sleep 60\n")
    binary.chmod(0o755)
    spawner = LocalSpawner()
    starting = asyncio.create_task(start(binary, tmp_path / "run", [plan("gateway", "a")], spawner))
    await until(lambda: len(spawner.processes) == 2)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await until(lambda: all(process.returncode is not None for process in spawner.processes.values()))


async def test_unknown_edges_and_instances_are_named_with_those_that_are_there(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server()}) as running:
        with pytest.raises(ProxyError, match=r"found 'gateway->x'; there are: gateway->catalog"):
            running.mesh.lines(EdgeTarget(consumer="gateway", provider="x"))
        with pytest.raises(ProxyError, match=r"consumer 2, provider any; there are: gateway-1->catalog-1"):
            running.mesh.lines(EdgeTarget(consumer="gateway", provider="catalog", consumer_index=2))
        with pytest.raises(ProxyError, match=r"found 'x-1'; there are: gateway-1, catalog-1"):
            running.mesh.lines_to(InstanceTarget(service="x"))
        assert running.mesh.lines_to(InstanceTarget(service="gateway")) == ()


async def test_what_is_dead_or_hangs_is_started_anew_and_does_again_what_it_should(
    toxiproxy: Path, tmp_path: Path
) -> None:
    catalog = Server()
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": catalog, "orders->catalog": catalog}) as running:
        assert await running.mesh.put_right() == []
        (line,) = running.mesh.lines(EdgeTarget(consumer="gateway", provider="catalog"))
        await line.set_exchange_fault("it:", ExchangeRule(deed=Later(delay_s=5.0)))
        (other,) = running.mesh.lines(EdgeTarget(consumer="orders", provider="catalog"))
        await other.close("it")
        await running.spawner.kill("relay")
        await running.spawner.freeze("toxiproxy-orders")
        assert await running.mesh.put_right() == ["toxiproxy-orders", "relay"]
        assert await running.mesh.alive() == []
        assert set(await line.exchange_faults()) == {"it:"}
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry("orders-1->catalog-1"))
        await line.clear_exchange_fault("it:")
        await other.open("it")
        for each in running.plans.values():
            assert await get(each.entry_port) == b"ok"
        before = running.total("gateway-1->catalog-1", "requests")
        await running.mesh.flush()
        assert running.total("gateway-1->catalog-1", "requests") > before


async def test_all_of_them_are_asked_at_once_and_one_that_died_is_told_at_once(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {f"one{index}->catalog": Server() for index in range(8)}) as running:
        for index in range(1, 8):
            await running.spawner.freeze(f"toxiproxy-one{index}")
        began = CLOCK.now()
        assert len(await running.mesh.alive()) == 7
        assert CLOCK.now() - began < 7 * HANGS_AFTER_S
        await running.spawner.processes["toxiproxy-one0"].signal(signal.SIGKILL)
        assert not await running.mesh._servers["one0"].alive()


async def test_those_that_get_no_processor_do_not_hang_and_one_that_hangs_among_them_is_told(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with rig(toxiproxy, tmp_path, {f"one{index}->catalog": Server() for index in range(6)}) as running:
        pids = {name: process.pid for name, process in running.spawner.processes.items()}
        for pid in pids.values():
            starve(pid)
        async with busy_processors():
            for _ in range(3):
                assert await running.mesh.put_right() == []
            await running.spawner.freeze("toxiproxy-one3")
            assert await running.mesh.alive() == ["toxiproxy-one3"]
        assert pids == {name: process.pid for name, process in running.spawner.processes.items()}


async def test_a_server_that_somebody_restarts_while_it_is_asked_is_not_dead(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server()}) as running:
        await running.spawner.freeze("toxiproxy-gateway")
        asking = asyncio.create_task(running.mesh.alive())
        await settled()
        await running.mesh.restart("gateway")
        assert await asking == []


async def test_a_relay_that_hangs_is_started_anew(toxiproxy: Path, tmp_path: Path) -> None:
    async with rig(toxiproxy, tmp_path, {"gateway->catalog": Server()}) as running:
        await running.spawner.freeze("relay")
        assert await running.mesh.put_right() == ["relay"]
        assert await get(running.entry("gateway-1->catalog-1")) == b"ok"
