"""`harness notify`: whether people can be told, tried without starting anything."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.cli.test_bad_input import EXPERIMENT
from tests.engine.test_roll import SYSTEM
from tests.notify.receiver import receiver

TOKEN = "t0ken-in-the-address"
NOTIFY = """
notify:
  to:
    - {name: operations, webhook: {hidden_url: {env: HOOK}, secret: {env: HOOK_SECRET}}, when: [end]}
    - {name: owners, webhook: {hidden_url: {env: OTHER_HOOK}, secret: {env: HOOK_SECRET}}}
"""


async def harness(directory: Path, *words: str, **environ: str) -> tuple[int, str]:
    """The exit code, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from harness.cli import main; main()", "notify", *words),
        cwd=directory,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM + NOTIFY)
    return tmp_path


@pytest.mark.loopback
async def test_a_trial_reaches_every_channel_whatever_it_is_told_of(directory: Path) -> None:
    async with receiver() as bank:
        hook = f"{bank.url}?{TOKEN}"
        code, said = await harness(directory, HOOK=hook, OTHER_HOOK=hook, HOOK_SECRET="0123456789abcdef")

    assert (code, said) == (0, "operations: told\nowners: told\n")
    assert [b'"type":"harness.trial"' in body for _, body in bank.came] == [True, True]


GAMEDAY = """\
gameday: day
title: A day
experiments: [back-gone]
notify:
  to: [{name: desk, webhook: {hidden_url: {env: DESK_HOOK}, secret: {env: HOOK_SECRET}}}]
"""


@pytest.mark.loopback
async def test_those_whom_a_game_day_tells_are_tried_too(directory: Path) -> None:
    (directory / "chaos" / "experiments").mkdir(parents=True)
    (directory / "chaos" / "experiments" / "back-gone.yaml").write_text(EXPERIMENT)
    (directory / "locustfile.py").write_text("")
    (directory / "system.yaml").write_text(SYSTEM + NOTIFY + "content: {load: locustfile.py}\n")
    (directory / "day.yaml").write_text(GAMEDAY)
    async with receiver() as bank:
        hook = f"{bank.url}?{TOKEN}"
        secret = {"HOOK_SECRET": "0123456789abcdef"}
        code, said = await harness(
            directory, "--gameday", "day.yaml", HOOK=hook, OTHER_HOOK="", DESK_HOOK=hook, **secret
        )

    assert (code, said.splitlines()) == (
        2,
        ["operations: told", "owners: not told: the variable OTHER_HOOK is not set", "desk: told"],
    )


@pytest.mark.loopback
async def test_a_channel_that_can_not_be_told_is_named_with_its_reason_and_no_secret(directory: Path) -> None:
    async with receiver() as bank:
        bank.answers = [404]
        code, said = await harness(directory, HOOK=f"{bank.url}?{TOKEN}", OTHER_HOOK="", HOOK_SECRET="0123456789abcdef")

    assert code == 2
    assert said == "operations: not told: it answered 404\nowners: not told: the variable OTHER_HOOK is not set\n"


async def test_where_nobody_is_named_it_is_told_how(directory: Path) -> None:
    text = SYSTEM
    await asyncio.to_thread((directory / "system.yaml").write_text, text)
    code, said = await harness(directory)

    assert code == 2
    assert said == "error: system.yaml: nobody is to be told; add 'notify:', see docs/notifications.md\n"
