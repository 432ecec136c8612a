"""A harness in a process of its own, for the tests that kill it: starts processes of all sorts, tells pids, waits."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from harness.model.process import ProcessSpec
from harness.runtime.supervised import ForkSpec
from harness.runtime.supervisor_client import Supervisor, base_environment
from tests.runtime.fakes import until

FAMILY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
    print(os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


async def main(directory: Path, preload: Path) -> None:
    supervisor = await Supervisor.start(directory)
    data = directory / "data"
    await supervisor.remove_at_end(data)
    (data / "deep").mkdir(parents=True)
    (data / "deep" / "file").touch()
    log = directory / "logs" / "family.log"

    def spec(*command: str) -> ProcessSpec:
        return ProcessSpec(name="x", command=command, log=str(log), env=base_environment())

    plain = await supervisor.spawn(spec("sleep", "60"))
    stopped = await supervisor.spawn(spec("sleep", "60"))
    await stopped.signal(signal.SIGSTOP)
    stubborn = await supervisor.spawn(spec("sh", "-c", "trap '' TERM INT HUP; sleep 60 & sleep 60"))
    family = await supervisor.spawn(spec(sys.executable, "-c", FAMILY))
    forked = await supervisor.fork(
        ForkSpec(
            name="forked", function="sleeper:sleep", preload=("json",), path=(str(preload),), cwd="/", log=str(log)
        )
    )
    await until(lambda: len(log.read_text().split()) == 2)
    mine = [process.pid for process in (plain, stopped, stubborn, family, forked)]
    guard = supervisor._popen.pid
    grandchildren = [int(pid) for pid in log.read_text().split()]
    told = {"guard": guard, "supervisor": supervisor.pid, "others": mine + grandchildren}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
