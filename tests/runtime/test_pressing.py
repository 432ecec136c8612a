"""Instances that are ended in order, crash over and over, or are left with too little: it bites, and it heals."""

from __future__ import annotations

import asyncio
import resource
import textwrap
import urllib.error
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.errors import DeployError
from harness.faults import cpu, crash_loop, descriptors, full_disk, memory, restart, stop
from harness.faults.spec import InstanceFault
from harness.model.fault import InstanceTarget, Resource
from harness.runtime import procfs
from harness.runtime.instance import State
from harness.runtime.process import ProcessDeployment
from harness.runtime.rlimits import lower, put_back
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import REDIS, Ends, system_of, until
from tests.runtime.test_process import BACK, COMMAND, deployed, get, supervised

pytestmark = pytest.mark.loopback

SERVICE = """
import http.server, os, pathlib, socket, sys

HERE = pathlib.Path(__file__).parent

def write():
    (HERE / "written").write_text("something")

def allocate():
    bytearray(64 << 20)

def connect():
    with socket.create_server(("127.0.0.1", 0)):
        pass

DEEDS = {"/write": write, "/allocate": allocate, "/connect": connect}

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            said = DEEDS.get(self.path, os.getpid)()
        except (OSError, MemoryError) as error:
            said = repr(error)
        body = str(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()
"""
"""Does what it is asked to, and tells what came of it; None is well."""


@asynccontextmanager
async def running(supervisor: Supervisor, root: Path) -> AsyncIterator[ProcessDeployment]:
    topology = system_of(root, run=COMMAND)
    (root / "service.py").write_text(textwrap.dedent(SERVICE))
    async with deployed(topology, supervisor, root) as (deployment, _):
        yield deployment


@pytest.mark.parametrize(
    ("fault", "deed", "error"),
    [
        (memory(8), "/allocate", "MemoryError()"),
        (full_disk(), "/write", "OSError(27, 'File too large')"),
        (descriptors(1), "/connect", ""),  # the one to spare is that of the connection which asks
    ],
    ids=["memory", "full-disk", "descriptors"],
)
async def test_an_instance_is_left_with_too_little_and_gets_it_back(
    supervisor: Supervisor, tmp_path: Path, fault: InstanceFault, deed: str, error: str
) -> None:
    async with running(supervisor, tmp_path) as deployment:
        url, pid = f"{deployment.direct_url(BACK)}{deed}", deployment.pid(BACK)
        limits = {which: resource.prlimit(pid, which) for which in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)}
        assert await get(url) == "None"
        evidence = await fault.strike(deployment, BACK)
        assert "read back as" in evidence
        said = await get(url)
        assert said == error if error else "Too many open files" in said
        with pytest.raises(DeployError, match="already"):
            await fault.strike(deployment, BACK)
        await fault.mend(deployment, BACK)
        assert await get(url) == "None"
        assert deployment.pid(BACK) == pid
        assert {which: resource.prlimit(pid, which) for which in limits} == limits
        await fault.mend(deployment, BACK)


async def test_a_throttled_instance_stands_still_most_of_the_time_and_goes_on_when_it_is_healed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with running(supervisor, tmp_path) as deployment:
        pid = deployment.pid(BACK)
        evidence = await cpu("10%").strike(deployment, BACK)
        assert evidence == "back-1 runs 10% of the time, and was seen to stand still and to go on"
        looks = [await _stands_still(pid) for _ in range(60)]
        assert sum(looks) >= 15
        assert await get(deployment.direct_url(BACK)) == str(pid)
        with pytest.raises(DeployError, match="can't be frozen besides"):
            await deployment.pause(BACK)
        await cpu().mend(deployment, BACK)
        assert not any([await _stands_still(pid) for _ in range(30)])
        await deployment.pause(BACK)
        with pytest.raises(DeployError, match="it is paused"):
            await cpu().strike(deployment, BACK)
        await deployment.resume(BACK)
        await cpu().strike(deployment, BACK)
        assert len(supervised(supervisor)) == 3
        await deployment.kill(BACK)
        await until(lambda: len(supervised(supervisor)) == 1, within_s=5.0)  # what throttled it has nothing to do
        await cpu().mend(deployment, BACK)
        await cpu().strike(deployment, BACK)
        ends = Ends(supervised(supervisor))
        await supervisor.close()
        assert ends.left_after(5.0) == []


async def _stands_still(pid: int) -> bool:
    await asyncio.sleep(0.007)
    return procfs.stands_still(pid)


async def test_an_instance_is_ended_in_order_restarted_and_crashes_over_and_over(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with running(supervisor, tmp_path) as deployment:
        pid = deployment.pid(BACK)
        assert await stop().strike(deployment, BACK) == "back-1 has drained and is gone"
        assert deployment.state(BACK) is State.STOPPED
        with pytest.raises(urllib.error.URLError):
            await get(deployment.direct_url(BACK))
        await stop().mend(deployment, BACK)
        second = deployment.pid(BACK)
        assert second != pid
        await restart().strike(deployment, BACK)
        third = deployment.pid(BACK)
        assert third not in (pid, second)
        await restart().mend(deployment, BACK)
        assert deployment.pid(BACK) == third
        loop = crash_loop("200ms", "0s")
        await loop.strike(deployment, BACK)
        assert deployment.state(BACK) is State.KILLED
        seen = {third}
        while len(seen) < 3:  # it comes up, and dies, at least twice
            await until(lambda: deployment.pid(BACK) not in seen, within_s=10.0)
            seen.add(deployment.pid(BACK))
        await loop.mend(deployment, BACK)
        last = deployment.pid(BACK)
        assert await get(deployment.direct_url(BACK)) == str(last)
        assert deployment.take_deaths() == ()


async def test_a_store_is_ended_in_order_and_comes_back(supervisor: Supervisor, tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, stores={"redis": REDIS})
    (tmp_path / "service.py").write_text(textwrap.dedent(SERVICE))
    store = InstanceTarget(service="redis")
    async with deployed(topology, supervisor, tmp_path) as (deployment, _):
        await stop().strike(deployment, store)
        assert "User requested shutdown" in deployment.log_tail(store)
        await stop().mend(deployment, store)
        await restart().strike(deployment, store)
        assert await deployment.ready(store)
        with pytest.raises(DeployError, match="expected a process that ignores SIGXFSZ"):
            await full_disk().strike(deployment, store)


async def test_limits_are_put_back_as_they_were_and_those_of_a_process_that_is_gone_are_nobodys(tmp_path: Path) -> None:
    del tmp_path
    process = await asyncio.create_subprocess_exec("sleep", "60")
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    limited = lower("it", process.pid, Resource.DESCRIPTORS, 2)
    assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (5, before[1])
    put_back(limited)
    assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == before
    with pytest.raises(DeployError, match="SIGXFSZ"):
        lower("it", process.pid, Resource.DISK, 0)
    process.kill()
    await process.wait()
    put_back(limited)
    with pytest.raises(DeployError, match="it is gone"):
        lower("it", process.pid, Resource.MEMORY, 0)
