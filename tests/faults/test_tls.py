"""Faults on lines with TLS: nobody reads what passes, and they bite and heal all the same."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.faults import Injector, black_hole, down, kill, latency, no_op, reset, truncate
from harness.model.fault import EdgeTarget, FaultSpec, InstanceTarget
from harness.runtime.certificates import Authority
from tests.certified import LONG_AGO, NOW, shown, trusted
from tests.faults.systems import CATALOG, THE_CATALOG, TO_CATALOG, injection
from tests.proxy.rigs import CLOCK, Rig, Server, client, rig, until

pytestmark = pytest.mark.loopback
AUTHORITY = Authority(NOW)
GOOD, EXPIRED = AUTHORITY.issue("catalog", NOW), AUTHORITY.issue("catalog", LONG_AGO)


@asynccontextmanager
async def system(toxiproxy: Path, directory: Path, *, expired: bool = False) -> AsyncIterator[tuple[Rig, Injector]]:
    server = Server(tls=shown(EXPIRED if expired else GOOD, directory))
    trust = trusted(AUTHORITY, directory)
    async with rig(toxiproxy, directory, {"gateway->catalog": server}, protocol="https", trust=trust) as running:
        yield running, Injector(running.mesh, running, clock=CLOCK, record=directory / "in-force.ndjson")


@pytest.mark.parametrize(
    ("fault", "target"),
    [
        *((fault, TO_CATALOG) for fault in (latency("60ms"), latency("60ms", direction="request"), no_op())),
        *((fault, TO_CATALOG) for fault in (black_hole(), black_hole("reply"), reset(), down())),
        *((truncate(after), TO_CATALOG) for after in (0, 100, 4096)),
        (kill(), THE_CATALOG),
    ],
    ids=str,
)
async def test_each_fault_is_seen_to_bite_and_to_heal(
    toxiproxy: Path, tmp_path: Path, fault: FaultSpec, target: EdgeTarget | InstanceTarget
) -> None:
    async with system(toxiproxy, tmp_path) as (_running, injector):
        armed = await injector.inject(injection(fault, target))
        assert armed.in_force, armed.evidence
        healed = await injector.heal("it")
        assert healed.verified, healed.evidence


async def test_requests_that_meet_a_fault_are_counted_and_probes_are_not(toxiproxy: Path, tmp_path: Path) -> None:
    trust = ssl.create_default_context(cafile=trusted(AUTHORITY, tmp_path))
    async with system(toxiproxy, tmp_path) as (running, injector):
        await injector.inject(injection(latency("60ms")))
        async with client(running.entry(CATALOG), trust) as consumer:
            for _ in range(3):
                began = CLOCK.now()
                assert await consumer.get() == b"ok"
                assert CLOCK.now() - began >= 0.06
        assert (await injector.heal("it")).verified
        await until(lambda: running.total(CATALOG, "answers") >= 3)
        assert (running.total(CATALOG, "connections"), running.total(CATALOG, "requests")) == (1, 3)


@pytest.mark.parametrize("fault", [latency("60ms"), no_op(), truncate(100), reset(), black_hole()], ids=str)
async def test_a_fault_before_a_provider_that_nobody_can_trust_is_not_in_force(
    toxiproxy: Path, tmp_path: Path, fault: FaultSpec
) -> None:
    async with system(toxiproxy, tmp_path, expired=True) as (_running, injector):
        armed = await injector.inject(injection(fault))
        assert not armed.in_force, armed.evidence
        assert "certificate has expired" in armed.evidence
