"""`harness run` that tells people: a real one, of two small services, which nobody can be told of or somebody is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.notify.receiver import Receiver, receiver

SYSTEM = """\
system: tiny
entry: front
content: {load: locustfile.py}
services:
  front: {owner: web, run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}, ready: /}
  back: {owner: core, run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}, ready: /}
edges:
  - {from: front, to: back, need: hard}
journeys:
  look: {deadline: 1s, needs: [back]}
notify:
  link: https://reports.example.org/{run}/
  to:
    - {name: operations, webhook: {hidden_url: {env: HOOK}, secret: {file: hook.secret}}}
""".replace("PYTHON", sys.executable)
SECRET = "made-up-but-long-enough"
TOKEN = "t0ken-in-the-address"

pytestmark = [pytest.mark.loopback, pytest.mark.e2e]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "locustfile.py").write_text("")
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "hook.secret").write_text(SECRET)
    return tmp_path


async def run(project: Path, people: Receiver, *options: str) -> tuple[int, str]:
    """Verifies no pact at all, which is UNKNOWN; gives the exit code, and all that was said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from harness.cli import main; main()"),
        *("run", "--skip", "chaos", "--skip", "fuzz", "--directory", "run", *options),
        cwd=project,
        env={**os.environ, "HOOK": f"{people.url}/{TOKEN}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def written(project: Path) -> str:
    """All that the run left, its logs and reports too."""
    return "\n".join(
        path.read_text(errors="replace") for path in sorted((project / "run").rglob("*")) if path.is_file()
    )


def assert_nothing_secret_is_left(project: Path, said: str) -> None:
    left = written(project) + said
    assert "run-ended" in left
    assert SECRET not in left
    assert TOKEN not in left


async def test_people_are_told_of_the_run_by_its_name_and_nothing_secret_is_left(project: Path) -> None:
    async with receiver() as people:
        code, said = await run(project, people)

    start, end = (json.loads(body) for _, body in people.came)
    assert (start["type"], end["type"]) == ("harness.start", "harness.end")
    assert (end["data"]["verdict"], end["data"]["exit_code"], code) == ("UNKNOWN", 2, 2)
    assert end["data"]["link"] == f"https://reports.example.org/{end['data']['run']}/"
    assert f'"run":"{end["data"]["run"]}"' in written(project)
    assert "notify:" not in said
    assert_nothing_secret_is_left(project, said)


async def test_where_nobody_can_be_told_the_run_ends_as_ever_and_says_so(project: Path) -> None:
    async with receiver() as people:
        people.answers = [410, 410]
        code, said = await run(project, people)

    assert code == 2
    assert "notify: operations was not told of the start: it answered 410" in said
    assert "notify: operations was not told of the end: it answered 410" in said
    assert_nothing_secret_is_left(project, said)


async def test_a_run_that_is_kept_quiet_tells_nobody(project: Path) -> None:
    async with receiver() as people:
        code, _ = await run(project, people, "--no-notify")

    assert code == 2
    assert people.came == []
