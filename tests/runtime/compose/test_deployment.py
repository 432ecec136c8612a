from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DeclarationError, HarnessError, ProvisionError
from harness.faults import Injector, down, kill, latency, pause
from harness.model.fault import EdgeTarget, FaultSpec, Injection, InstanceTarget
from harness.model.quantity import Duration
from harness.runtime.compose import command
from harness.runtime.docker.engine import RUN_LABEL, connect
from harness.runtime.instance import State
from tests.needs import missing
from tests.runtime.attach.strangers import eventually
from tests.runtime.compose.composed import CLOCK, Heard, a_project, ask, composed

pytestmark = pytest.mark.usefixtures("engine")

TO_ORDERS = EdgeTarget(consumer="web", provider="orders")
TO_CACHE = EdgeTarget(consumer="orders", provider="cache")
ORDERS = InstanceTarget(service="orders")
AWAY_WITHIN_S = 120.0


@pytest.fixture(scope="session", autouse=True)
def _compose() -> None:
    """CI has Debian's; elsewhere one is told what to install."""
    if not any(shutil.which(program[0]) and _answers(program) for program in command.CANDIDATES):
        missing(command.NONE_HERE)


def _answers(program: tuple[str, ...]) -> bool:
    return subprocess.run([*program, "version"], capture_output=True, check=False).returncode == 0


def a_run() -> str:
    """A name that no other run has, since the engine has those of all."""
    return f"20260101-000000-{secrets.token_hex(4)}"


def injection(fault: FaultSpec, target: EdgeTarget | InstanceTarget) -> Injection:
    return Injection(id="it", fault=fault, target=target, lasts=Duration(60))


def left_of(run: str) -> list[str]:
    """All that the engine has of a run."""
    label = {"label": f"{RUN_LABEL}={run}"}
    with closing(connect()) as api:
        containers: list[dict[str, Any]] = api.containers(all=True, filters=label)
        networks: list[dict[str, Any]] = api.networks(filters=label)
        volumes = api.volumes(filters=label)["Volumes"] or ()
    names = [each["Names"][0] for each in containers] + [each["Name"] for each in networks]
    return names + [each["Name"] for each in volumes]


async def test_faults_bite_and_heal_in_a_project_that_was_not_touched(tmp_path: Path) -> None:
    description = a_project(tmp_path)
    before = {path.name: path.read_bytes() for path in description.parent.iterdir()}
    heard = Heard()
    run = a_run()
    async with composed(description, tmp_path / run, heard) as deployment:
        entry = deployment.entry_url()
        assert entry.startswith("http://127.0.0.1:")
        assert (await asyncio.to_thread(ask, entry))[1].startswith("orders: ")
        await eventually(lambda: min(heard.crossed("web-1->orders-1"), heard.crossed("orders-1->cache-1")) > 0)
        faults = Injector(deployment.mesh, deployment, clock=CLOCK, record=tmp_path / "in-force.ndjson")
        for fault, target in (
            (latency(Duration(3)), TO_ORDERS),
            (down(), TO_CACHE),
            (pause(), ORDERS),
            (kill(), ORDERS),
        ):
            armed = await faults.inject(injection(fault, target))
            assert armed.in_force, armed.evidence
            assert (await asyncio.to_thread(ask, entry))[0] == 503
            healed = await faults.heal("it")
            assert healed.verified, healed.evidence
            assert (await asyncio.to_thread(ask, entry))[0] == 200
        await deployment.restart(ORDERS)
        await deployment.mesh.restart("web")
        assert (await asyncio.to_thread(ask, entry))[0] == 200
        await _somebody_kills(deployment.pid(ORDERS), run)
        await eventually(lambda: bool(deployment._deaths))
        await eventually(lambda: deployment.state(ORDERS) is State.READY, 60)
        await deployment.limit(ORDERS, cpus=0.5, memory_bytes=64 << 20)
        await deployment.unlimit(ORDERS)
    assert "docker-compose.yml:8:5: 'ports' of 'web' are not published in a run" in heard.text
    assert "started all the same: setup" in heard.text
    assert left_of(run) == []
    assert before == {path.name: path.read_bytes() for path in description.parent.iterdir()}


async def _somebody_kills(pid: int, run: str) -> None:
    del pid

    def kill_() -> None:
        with closing(connect()) as api:
            (found,) = api.containers(filters={"label": [f"{RUN_LABEL}={run}", "com.docker.compose.service=api"]})
            api.kill(found["Id"])

    await asyncio.to_thread(kill_)


async def test_nothing_is_left_after_sigkill(tmp_path: Path) -> None:
    run = a_run()
    description = a_project(tmp_path)
    told = [sys.executable, "-m", "tests.runtime.compose.a_harness", str(description), str(tmp_path / run)]
    harness = await asyncio.create_subprocess_exec(*told, stdout=asyncio.subprocess.PIPE)
    try:
        assert harness.stdout is not None
        assert await harness.stdout.readline() == b"up\n"
        assert len(left_of(run)) >= 5
    finally:
        harness.kill()
        await harness.communicate()
    await eventually(lambda: left_of(run) == [], AWAY_WITHIN_S)


async def test_an_image_that_can_not_be_had_is_told_at_its_line(tmp_path: Path) -> None:
    description = a_project(tmp_path)
    file = description.with_name("docker-compose.yml")
    file.write_text(file.read_text().replace("harness-base:bookworm", "nobody.invalid/nothing:1", 1))
    run = a_run()
    with pytest.raises(ProvisionError, match=r"docker-compose.yml:5:12: the image nobody.invalid/nothing:1 of 'web'"):
        async with composed(description, tmp_path / run, Heard()):
            pytest.fail("it came up")
    assert left_of(run) == []


async def test_a_container_that_dies_at_its_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    description = a_project(tmp_path)
    (description.parent / "web.py").write_text("raise SystemExit('no licence')\n")
    run = a_run()
    with pytest.raises(HarnessError, match=r"(?s)web-1 ended with code 1 before it was ready.*no licence"):
        async with composed(description, tmp_path / run, Heard()):
            pytest.fail("it came up")
    assert left_of(run) == []


async def test_a_project_that_compose_refuses_is_told_as_such(tmp_path: Path) -> None:
    description = a_project(tmp_path)
    file = description.with_name("docker-compose.yml")
    file.write_text(file.read_text().replace("expose: [8080]", "exposed: [8080]"))
    with pytest.raises(DeclarationError, match=r"docker-compose.yml: compose can't use it: .*exposed"):
        async with composed(description, tmp_path / a_run(), Heard()):
            pytest.fail("it came up")


async def test_without_compose_one_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="apt-get install docker-compose"):
        await command.find("run", tmp_path, {"PATH": str(tmp_path)})
