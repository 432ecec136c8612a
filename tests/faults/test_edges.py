"""Faults in the bytes of an edge bite on what is open and on what is new, and heal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from harness.faults import (
    Injector,
    bandwidth,
    flapping,
    half_open,
    latency,
    limit,
    one_way,
    reset,
    slice_,
    slow_close,
    truncate,
)
from harness.model.fault import FaultSpec, HealedBy, Hits
from tests.faults.systems import CATALOG, PRICING, injection, slow, system
from tests.proxy.rigs import CLOCK, Client, Rig, Server, answer, client, get, settled, until

pytestmark = [pytest.mark.loopback, pytest.mark.asyncio(loop_scope="module")]

Standing = tuple[Rig, Injector]

HEAVY = 20_000
HEAD_BYTES = len(answer(bytes(HEAVY))) - HEAVY


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system_up(toxiproxy: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Standing]:
    """One system for all, since starting it takes longer than any of these faults."""
    async with system(toxiproxy, tmp_path_factory.mktemp("edges")) as both:
        yield both


@pytest.fixture
def standing(system_up: Standing) -> Standing:
    running, injector = system_up
    assert injector.in_force == ()
    running.servers["catalog-1"].answers = lambda _asked: answer(b"ok")
    return running, injector


@pytest.fixture
def heavy(standing: Standing) -> Standing:
    running, injector = standing
    running.servers["catalog-1"].answers = lambda _asked: answer(bytes(HEAVY))
    return running, injector


async def test_a_bandwidth_is_each_connections_own(heavy: Standing) -> None:
    running, injector = heavy
    async with client(running.entry(CATALOG)) as one, client(running.entry(CATALOG)) as other:
        await one.get()
        armed = await injector.inject(injection(bandwidth(50)))
        assert armed.in_force, armed.evidence
        assert "bandwidth downstream rate=50" in armed.evidence
        began = CLOCK.now()
        await asyncio.gather(one.get(), other.get())
        assert 0.35 <= CLOCK.now() - began < 0.75
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        began = CLOCK.now()
        await one.get()
        assert CLOCK.now() - began < 0.3


async def test_the_end_of_a_connection_comes_late_and_the_answer_does_not(standing: Standing) -> None:
    running, injector = standing
    assert await _end_after_the_answer(running.servers["catalog-1"], running.entry(CATALOG)) < 0.3
    armed = await injector.inject(injection(slow_close("300ms")))
    assert armed.in_force, armed.evidence
    assert "closed after 0 bytes" in armed.evidence
    assert await slow(running.entry(CATALOG)) < 0.3
    assert await _end_after_the_answer(running.servers["catalog-1"], running.entry(CATALOG)) >= 0.3
    assert (await injector.heal("it")).verified
    assert await _end_after_the_answer(running.servers["catalog-1"], running.entry(CATALOG)) < 0.3


async def _end_after_the_answer(server: Server, port: int) -> float:
    """How long after its answer the provider's close is heard of."""
    async with client(port) as consumer:
        await consumer.get()
        began = CLOCK.now()
        for peer in list(server.peers):
            peer.transport.close()
        assert await consumer.reader.read() == b""
        return CLOCK.now() - began


async def test_answers_in_pieces_are_whole_and_slow(standing: Standing) -> None:
    running, injector = standing
    armed = await injector.inject(injection(slice_(10, variation_bytes=4, pause="100ms")))
    assert armed.in_force, armed.evidence
    assert "slicer downstream average_size=10 size_variation=4 delay=100000" in armed.evidence
    assert await slow(running.entry(CATALOG)) >= 0.2
    assert (await injector.heal("it")).verified
    # a machine that stands still makes a whole one slow, and nothing makes one in pieces fast
    assert min([await slow(running.entry(CATALOG)) for _ in range(10)]) < 0.2


async def test_a_connection_dies_when_its_budget_is_spent_and_the_next_one_has_its_own(standing: Standing) -> None:
    running, injector = standing
    size = len(answer(b"ok"))
    async with client(running.entry(CATALOG)) as live:
        await live.get()
        armed = await injector.inject(injection(limit(2 * size + 5)))
        assert armed.in_force, armed.evidence
        await live.get()
        await live.get()
        live.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert len(await live.reader.read(-1)) == 5
    assert await get(running.entry(CATALOG)) == b"ok"
    assert (await injector.heal("it")).verified
    async with client(running.entry(CATALOG)) as again:
        for _ in range(5):
            await again.get()


async def test_a_budget_of_requests_ends_a_connection_too(standing: Standing) -> None:
    running, injector = standing
    armed = await injector.inject(injection(limit(30, direction="request")))
    assert armed.in_force, armed.evidence
    async with client(running.entry(CATALOG)) as consumer:
        assert await consumer.get() == b"ok"
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await consumer.get()
    assert (await injector.heal("it")).verified


