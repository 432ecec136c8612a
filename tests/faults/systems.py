"""Small systems with an injector, for the tests of faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.faults import (
    Injector,
)
from harness.model.fault import EdgeTarget, FaultSpec, Injection, InstanceTarget
from harness.model.quantity import Duration
from tests.proxy.rigs import CLOCK, Rig, Server, get, rig

CATALOG = "gateway-1->catalog-1"
PRICING = "gateway-1->pricing-1"
TO_CATALOG = EdgeTarget(consumer="gateway", provider="catalog")
THE_CATALOG = InstanceTarget(service="catalog")
LASTS = Duration(10)


def injection(fault: FaultSpec, target: EdgeTarget | InstanceTarget = TO_CATALOG, name: str = "it") -> Injection:
    return Injection(id=name, fault=fault, target=target, lasts=LASTS)


@asynccontextmanager
async def system(
    toxiproxy: Path, directory: Path, server: Server | None = None, *, relay: bool = True, protocol: str = "http"
) -> AsyncIterator[tuple[Rig, Injector]]:
    lines = {"gateway->catalog": server or Server(), "gateway->pricing": Server()}
    async with rig(toxiproxy, directory, lines, relay=relay, protocol=protocol) as running:
        yield running, Injector(running.mesh, running, clock=CLOCK, record=directory / "in-force.ndjson")


async def slow(port: int) -> float:
    began = CLOCK.now()
    assert await get(port) == b"ok"
    return CLOCK.now() - began
