"""A harness in a process of its own, for the tests that kill it or give it few rights: tells what it saw, and waits."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from harness.clock import SystemClock
from harness.errors import HarnessError
from harness.faults import down
from harness.faults.injector import Injector
from harness.model.fault import EdgeTarget, Injection
from harness.model.quantity import Duration
from harness.runtime import procfs
from harness.runtime.namespaces.deployment import deploy
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.namespaces.systems import a_system

PATHS = ("payments", "stock", "mail")


def get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 -- our own URL
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


async def main(directory: Path, toxiproxy: Path) -> None:
    run = directory / "runs" / "this"
    supervisor = await Supervisor.start(run)
    clock = SystemClock()
    topology = a_system(directory)
    deployment = await deploy(
        topology,
        directory=run,
        supervisor=supervisor,
        toxiproxy=toxiproxy,
        clock=clock,
        run_began=clock.now(),
        progress=lambda _line: None,
        on_event=lambda _event: None,
    )
    injector = Injector(deployment.mesh, deployment, clock=clock, record=run / "faults.json")
    entry = deployment.entry_url()
    seen: dict[str, list[str]] = {}
    for path in PATHS:
        target = EdgeTarget(consumer="orders", provider=path)
        seen[path] = [await asyncio.to_thread(get, f"{entry}/{path}")]
        injection = Injection(id=path, fault=down(), target=target, lasts=Duration(60))
        await injector.inject(injection)
        seen[path].append(await asyncio.to_thread(get, f"{entry}/{path}"))
        await injector.heal(path)
        seen[path].append(await asyncio.to_thread(get, f"{entry}/{path}"))
    pids = [supervisor._popen.pid, *procfs.descendants(supervisor._popen.pid)]
    sys.stdout.write(json.dumps({"seen": seen, "pids": pids, "user": os.geteuid()}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
    except HarnessError as error:
        sys.exit(str(error))