async def test_a_reset_in_the_middle_of_an_answer_is_one_and_comes_after_so_many_bytes(heavy: Standing) -> None:
    running, injector = heavy
    async with client(running.entry(CATALOG)) as live:
        await live.get()
        armed = await injector.inject(injection(reset(HEAVY // 2)))
        assert armed.in_force, armed.evidence
        for consumer in (live, None):
            assert await _until_the_reset(consumer, running.entry(CATALOG)) == HEAVY // 2
    healed = await injector.heal("it")
    assert healed.verified, healed.evidence
    assert await get(running.entry(CATALOG)) == bytes(HEAVY)


async def _until_the_reset(consumer: Client | None, port: int) -> int:
    """How many bytes of an answer come until the connection is reset."""
    if consumer is None:
        async with client(port) as fresh:
            return await _until_the_reset(fresh, port)
    consumer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    seen = 0
    try:
        while data := await consumer.reader.read(1000):
            seen += len(data)
    except ConnectionResetError:
        return seen
    pytest.fail(f"closed after {seen} bytes, and not reset")


async def test_an_answer_is_truncated_in_its_body(heavy: Standing) -> None:
    running, injector = heavy
    armed = await injector.inject(injection(truncate(HEAVY)))
    assert armed.in_force, armed.evidence
    async with client(running.entry(CATALOG)) as consumer:
        with pytest.raises(asyncio.IncompleteReadError) as broken:
            await consumer.get()
    assert len(broken.value.partial) == HEAVY - HEAD_BYTES
    assert (await injector.heal("it")).verified
    assert await get(running.entry(CATALOG)) == bytes(HEAVY)


async def test_half_open_connections_are_silent_and_the_provider_hears_of_nothing(standing: Standing) -> None:
    running, injector = standing
    provider = running.servers["catalog-1"]
    async with client(running.entry(CATALOG)) as live:
        await live.get()
        armed = await injector.inject(injection(half_open()))
        assert armed.in_force, armed.evidence
        asked, known = provider.requests, set(provider.peers)
        async with client(running.entry(CATALOG)) as late:
            for consumer in (live, late):
                with pytest.raises(TimeoutError):
                    await consumer.get(within_s=0.1)
            assert provider.requests == asked
            assert provider.peers <= known  # the probe's may be gone by now
            for peer in list(provider.peers):
                peer.transport.abort()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(live.reader.read(1), 0.1)
            healed = await injector.heal("it")
            assert healed.verified, healed.evidence
            for consumer in (live, late):
                with pytest.raises(ConnectionResetError):
                    await consumer.reader.read(1)
    assert healed.hits is not None
    assert (healed.hits.connections, healed.hits.requests) == (1, 2)
    assert await get(running.entry(CATALOG)) == b"ok"


async def test_one_way_the_work_is_done_and_nobody_hears_of_it(standing: Standing) -> None:
    running, injector = standing
    provider = running.servers["catalog-1"]
    booked: list[bytes] = []

    def book(asked: bytes) -> bytes:
        if b"/livez" not in asked:
            booked.append(asked)
        return answer(b"ok")

    provider.answers = book
    async with client(running.entry(CATALOG)) as live:
        await live.get()
        armed = await injector.inject(injection(one_way()))
        assert armed.in_force, armed.evidence
        with pytest.raises(TimeoutError):
            await live.get(within_s=0.15)
        with pytest.raises(TimeoutError):
            await get(running.entry(CATALOG), within_s=0.15)
        assert len(booked) == 3
        for peer in list(provider.peers):
            peer.transport.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(live.reader.read(1), 0.1)
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        with pytest.raises(ConnectionResetError):
            await live.reader.read(1)
    assert await get(running.entry(CATALOG)) == b"ok"


async def test_without_a_relay_toxiproxy_does_the_nearest_and_what_only_a_relay_can_do_is_not_in_force(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        for silent in (half_open(), one_way()):
            armed = await injector.inject(injection(silent))
            assert armed.in_force, armed.evidence
            assert await _silent(running.entry(CATALOG))
            assert (await injector.heal("it")).verified
        armed = await injector.inject(injection(latency("100ms", jitter="10ms")))
        assert armed.in_force, armed.evidence
        assert "latency downstream latency=100 jitter=10" in armed.evidence
        assert (await injector.heal("it")).verified
        for choosing in (reset(10), latency("100ms", share=0.5), flapping("400ms")):
            armed = await injector.inject(injection(choosing))
            assert not armed.in_force
            assert "expected a relay on gateway-1->catalog-1, found none" in armed.evidence
            assert (await injector.heal("it")).verified
        assert await get(running.entry(CATALOG)) == b"ok"


@pytest.mark.parametrize(
    "fault",
    [
        latency("150ms", jitter="50ms", distribution="normal"),
        latency("100ms", jitter="50ms", distribution="pareto"),
        latency("150ms", jitter="50ms", direction="request"),
    ],
    ids=str,
)
async def test_latency_of_any_distribution_delays_and_keeps_the_order(heavy: Standing, fault: FaultSpec) -> None:
    running, injector = heavy
    async with client(running.entry(CATALOG)) as live:
        await live.get()
        armed = await injector.inject(injection(fault))
        assert armed.in_force, armed.evidence
        assert "the relay does it, 1 live connections chosen" in armed.evidence
        began = CLOCK.now()
        for _ in range(3):
            assert await live.get() == bytes(HEAVY)
        assert CLOCK.now() - began >= 0.3
        healed = await injector.heal("it")
        assert (healed.verified, healed.by) == (True, HealedBy.REMOVED), healed.evidence
        began = CLOCK.now()
        await live.get()
        assert CLOCK.now() - began < 0.2


async def test_what_is_held_back_when_it_heals_goes_at_once(standing: Standing) -> None:
    running, injector = standing
    provider = running.servers["catalog-1"]
    assert (await injector.inject(injection(latency("1s", jitter="1ms")))).in_force
    async with client(running.entry(CATALOG)) as consumer:
        before = provider.requests
        asking = asyncio.create_task(consumer.get())
        began = CLOCK.now()
        await until(lambda: provider.requests > before)
        assert (await injector.heal("it")).verified
        assert await asking == b"ok"
        assert CLOCK.now() - began < 0.9


async def test_a_flapping_edge_is_down_and_up_by_turns_and_heals_in_either(standing: Standing) -> None:
    running, injector = standing
    entry = running.entry(CATALOG)
    async with client(entry) as live:
        await live.get()
        armed = await injector.inject(injection(flapping("400ms")))
        assert armed.in_force, armed.evidence
        assert "connect refused" in armed.evidence
        with pytest.raises(ConnectionResetError):
            await live.reader.read(1)
    for up in (True, False, True, False):
        await _until(entry, up=up)
    assert await get(running.entry(PRICING)) == b"ok"
    healed = await injector.heal("it")
    assert healed.verified, healed.evidence
    began = CLOCK.now()
    while CLOCK.now() - began < 0.5:
        assert await get(entry) == b"ok"
    assert (await injector.inject(injection(flapping("400ms")))).in_force
    await _until(entry, up=True)
    assert (await injector.heal("it")).verified
    assert await get(entry) == b"ok"


async def _until(port: int, *, up: bool) -> None:
    """Wait for a turn of a flapping edge."""
    async with asyncio.timeout(2):
        while True:
            try:
                await get(port)
            except (OSError, asyncio.IncompleteReadError):
                if not up:
                    return
            else:
                if up:
                    return
            await asyncio.sleep(0.005)


async def _silent(port: int) -> bool:
    try:
        await get(port, within_s=0.08)
    except TimeoutError:
        return True
    return False


async def _is_reset(port: int) -> bool:
    try:
        await get(port)
    except ConnectionResetError:
        return True
    return False


async def test_a_share_of_connections_is_chosen_by_a_seed_and_told(standing: Standing) -> None:
    running, injector = standing
    provider = running.servers["catalog-1"]
    runs = []
    for seed in (7, 7, 8):
        await until(lambda: not provider.peers)  # one that is just going would be one of the live ones
        armed = await injector.inject(injection(reset(share=0.4, seed=seed)))
        assert armed.in_force, armed.evidence
        assert f"40 % of connections by seed {seed}: the relay does it, 0 live connections cut" in armed.evidence
        runs.append([await _is_reset(running.entry(CATALOG)) for _ in range(15)])
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert healed.hits is not None
        assert (healed.hits.connections, healed.hits.requests) == (sum(runs[-1]), sum(runs[-1]))
    assert runs[0] == runs[1] != runs[2]
    assert 0 < sum(runs[0]) < 15


async def test_a_share_of_live_connections_is_reset_and_the_others_go_on(standing: Standing) -> None:
    running, injector = standing
    opened = [await asyncio.open_connection("127.0.0.1", running.entry(CATALOG)) for _ in range(10)]
    consumers = [Client(*each) for each in opened]
    for consumer in consumers:
        await consumer.get()
    armed = await injector.inject(injection(reset(share=0.5)))
    assert armed.in_force, armed.evidence
    ends = await asyncio.gather(*(consumer.get() for consumer in consumers), return_exceptions=True)
    cut = sum(isinstance(end, ConnectionError) for end in ends)
    assert f"{cut} live connections cut" in armed.evidence
    assert 0 < cut < 10
    assert ends.count(b"ok") == 10 - cut
    healed = await injector.heal("it")
    assert healed.hits == Hits(connections=cut)
    for consumer in consumers:
        consumer.writer.transport.abort()
    await settled()
