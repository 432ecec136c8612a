from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness.errors import DeployError
from harness.model.process import ProcessSpec
from harness.runtime import leftovers, procfs
from harness.runtime.supervised import ForkSpec
from harness.runtime.supervisor_client import PACKAGE_ROOT, Supervisor, base_environment
from tests.runtime import a_harness
from tests.runtime.fakes import Ends, until

pytestmark = pytest.mark.loopback

NOTHING_LEFT_WITHIN_S = 2.0

SLEEPER = """
import os, sys, time

def sleep():
    time.sleep(60)

def tell():
    print(os.environ["WORD"], os.getcwd(), os.getppid(), os.getpid() == os.getpgrp(), "PATH" in os.environ)

def fail():
    raise RuntimeError("the roof is on fire")

def leave():
    sys.exit(3)
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    directory = tmp_path / "code"
    directory.mkdir()
    (directory / "sleeper.py").write_text(SLEEPER, encoding="utf-8")
    return directory


@dataclass(frozen=True)
class AHarness:
    popen: subprocess.Popen[str]
    directory: Path
    guard: int
    supervisor: int
    others: list[int]


@pytest.fixture
def a_running_harness(tmp_path: Path, code: Path) -> Iterator[AHarness]:
    directory = tmp_path / "runs" / "killed"
    with subprocess.Popen(
        [sys.executable, a_harness.__file__, str(directory), str(code)],
        env=base_environment() | {"PYTHONPATH": PACKAGE_ROOT},
        stdout=subprocess.PIPE,
        text=True,
    ) as popen:
        assert popen.stdout is not None
        yield AHarness(popen=popen, directory=directory, **json.loads(popen.stdout.readline()))
        popen.kill()


def spec(tmp_path: Path, *command: str, **env: str) -> ProcessSpec:
    return ProcessSpec(name="thing", command=command, log=str(tmp_path / "thing.log"), env=base_environment() | env)


def fork_spec(code: Path, function: str, *preload: str, log: str = "forked.log") -> ForkSpec:
    return ForkSpec(
        name="thing-1",
        function=f"sleeper:{function}",
        preload=preload,
        path=(str(code),),
        log=str(code / log),
        env={"WORD": "hello"},
        cwd=str(code),
    )


@pytest.mark.parametrize("victim", ["harness", "supervisor", "guard"])
def test_nothing_is_left_when_one_of_them_is_killed(a_running_harness: AHarness, victim: str) -> None:
    run = a_running_harness
    assert len(run.others) == 7
    keepers = [run.supervisor, run.guard]
    ends = Ends([*run.others, *(keepers if victim == "harness" else ())])
    os.kill({"harness": run.popen.pid, "supervisor": run.supervisor, "guard": run.guard}[victim], signal.SIGKILL)
    assert ends.left_after(NOTHING_LEFT_WITHIN_S) == []


@pytest.mark.parametrize("victim", ["harness", "supervisor", "guard"])
def test_what_was_to_be_removed_is_removed_when_one_of_them_is_killed(a_running_harness: AHarness, victim: str) -> None:
    run = a_running_harness
    # Whoever of the two outlives the kill tidies up.
    tidier = Ends([run.supervisor if victim == "guard" else run.guard])
    os.kill({"harness": run.popen.pid, "supervisor": run.supervisor, "guard": run.guard}[victim], signal.SIGKILL)
    assert tidier.left_after(NOTHING_LEFT_WITHIN_S) == []
    assert [path.name for path in run.directory.iterdir()] == ["logs"]


def test_processes_with_a_parent_of_their_own_end_even_when_guard_and_supervisor_are_killed_at_once(
    a_running_harness: AHarness,
) -> None:
    run = a_running_harness
    ends = Ends([run.supervisor, run.guard, *run.others[:5]])
    everything = Ends(run.others)
    run.popen.send_signal(signal.SIGSTOP)
    for keeper in (run.supervisor, run.guard):
        os.kill(keeper, signal.SIGKILL)
    assert ends.left_after(NOTHING_LEFT_WITHIN_S) == []
    # The rest is found by its mark at the next start.
    run.popen.kill()
    assert [str(run.directory)] == leftovers.sweep(str(run.directory.parent))
    assert everything.left_after(NOTHING_LEFT_WITHIN_S) == []
    assert [path.name for path in run.directory.iterdir()] == ["logs"]


def test_a_sweep_leaves_a_run_alone_that_is_kept(a_running_harness: AHarness) -> None:
    assert leftovers.sweep(str(a_running_harness.directory.parent)) == []
    assert all(procfs.alive(pid) for pid in a_running_harness.others)
    assert (a_running_harness.directory / "data" / "deep" / "file").exists()


def test_a_sweep_leaves_a_run_in_another_container_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "data").mkdir(parents=True)
    record = leftovers.Record(str(tmp_path / "elsewhere" / leftovers.RECORD), "mark")
    record.remove = [str(tmp_path / "elsewhere" / "data")]
    record.namespace = "pid:[1]"
    record.write()
    assert leftovers.sweep(str(tmp_path)) == []
    record.boot = "an earlier one"
    record.write()
    assert leftovers.sweep(str(tmp_path)) == [str(tmp_path / "elsewhere")]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_terminal_interrupt_does_not_reach_what_was_started(a_running_harness: AHarness) -> None:
    run = a_running_harness
    here = os.getpgid(run.popen.pid)
    groups = {os.getpgid(pid) for pid in (run.guard, run.supervisor, *run.others)}
    sessions = {os.getsid(pid) for pid in (run.guard, run.supervisor, *run.others)}
    assert here not in groups
    assert os.getsid(run.popen.pid) not in sessions


async def test_a_close_ends_and_removes_everything(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "closed"
    supervisor = await Supervisor.start(directory)
    await supervisor.remove_at_end(directory / "data")
    (directory / "data").mkdir()
    process = await supervisor.spawn(spec(tmp_path, "sleep", "60"))
    ends = Ends([process.pid, supervisor.pid])
    await supervisor.close()
    assert ends.left_after(NOTHING_LEFT_WITHIN_S) == []
    assert list(directory.iterdir()) == []
    assert await process.wait() == -signal.SIGKILL
    with pytest.raises(DeployError, match="the supervisor is gone"):
        await supervisor.spawn(spec(tmp_path, "sleep", "60"))


def test_a_sweep_removes_nothing_outside_the_runs_own_directory(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "runs" / "odd" / "data").mkdir(parents=True)
    record = leftovers.Record(str(tmp_path / "runs" / "odd" / leftovers.RECORD), "mark")
    record.remove = [str(tmp_path / "precious"), f"{tmp_path}/runs/odd/../../precious", str(tmp_path / "runs" / "odd")]
    (tmp_path / "runs" / "odd" / "link").symlink_to(tmp_path / "precious")
    record.remove += [str(tmp_path / "runs" / "odd" / "link"), str(tmp_path / "runs" / "odd" / "data")]
    record.write()
    assert leftovers.sweep(str(tmp_path / "runs")) == [str(tmp_path / "runs" / "odd")]
    assert (tmp_path / "precious").exists()
    assert not (tmp_path / "runs" / "odd" / "data").exists()


async def test_only_what_lies_in_the_runs_directory_can_be_given_for_removal(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="expected a directory below"):
        await supervisor.remove_at_end(tmp_path)


async def test_a_process_that_nobody_waits_for_any_more_is_not_left_running(
    supervisor: Supervisor, code: Path, tmp_path: Path
) -> None:
    await supervisor.warm((), (), code)
    asked = [
        asyncio.create_task(supervisor.spawn(spec(tmp_path, "sleep", "60"))),
        asyncio.create_task(supervisor.fork(fork_spec(code, "sleep"))),
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert all(task.cancelled() for task in asked)
    last = await supervisor.spawn(spec(tmp_path, "true"))
    await last.wait()
    await until(lambda: len(procfs.descendants(supervisor.pid)) == 1)


async def test_a_process_has_its_own_environment_group_and_log(supervisor: Supervisor, tmp_path: Path) -> None:
    process = await supervisor.spawn(
        spec(tmp_path, "sh", "-c", 'echo "$WORD" $$; ps -o pgid= $$; echo oh >&2', WORD="hi")
    )
    assert await process.wait() == 0
    assert f"hi {process.pid} {process.pid} oh" == " ".join((tmp_path / "thing.log").read_text().split())


async def test_a_program_that_does_not_exist_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"thing: could not be started: .*no such program.*'no-such-program'"):
        await supervisor.spawn(spec(tmp_path, "no-such-program"))


async def test_an_end_right_after_the_start_is_told(supervisor: Supervisor, tmp_path: Path) -> None:
    processes = await asyncio.gather(*(supervisor.spawn(spec(tmp_path, "sh", "-c", f"exit {i}")) for i in range(20)))
    assert list(range(20)) == [await process.wait() for process in processes]


async def test_a_stop_ends_what_ignores_sigterm(supervisor: Supervisor, tmp_path: Path) -> None:
    process = await supervisor.spawn(spec(tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"))
    await until(lambda: "ready" in (tmp_path / "thing.log").read_text())
    assert await process.stop(grace_s=0.1) == -signal.SIGKILL


async def test_a_stop_lets_a_paused_process_drain(supervisor: Supervisor, tmp_path: Path) -> None:
    process = await supervisor.spawn(spec(tmp_path, "sleep", "60"))
    await process.signal(signal.SIGSTOP)
    assert await process.stop() == -signal.SIGTERM


async def test_a_pause_and_a_kill_reach_all_that_descend(supervisor: Supervisor, tmp_path: Path) -> None:
    family = await supervisor.spawn(spec(tmp_path, sys.executable, "-c", a_harness.FAMILY))
    await until(lambda: len((tmp_path / "thing.log").read_text().split()) == 2)
    pids = [family.pid, *(int(pid) for pid in (tmp_path / "thing.log").read_text().split())]
    await family.signal(signal.SIGSTOP)
    assert {psutil.STATUS_STOPPED} == {psutil.Process(pid).status() for pid in pids}
    await family.signal(signal.SIGKILL)
    assert not any(procfs.alive(pid) for pid in pids)


async def test_the_end_of_the_supervisor_is_the_end_of_its_processes(tmp_path: Path) -> None:
    supervisor = await Supervisor.start(tmp_path / "runs" / "lost")
    process = await supervisor.spawn(spec(tmp_path, "sleep", "60"))
    os.kill(supervisor.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    with pytest.raises(DeployError, match="the supervisor is gone"):
        await supervisor.spawn(spec(tmp_path, "sleep", "60"))
    await supervisor.close()


async def test_a_forked_service_has_a_process_of_its_own(supervisor: Supervisor, code: Path) -> None:
    process = await supervisor.fork(fork_spec(code, "tell", "json"))
    assert await process.wait() == 0
    assert f"hello {code} {supervisor.pid} True False\n" == (code / "forked.log").read_text()


async def test_a_forked_service_is_seen_under_its_own_name(supervisor: Supervisor, code: Path) -> None:
    process = await supervisor.fork(fork_spec(code, "sleep"))
    await until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "thing-1\n")


async def test_the_end_of_a_forked_service_is_told_like_any_other(supervisor: Supervisor, code: Path) -> None:
    left = await supervisor.fork(fork_spec(code, "leave"))
    failed = await supervisor.fork(fork_spec(code, "fail", log="failed.log"))
    assert (await left.wait(), await failed.wait()) == (3, 1)
    assert "RuntimeError: the roof is on fire" in (code / "failed.log").read_text()


async def test_a_killed_service_is_forked_again_at_once(supervisor: Supervisor, code: Path) -> None:
    first = await supervisor.fork(fork_spec(code, "sleep", "asyncio"))
    await first.signal(signal.SIGKILL)
    assert await first.wait() == -signal.SIGKILL
    began = time.monotonic()
    second = await supervisor.fork(fork_spec(code, "sleep", "asyncio"))
    assert time.monotonic() - began < 0.5
    assert second.pid != first.pid
    assert procfs.alive(second.pid)


async def test_a_zygote_that_died_is_started_again(supervisor: Supervisor, code: Path) -> None:
    first = await supervisor.fork(fork_spec(code, "sleep"))
    zygote = next(iter(supervisor._zygotes.values())).result()
    await zygote.signal(signal.SIGKILL)
    await zygote.wait()
    assert first.returncode is None
    second = await supervisor.fork(fork_spec(code, "sleep"))
    assert procfs.alive(second.pid)


async def test_a_library_that_can_not_be_imported_is_told(supervisor: Supervisor, code: Path) -> None:
    with pytest.raises(DeployError, match="importing no_such_library failed: ModuleNotFoundError"):
        await supervisor.fork(fork_spec(code, "sleep", "no_such_library"))


async def test_a_library_that_starts_threads_is_refused_for_preloading(supervisor: Supervisor, code: Path) -> None:
    (code / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    with pytest.raises(DeployError, match=r"importing threaded started 1 threads.*take it out of 'preload'"):
        await supervisor.warm(("threaded",), (str(code),), code)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_may_read_below_directories_of_root(supervisor: Supervisor, tmp_path: Path) -> None:
    secret = tmp_path / "mine"
    secret.mkdir(mode=0o700)
    (secret / "word").write_text("sesame")
    asked = ProcessSpec(
        name="reader",
        command=("sh", "-c", f"id -un; cat {secret}/word"),
        log=str(tmp_path / "reader.log"),
        env=base_environment(),
        user="nobody",
    )
    assert await (await supervisor.spawn(asked)).wait() == 0
    assert (tmp_path / "reader.log").read_text() == "nobody\nsesame"
