"""Each fault bites, on connections that are open and on new ones, and heals."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.faults import (
    black_hole,
    down,
    kill,
    latency,
    no_op,
    pause,
    reset,
    truncate,
)
from harness.faults.spec import ANSWER_WITHIN_S
from harness.model.fault import FaultSpec, HealedBy
from tests.faults.systems import CATALOG, PRICING, THE_CATALOG, injection, slow, system
from tests.proxy.rigs import CLOCK, Server, client, free_port, get

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("relay", [True, False])
async def test_latency_delays_open_connections_and_new_ones_until_it_is_healed(
    toxiproxy: Path, tmp_path: Path, *, relay: bool
) -> None:
    async with system(toxiproxy, tmp_path, relay=relay) as (running, injector):
        async with client(running.entry(CATALOG)) as consumer:
            await consumer.get()
            armed = await injector.inject(injection(latency("200ms")))
            assert armed.in_force, armed.evidence
            assert "latency downstream latency=200 jitter=0" in armed.evidence
            assert "answered in 2" in armed.evidence
            began = CLOCK.now()
            await consumer.get()
            assert CLOCK.now() - began >= 0.2
            assert await slow(running.entry(CATALOG)) >= 0.2
            assert await slow(running.entry(PRICING)) < 0.2
            healed = await injector.heal("it")
            assert healed.verified, healed.evidence
            assert healed.by is HealedBy.REMOVED
            assert healed.also_cut == ()
            began = CLOCK.now()
            await consumer.get()
            assert CLOCK.now() - began < 0.2
        assert await slow(running.entry(CATALOG)) < 0.2


async def test_latency_on_requests_delays_them_on_their_way_up(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        armed = await injector.inject(injection(latency("150ms", direction="request")))
        assert armed.in_force, armed.evidence
        assert "latency upstream" in armed.evidence
        assert await slow(running.entry(CATALOG)) >= 0.15
        assert (await injector.heal("it")).verified


@pytest.mark.parametrize("relay", [True, False])
async def test_down_refuses_connections_and_cuts_live_ones(toxiproxy: Path, tmp_path: Path, *, relay: bool) -> None:
    async with system(toxiproxy, tmp_path, relay=relay) as (running, injector):
        async with client(running.entry(CATALOG)) as consumer:
            await consumer.get()
            armed = await injector.inject(injection(down()))
            assert armed.in_force, armed.evidence
            assert f"connect refused on 127.0.0.1:{running.entry(CATALOG)}" in armed.evidence
            if relay:
                with pytest.raises(ConnectionResetError):
                    await consumer.reader.read()
            else:
                assert await consumer.reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry(CATALOG))
        assert await get(running.entry(PRICING)) == b"ok"
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert await get(running.entry(CATALOG)) == b"ok"


@pytest.mark.parametrize(("direction", "arrives"), [("both", False), ("request", False), ("reply", True)])
async def test_a_black_hole_swallows_and_with_reply_the_work_is_done(
    toxiproxy: Path, tmp_path: Path, *, direction: str, arrives: bool
) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        async with client(running.entry(CATALOG)) as consumer:
            await consumer.get()
            fault = black_hole().model_validate({"direction": direction})
            armed = await injector.inject(injection(fault))
            assert armed.in_force, armed.evidence
            assert "no answer within" in armed.evidence
            before = running.servers["catalog-1"].requests
            with pytest.raises(TimeoutError):
                await consumer.get(within_s=0.15)
            with pytest.raises(TimeoutError):
                await get(running.entry(CATALOG), within_s=0.15)
            assert running.servers["catalog-1"].requests - before == (2 if arrives else 0)
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_attempts_that_a_black_hole_swallows_are_counted(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        await injector.inject(injection(black_hole()))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await get(running.entry(CATALOG), within_s=0.05)
        await injector.heal("it")
    assert running.total(CATALOG, "requests") == running.total(CATALOG, "aborted") == 3
    assert running.total(CATALOG, "answers") == 0


async def test_reset_ends_live_connections_and_new_ones_with_a_reset(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        async with client(running.entry(CATALOG)) as consumer:
            await consumer.get()
            armed = await injector.inject(injection(reset()))
            assert armed.in_force, armed.evidence
            with pytest.raises(ConnectionResetError):
                await consumer.reader.read()
        for _ in range(3):
            with pytest.raises(ConnectionResetError):
                await get(running.entry(CATALOG))
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert await get(running.entry(CATALOG)) == b"ok"
    assert running.total(CATALOG, "requests") == 1 + 3 + 1
    assert running.total(CATALOG, "aborted") == 3


@pytest.mark.parametrize("after", [0, 12, 300])
async def test_truncate_ends_new_connections_after_so_many_bytes(toxiproxy: Path, tmp_path: Path, after: int) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        async with client(running.entry(CATALOG)) as live:
            await live.get()
            armed = await injector.inject(injection(truncate(after)))
            assert armed.in_force, armed.evidence
            assert f"closed after {after} bytes" in armed.evidence
            with pytest.raises(ConnectionResetError):
                await live.reader.read()
        async with client(running.entry(CATALOG)) as consumer:
            consumer.writer.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
            assert len(await consumer.reader.read(-1)) == after
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_a_killed_instance_refuses_and_is_started_again(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        armed = await injector.inject(injection(kill(), THE_CATALOG))
        assert armed.in_force, armed.evidence
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry(CATALOG))
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert healed.by is HealedBy.STARTED
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_a_paused_instance_is_silent_and_goes_on(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        server = running.servers["catalog-1"]
        assert server.requests == 0
        armed = await injector.inject(injection(pause(), THE_CATALOG))
        assert armed.in_force, armed.evidence
        assert server.requests == 2  # met before it froze, so that nothing but its silence is waited for; then probed
        with pytest.raises(TimeoutError):
            await get(running.entry(CATALOG), within_s=0.1)
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert healed.by is HealedBy.RESUMED


async def test_the_placebo_goes_the_same_way_and_changes_nothing(toxiproxy: Path, tmp_path: Path) -> None:
    async with (
        system(toxiproxy, tmp_path, relay=False) as (running, injector),
        client(running.entry(CATALOG)) as consumer,
    ):
        await consumer.get()
        armed = await injector.inject(injection(no_op()))
        assert armed.in_force, armed.evidence
        assert "latency=0" in armed.evidence
        await consumer.get()
        assert (await injector.heal("it")).verified
        await consumer.get()


PROTOCOLS = {
    "postgres": Server(answers=lambda _asked: b"N", ends=b"\x04\xd2\x16\x2f"),
    "redis": Server(answers=lambda _asked: b"+PONG\r\n", ends=b"PING\r\n"),
    "nats": Server(greeting=b"INFO {}\r\n", answers=lambda _asked: b"PONG\r\n", ends=b"PING\r\n"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_each_fault_is_seen_to_bite_and_to_heal_in_each_protocol(
    toxiproxy: Path, tmp_path: Path, protocol: str
) -> None:
    server = replace(PROTOCOLS[protocol], port=free_port(), peers=set(), ended=[], received=bytearray())
    async with system(toxiproxy, tmp_path, server, protocol=protocol) as (_running, injector):
        for fault in (latency("60ms"), black_hole(), black_hole("request"), reset(), truncate(), down(), no_op()):
            armed = await injector.inject(injection(fault))
            assert armed.in_force, armed.evidence
            healed = await injector.heal("it")
            assert healed.verified, healed.evidence


@pytest.mark.parametrize("fault", [latency("100ms"), reset(), truncate(), black_hole()], ids=str)
async def test_what_a_provider_that_is_down_does_by_itself_is_no_fault_in_force(
    toxiproxy: Path, tmp_path: Path, fault: FaultSpec
) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        await running.servers["catalog-1"].stop()
        armed = await injector.inject(injection(fault))
        assert not armed.in_force, armed.evidence
        await running.servers["catalog-1"].start()
        assert (await injector.heal("it")).verified


async def test_the_silence_of_a_provider_that_hangs_is_no_black_hole(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        running.servers["catalog-1"].pause()
        armed = await injector.inject(injection(black_hole()))
        assert not armed.in_force
        told = re.search(r"its provider does not answer either: no answer within ([\d.]+) s", armed.evidence)
        assert told, armed.evidence
        assert float(told[1]) >= ANSWER_WITHIN_S, "longer only where the machine is busy"
        running.servers["catalog-1"].resume()
        assert (await injector.heal("it")).verified


async def test_a_fault_before_a_dead_provider_is_not_in_force(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (_running, injector):
        await injector.inject(injection(kill(), THE_CATALOG, "killed"))
        armed = await injector.inject(injection(latency("100ms")))
        assert not armed.in_force
        assert "dead" in armed.evidence
        healed = await injector.heal_all()
        assert [each.verified for each in healed] == [True, True]
