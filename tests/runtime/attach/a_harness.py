"""A harness in a process of its own that breaks a system it attached to, tells, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from harness.faults import Injector, latency, pause
from harness.model.fault import EdgeTarget, Injection, InstanceTarget
from harness.model.quantity import Duration
from tests.runtime.attach.strangers import CLOCK, Strangers, attached


async def main(found: Strangers, directory: Path) -> None:
    async with attached(found.topology(told=found.with_means()), directory) as deployment:
        injector = Injector(deployment.mesh, deployment, clock=CLOCK, record=directory / "in-force.ndjson")
        to_back = EdgeTarget(consumer="front", provider="back")
        slow = Injection(id="slow", fault=latency(Duration(0.2)), target=to_back, lasts=Duration(60))
        assert (await injector.inject(slow)).in_force
        target = InstanceTarget(service="back")
        assert (await injector.inject(Injection(id="ice", fault=pause(), target=target, lasts=Duration(60)))).in_force
        sys.stdout.write("broken\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    where, *ports = sys.argv[1:]
    api, front, back, proxy = map(int, ports)
    strangers = Strangers(directory=Path(where), api=api, front=front, back=back, proxy=proxy)
    asyncio.run(main(strangers, Path(where) / "runs"))
