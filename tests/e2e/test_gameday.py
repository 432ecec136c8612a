"""Game days on two small real services: stopped by a guard, killed, interrupted, overtaken by a blackout; gone on with.

They hurry, as `chaos.hasty` does: what is measured is of no use here.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chaos.doomed import lay_out
from harness.clock import SystemClock
from harness.engine.gameday_lock import owner
from harness.model.events import InjectionArmed, InjectionHealed
from tests.e2e.shops import COMMAND, ROOT, journal, left_behind, until
from tests.notify.receiver import receiver

pytestmark = [pytest.mark.e2e, pytest.mark.loopback]

FAULT_WITHIN_S = 90.0
ENDS_WITHIN_S = 60.0
NOW_OR_LATER = """
import datetime, pathlib
from harness.clock import SystemClock
now = SystemClock.wall
SystemClock.wall = lambda clock: now(clock) + datetime.timedelta(days=10 if pathlib.Path("later").exists() else 0)
from chaos.hasty import main; main()
"""
"""It is ten days later as soon as a file is there."""
EXPERIMENT = """\
experiment: NAME
hypothesis: Whoever looks does not miss what is behind.
load: {rate: 20}
injections: [{edge: front->back, fault: down, for: LASTS}]
expect: {look: may-fail}
recover_within: 2s
"""
GAMEDAY = """\
gameday: day
title: A day
experiments:
  - one
  - {experiment: two, ask: "What do you expect to see?"}
  - three
"""
SECRET = "made-up-but-long-enough"
TOKEN = "t0ken-in-the-address"
NOTIFY = """
notify:
  to: [{name: operations, webhook: {hidden_url: {env: HOOK}, secret: {file: hook.secret}}}]
"""
TOLD = """\
guards: [{command: [sh, -c, "test ! -e stop"], every: 500ms}]
roles: {lead: Ada, desk: the support}
notify:
  to: [{name: support, webhook: {url: 'URL', secret: {file: hook.secret}}, roles: [desk]}]
