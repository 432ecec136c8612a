"""The injector: what is in force, that it is written down, and that healing gets to its end."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.faults import (
    Injector,
    black_hole,
    down,
    kill,
    latency,
    no_op,
    reset,
)
from harness.model.fault import EdgeTarget, HealedBy, Hits, InstanceTarget
from tests.faults.systems import CATALOG, PRICING, THE_CATALOG, TO_CATALOG, injection, slow, system
from tests.proxy.rigs import CLOCK, Server, answer, client, get, rig, until

pytestmark = pytest.mark.loopback


async def test_what_could_not_be_seen_healed_stays_in_force_until_it_is(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        await injector.inject(injection(latency("100ms")))
        await running.servers["catalog-1"].stop()
        assert not (await injector.heal("it")).verified
        assert [each.id for each in injector.in_force] == ["it"]
        await running.servers["catalog-1"].start()
        again = await injector.inject(injection(latency("100ms")))
        assert again.in_force
        assert await slow(running.entry(CATALOG)) >= 0.1
        assert (await injector.heal("it")).verified
        assert injector.in_force == ()
        assert (await injector.heal("it")).by is HealedBy.NOTHING


async def test_a_first_probe_that_hangs_in_a_full_queue_is_not_the_last(
    toxiproxy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.faults.injector.ANSWERS_WITHIN_S", 0.1)
    monkeypatch.setattr("harness.faults.injector.ANSWER_WITHIN_S", 0.2)
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        await injector.inject(injection(latency("1ms")))
        server, said = running.servers["catalog-1"], [b""]
        server.answers = lambda _asked: said.pop() if said else answer(b"ok")
        healed = await injector.heal("it")
        assert (healed.verified, healed.by) == (True, HealedBy.REMOVED)
        await injector.inject(injection(latency("1ms")))
        server.pause()
        assert not (await injector.heal("it")).verified
        server.resume()


async def test_what_could_not_be_seen_healed_excuses_no_other_from_being_seen_healed(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        for name in ("one", "two"):
            await injector.inject(injection(latency("50ms"), name=name))
        assert "not probed" in (await injector.heal("one")).evidence
        await running.servers["catalog-1"].stop()
        assert not (await injector.heal("two")).verified
        await injector.inject(injection(latency("50ms"), name="three"))
        assert not (await injector.heal("three")).verified


async def test_a_reset_whose_relay_stalls_is_not_put_back_by_the_restart_that_heals_it(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        assert (await injector.inject(injection(reset()))).in_force
        processes = running.spawner.processes
        before = processes["toxiproxy-gateway"]
        await running.spawner.freeze("relay")
        healing = asyncio.create_task(injector.heal("it"))
        await until(lambda: processes["toxiproxy-gateway"] is not before)
        await processes["relay"].signal(signal.SIGCONT)
        healed = await healing
        assert healed.verified, healed.evidence
        assert healed.by is HealedBy.RESTARTED
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_what_can_not_be_written_down_is_not_armed_and_yet_is_healed(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        await injector.inject(injection(latency("100ms")))
        record = tmp_path / "in-force.ndjson"
        record.unlink()
        record.mkdir()
        with pytest.raises(HarnessError, match=r"expected to write 'arm' down in .*in-force\.ndjson"):
            await injector.inject(injection(down(), name="another"))
        assert [each.id for each in injector.in_force] == ["it"]
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence
        assert "expected to write 'healed' down" in healed.evidence
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_several_injections_on_one_line_add_up_and_are_healed_one_by_one(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        for name, fault in (("a", latency("100ms")), ("a b/ü " * 60, latency("150ms"))):
            assert (await injector.inject(injection(fault, name=name))).in_force
        assert await slow(running.entry(CATALOG)) >= 0.25
        assert (await injector.heal("a")).verified
        assert 0.15 <= await slow(running.entry(CATALOG)) < 0.25
        await injector.inject(injection(down(), name="b"))
        await injector.inject(injection(down(), name="c"))
        await injector.heal("b")
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry(CATALOG))
        await injector.heal("c")
        assert await slow(running.entry(CATALOG)) >= 0.15
        assert [each.id for each in injector.in_force] == ["a b/ü " * 60]
        await injector.heal_all()
        assert injector.in_force == ()
        assert await slow(running.entry(CATALOG)) < 0.15


async def test_what_met_an_injection_is_counted_from_its_arming_to_its_healing(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector), client(running.entry(CATALOG)) as consumer:
        await consumer.get()
        assert (await injector.inject(injection(no_op()))).in_force
        await consumer.get()
        await get(running.entry(CATALOG))
        await get(running.entry(PRICING))
        size = len(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") + len(answer(b"ok"))
        assert (await injector.heal("it")).hits == Hits(connections=1, requests=2, bytes=2 * size)
        await consumer.get()
        await injector.inject(injection(no_op()))
        assert (await injector.heal("it")).hits == Hits()


async def test_a_fault_is_told_to_be_on_before_it_is_seen_to_bite_and_what_meets_it_meanwhile_counts(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        on = asyncio.Event()
        arming = asyncio.create_task(injector.inject(injection(black_hole()), on.set))
        await on.wait()
        assert not arming.done()
        assert await injector.hits("it") == Hits()
        with pytest.raises(TimeoutError):
            await get(running.entry(CATALOG), within_s=0.1)
        assert (await arming).in_force
        met = await injector.hits("it")
        assert met is not None
        assert (met.connections, met.requests) == (1, 1)
        assert (await injector.heal("it")).hits == met
        assert await injector.hits("it") is None


async def test_what_is_not_put_on_is_never_told_to_be_on(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (_running, injector):
        on = asyncio.Event()
        assert not (await injector.inject(injection(black_hole(share=0.5)), on.set)).in_force
        assert not on.is_set()
        assert await injector.hits("it") is None


async def test_what_is_refused_or_has_no_relay_before_it_has_no_count(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (_running, injector):
        await injector.inject(injection(down()))
        assert (await injector.heal("it")).hits is None
    async with system(toxiproxy, tmp_path, relay=False) as (_running, injector):
        await injector.inject(injection(no_op()))
        assert (await injector.heal("it")).hits is None


async def test_arming_and_healing_twice_is_once(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (_running, injector):
        first = await injector.inject(injection(no_op()))
        assert await injector.inject(injection(no_op())) == first
        assert (await injector.heal("it")).by is HealedBy.REMOVED
        again = await injector.heal("it")
        assert (again.verified, again.by) == (True, HealedBy.NOTHING)
        assert (await injector.heal("never heard of")).verified
        assert await injector.heal_all() == []


async def test_a_dead_instance_stays_refused_while_another_fault_is_healed(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        await injector.inject(injection(down(), name="edge"))
        await injector.inject(injection(kill(), THE_CATALOG, "instance"))
        assert (await injector.heal("edge")).verified
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry(CATALOG))
        assert (await injector.heal("instance")).verified
        assert await get(running.entry(CATALOG)) == b"ok"


async def test_one_of_two_instances_can_be_cut_off(toxiproxy: Path, tmp_path: Path) -> None:
    lines = {"gateway->catalog-1": Server(), "gateway->catalog-2": Server()}
    async with rig(toxiproxy, tmp_path, lines) as running:
        injector = Injector(running.mesh, running, clock=CLOCK, record=tmp_path / "in-force.ndjson")
        one = EdgeTarget(consumer="gateway", provider="catalog", provider_index=2)
        assert (await injector.inject(injection(down(), one))).in_force
        assert await get(running.entry("gateway-1->catalog-1")) == b"ok"
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry("gateway-1->catalog-2"))
        assert (await injector.heal("it")).verified


async def test_what_is_in_force_is_written_down_before_it_is(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (running, injector):
        await running.spawner.kill("toxiproxy-gateway")
        armed = await injector.inject(injection(latency("1s")))
        assert not armed.in_force
        assert "could not be armed" in armed.evidence
        healed = await injector.heal("it")
        assert (healed.verified, healed.by) == (True, HealedBy.RESTARTED)
        assert await get(running.entry(CATALOG)) == b"ok"
    lines = [json.loads(line) for line in (tmp_path / "in-force.ndjson").read_text().splitlines()]
    assert [line["step"] for line in lines] == ["arm", "armed", "heal", "healed"]
    told = {"delay": "1 s", "jitter": "0 s", "direction": "reply", "distribution": "uniform", "share": 1.0, "seed": 0}
    assert lines[0]["fault"] == {"kind": "latency", **told}
    assert lines[0]["target"] == {"edge": "gateway->catalog"}


async def test_unknown_ends_and_targets_of_the_wrong_kind_are_refused_before_anything_is_touched(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (_running, injector):
        for wrong, message in (
            (injection(down(), EdgeTarget(consumer="gateway", provider="nobody")), "gateway->nobody.*gateway->catalog"),
            (injection(down(), replace(TO_CATALOG, provider_index=7)), "provider 7"),
            (injection(kill(), InstanceTarget(service="catalog", index=9)), "catalog-9.*catalog-1"),
            (injection(kill(), TO_CATALOG), "expected an instance for the fault 'kill'"),
            (injection(down(), THE_CATALOG), "expected an edge for the fault 'down'"),
        ):
            with pytest.raises(HarnessError, match=message):
                await injector.inject(wrong)
        assert injector.in_force == ()
        assert not (tmp_path / "in-force.ndjson").exists()


async def test_a_heal_that_stalls_under_load_ends_by_a_restart_and_leaves_the_others_in_force(
    toxiproxy: Path, tmp_path: Path
) -> None:
    """FIELD-NOTES: latency, bodies of 200 KB, clients that time out; Toxiproxy alone takes 25 s and more.

    Without a relay it stalls each time; with one, which reads on when the consumer is gone, only at times.
    """
    heavy = Server(answers=lambda _asked: answer(bytes(200_000)))
    async with system(toxiproxy, tmp_path, heavy, relay=False) as (running, injector):
        assert (await injector.inject(injection(latency("300ms"), name="slow"))).in_force
        pricing = EdgeTarget(consumer="gateway", provider="pricing")
        assert (await injector.inject(injection(latency("150ms"), pricing, "other"))).in_force
        load = [asyncio.create_task(_impatient(running.entry(CATALOG))) for _ in range(30)]
        await until(lambda: heavy.requests > 200)
        healed = await injector.heal("slow")
        await _stop(load)
        assert healed.verified, healed.evidence
        assert healed.by is HealedBy.RESTARTED
        assert healed.took_s < 1.5
        assert healed.also_cut == (PRICING,)
        assert await get(running.entry(CATALOG)) == bytes(200_000)
        assert await slow(running.entry(PRICING)) >= 0.15
        assert (await injector.heal("other")).verified
        assert await slow(running.entry(PRICING)) < 0.15


async def _impatient(port: int) -> None:
    while True:
        try:
            await get(port, within_s=0.1)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            continue


async def _stop(load: list[asyncio.Task[None]]) -> None:
    for each in load:
        each.cancel()
    await asyncio.gather(*load, return_exceptions=True)


async def test_a_server_that_hangs_is_restarted_and_everything_in_force_is_put_back(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        pricing = EdgeTarget(consumer="gateway", provider="pricing")
        for name, fault in (("held", down()), ("slow", latency("150ms"))):
            assert (await injector.inject(injection(fault, pricing if name == "held" else TO_CATALOG, name))).in_force
        assert (await injector.inject(injection(latency("120ms"), name="healed"))).in_force
        assert await running.mesh.alive() == []
        await running.spawner.freeze("toxiproxy-gateway")
        assert await running.mesh.alive() == ["toxiproxy-gateway"]
        healed = await injector.heal("healed")
        assert (healed.verified, healed.by, healed.also_cut) == (True, HealedBy.RESTARTED, (PRICING,))
        took = [await slow(running.entry(CATALOG)) for _ in range(3)]
        assert 0.15 <= min(took) < 0.27  # the quickest tells what is in force, whatever else the machine does
        with pytest.raises(ConnectionRefusedError):
            await get(running.entry(PRICING))
        assert await running.mesh.alive() == []
        assert all(each.verified for each in await injector.heal_all())
        assert await get(running.entry(PRICING)) == b"ok"
