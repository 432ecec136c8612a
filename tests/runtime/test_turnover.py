from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.errors import DeployError
from harness.model.fault import InstanceTarget
from harness.model.system import InstanceSpec
from harness.runtime.instance import State
from harness.runtime.process import ProcessDeployment
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import system_of, until
from tests.runtime.test_process import BACK, COMMAND, deployed, get, supervised

pytestmark = pytest.mark.loopback

SERVICE = """
import http.server, os, pathlib, signal, sys, threading, time

HERE = pathlib.Path(__file__).parent

def wait_for(name):
    while not (HERE / name).exists():
        time.sleep(0.01)

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            (HERE / "asked").touch()
            wait_for("answer")
        body = (os.environ["SAYS"] or str(os.getpid())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

def drain():
    (HERE / "draining").touch()
    wait_for("leave")
    server.shutdown()

if (HERE / "broken").exists():
    sys.exit("it can't start any more")
server = Server(("127.0.0.1", int(os.environ["PORT"])), Answers)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=drain).start())
server.serve_forever()
server.server_close()
"""
"""Says its pid; told to end, it serves until `leave` is there, then it stops listening and answers the rest."""


@asynccontextmanager
async def draining(supervisor: Supervisor, root: Path) -> AsyncIterator[tuple[ProcessDeployment, str]]:
    topology = system_of(
        root,
        run=COMMAND,
        front_env={"SAYS": "{edge.back.urls}"},
        back_env={"SAYS": ""},
        back=(InstanceSpec(), InstanceSpec(zone="b")),
    )
    (root / "service.py").write_text(textwrap.dedent(SERVICE))
    async with deployed(topology, supervisor, root) as (deployment, _):
        line, *_ = (await get(deployment.entry_url())).split(",")
        try:
            yield deployment, line
        finally:
            for name in ("leave", "answer"):
                (root / name).touch()


def told(deployment: ProcessDeployment) -> list[str]:
    found: list[str] = deployment.mesh.told  # type: ignore[attr-defined]  # the fake's
    return found


async def test_a_restarted_instance_serves_while_it_drains_and_ends_what_is_under_way(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with draining(supervisor, tmp_path) as (deployment, line):
        before = await get(line)
        slow = asyncio.create_task(get(line + "/slow"))
        await until((tmp_path / "asked").exists)
        restarting = asyncio.create_task(deployment.restart(BACK))
        await until((tmp_path / "draining").exists)
        assert await get(line) == before, "it still serves those who have not heard of it"
        assert told(deployment) == []
        (tmp_path / "leave").touch()
        await until(lambda: told(deployment) == ["turn away back-1"])
        with pytest.raises(OSError, match="refused"):
            await get(line)
        assert not slow.done()
        (tmp_path / "answer").touch()
        assert await slow == before, "what was under way goes on to its end"
        await restarting
        assert told(deployment) == ["turn away back-1", "hide back-1", "show back-1"]
        assert deployment.state(BACK) is State.READY
        assert await get(line) not in ("", before)
    assert supervised(supervisor) == []


async def test_a_service_is_rolled_instance_by_instance(supervisor: Supervisor, tmp_path: Path) -> None:
    async with draining(supervisor, tmp_path) as (deployment, _):
        (tmp_path / "leave").touch()
        pids = {deployment.pid(each) for each in deployment.topology.instances}
        await deployment.roll("back")
        assert [each for each in told(deployment) if not each.startswith("turn")] == [
            "hide back-1",
            "show back-1",
            "hide back-2",
            "show back-2",
        ]
        assert len(pids & {deployment.pid(each) for each in deployment.topology.instances}) == 1, "that of front"


async def test_a_roll_ends_at_the_first_instance_that_does_not_come_back(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with draining(supervisor, tmp_path) as (deployment, line):
        for name in ("leave", "broken"):
            (tmp_path / name).touch()
        second = InstanceTarget(service="back", index=2)
        pid = deployment.pid(second)
        with pytest.raises(DeployError, match="back-1 ended with code 1 before it was ready"):
            await deployment.roll("back")
        assert (deployment.state(second), deployment.pid(second)) == (State.READY, pid)
        with pytest.raises(OSError, match="refused"):
            await get(line)


async def test_what_is_no_service_can_t_be_rolled(supervisor: Supervisor, tmp_path: Path) -> None:
    async with draining(supervisor, tmp_path) as (deployment, _):
        (tmp_path / "leave").touch()
        with pytest.raises(DeployError, match="expected an instance of pair, found 'nobody-1'"):
            await deployment.roll("nobody")