"""


def laid_out(root: Path, gameday: str, **lasts: str) -> None:
    """Two services, an experiment of each name, and a game day."""
    lay_out(root, "{edge: front->back, fault: down, for: 1s}")
    for name, length in lasts.items():
        text = EXPERIMENT.replace("NAME", name).replace("LASTS", length)
        (root / "chaos" / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (root / "chaos" / "gamedays").mkdir()
    (root / "chaos" / "gamedays" / "day.yaml").write_text(gameday, encoding="utf-8")


def started(root: Path, *words: str, stdin: int = subprocess.DEVNULL, **env: str) -> subprocess.Popen[bytes]:
    with (root / "output.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", NOW_OR_LATER, "gameday", *words],
            cwd=root,
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(root / "tmp")} | env,
            start_new_session=True,
        )


def until_under_fault(root: Path, number: int, experiment: str) -> None:
    def there() -> bool:
        events = journal(root / "g" / "runs" / str(number))
        return any(isinstance(each, InjectionArmed) and each.experiment == experiment for each in events)

    until(there, within_s=FAULT_WITHIN_S, what=f"{experiment} under its fault")


def ended(run: subprocess.Popen[bytes], *, by: signal.Signals | None = None) -> int:
    """With which exit code, once it was sent a signal."""
    if by is not None:
        run.send_signal(by)
    return run.wait(timeout=ENDS_WITHIN_S)


def healed(root: Path, number: int) -> bool:
    """Whether some faults were in force, and all of them were taken back."""
    events = journal(root / "g" / "runs" / str(number))
    armed = [each.experiment for each in events if isinstance(each, InjectionArmed)]
    return bool(armed) and armed == [each.experiment for each in events if isinstance(each, InjectionHealed)]


def story(root: Path) -> str:
    return (root / "g" / "gameday.md").read_text(encoding="utf-8")


def command_lines() -> Iterator[str]:
    """What everybody on this machine sees of all processes."""
    for process in psutil.process_iter():
        try:
            yield " ".join(process.cmdline())
        except psutil.Error:
            continue


async def test_a_guard_stops_it_people_are_told_and_nobody_else_may_begin_meanwhile(tmp_path: Path) -> None:
    root = tmp_path / "it"
    async with receiver() as support, receiver() as operations:
        operations.answers = [410] * 3
        laid_out(root, GAMEDAY + TOLD.replace("URL", support.url), one="500ms", two="60s", three="60s")
        (root / "hook.secret").write_text(SECRET, encoding="utf-8")
        with (root / "system.yaml").open("a", encoding="utf-8") as system:
            system.write(NOTIFY)
        code, meanwhile, seen = await asyncio.to_thread(guarded_day, root, f"{operations.url}/{TOKEN}")

    assert code == 3
    assert meanwhile.returncode == 4
    assert "error: the game day day is being run on this system by process " in meanwhile.stderr
    assert f"see {root / 'g'}; wait for it, or: harness gameday stop" in meanwhile.stderr
    assert not (root / "other").exists()
    assert healed(root, 1)
    assert left_behind(root) == []
    told = story(root)
    assert "exit code 3: the guard of two stopped it: the command sh -c test ! -e stop ended with 1" in told
    assert "; not run: three" in told
    assert "| two | UNKNOWN | What do you expect to see? | a few slow pages |" in told
    assert "| three | not run |" in told
    assert "a few slow pages" in (root / "g" / "runs" / "1" / "report.html").read_text(encoding="utf-8")
    notices = [json.loads(body) for _, body in support.came]
    assert [each["type"] for each in notices] == ["harness.start", "harness.guard", "harness.end"]
    assert (notices[2]["data"]["exit_code"], notices[2]["data"]["roles"]) == (3, ["lead", "desk"])
    assert "support was told of the guard" in told
    assert "operations was not told of the end: it answered 410" in told
    left = "\n".join(each.read_text(errors="replace") for each in (root / "g").rglob("*") if each.is_file())
    for each in (left, (root / "output.log").read_text(encoding="utf-8"), seen):
        assert each
        assert SECRET not in each
        assert TOKEN not in each


def guarded_day(root: Path, hook: str) -> tuple[int, subprocess.CompletedProcess[str], str]:
    """Its exit code, what became of another one meanwhile, and what everybody saw of the processes."""
    desk, terminal = os.openpty()
    os.write(desk, b"a few slow pages\n")
    run = started(root, "run", "day", "--directory", "g", stdin=terminal, HOOK=hook)
    try:
        until_under_fault(root, 1, "two")
        seen = "\n".join(command_lines())
        words = [*COMMAND, "gameday", "run", "day", "--directory", "other"]
        meanwhile = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=60, check=False)
        (root / "stop").touch()
        return ended(run), meanwhile, seen
    finally:
        run.kill()
        run.wait()
        os.close(desk)
        os.close(terminal)


def test_one_that_is_killed_interrupted_and_overtaken_goes_on_each_time_at_the_next_experiment(tmp_path: Path) -> None:
    root, today = tmp_path / "it", SystemClock().wall().date()
    days = [today + dt.timedelta(days=ahead) for ahead in (8, 12)]
    laid_out(
        root,
        GAMEDAY + f"blackouts: [{{first: {days[0]}, last: {days[1]}, why: the fair}}]\n",
        **dict.fromkeys(("one", "two", "three"), "60s"),
    )
    run = started(root, "run", "day", "--directory", "g")
    try:
        until_under_fault(root, 1, "one")
        assert owner(root) is not None
        ended(run, by=signal.SIGKILL)
        until(lambda: left_behind(root) == [], within_s=10, what="nothing left")
        assert owner(root) is None

        run = started(root, "resume", "g")
        until_under_fault(root, 2, "two")
        assert ended(run, by=signal.SIGINT) == 130
        assert healed(root, 2)
        assert "interrupted; everything was healed and stopped; cut short: one, two; not run: three" in story(root)

        run = started(root, "resume", "g")
        until_under_fault(root, 3, "three")
        (root / "later").touch()
        assert ended(run) == 4
    finally:
        run.kill()
        run.wait()
    assert healed(root, 3)
    assert left_behind(root) == []
    assert f"the time for it is over: the blackout {days[0]} to {days[1]}: the fair; everything was" in story(root)
    assert "; cut short: one, two, three" in story(root)
    assert "Traceback" not in (root / "output.log").read_text(encoding="utf-8")
