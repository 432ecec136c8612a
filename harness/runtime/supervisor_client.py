"""The harness's side of the supervisor: start it, ask it for processes, hear of their ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self, cast

import harness
from harness.errors import DeployError
from harness.model.process import ProcessSpec
from harness.runtime import leftovers
from harness.runtime.limits import allow_open_files
from harness.runtime.messages import Exit, Reply, Request, line
from harness.runtime.supervised import LOST, ForkSpec, SupervisedProcess

PACKAGE_ROOT = str(Path(harness.__file__).resolve().parent.parent)
"""The directory to import `harness` from in a process of its own."""

MESSAGE_LIMIT_BYTES = 1 << 20
START_DEADLINE_S = 10.0
ANSWER_DEADLINE_S = 20.0
WARM_DEADLINE_S = 60.0
CLOSE_DEADLINE_S = 15.0
TITLE_ROOM = " " * 60
"""An argument of no meaning, whose room holds the names of forked services."""

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def base_environment() -> dict[str, str]:
    """What every process gets of the harness's environment."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


class Supervisor:
    """Grants processes that don't outlive the harness; see `harness.model.process.Spawner`."""

    def __init__(self, popen: subprocess.Popen[bytes], directory: Path) -> None:
        self._popen = popen
        self._directory = directory
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._next_id = 1
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._processes: dict[int, SupervisedProcess] = {}
        self._early: dict[int, int] = {}
        self._zygotes: dict[str, asyncio.Task[SupervisedProcess]] = {}
        self._remove: list[str] = []
        self._abandoned: set[int] = set()
        """Ids of requests whose answer nobody waits for any more; a process that was asked for is not wanted."""
        self._pid = popen.pid

    @classmethod
    async def start(cls, directory: Path) -> Self:
        """Start the supervisor of a run; call it before anything else is started.

        Args:
            directory: the run's directory (absolute), which gets the record of what is to be removed.
                What dead runs beside it left behind is put away first.

        Raises:
            DeployError: if it does not come up.
        """
        allow_open_files()
        popen, ours = await asyncio.to_thread(_launch, directory)
        supervisor = cls(popen, directory)
        try:
            await supervisor._connect(ours)
        except BaseException:
            await supervisor.close()
            raise
        return supervisor

    async def _connect(self, ours: socket.socket) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=MESSAGE_LIMIT_BYTES)
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                hello = await reader.readline()
        except TimeoutError:
            hello = b""
        if not hello:
            raise DeployError(f"expected the supervisor to answer within {START_DEADLINE_S:g} s, it did not")
        self._pid = json.loads(hello)["pid"]
        self._listening = asyncio.create_task(self._listen(reader), name="supervisor")

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._pid

    async def spawn(self, spec: ProcessSpec) -> SupervisedProcess:
        """Start a program; raises DeployError when that fails."""
        return await self._spawn(spec, zygote=None)

    async def fork(self, spec: ForkSpec) -> SupervisedProcess:
        """Fork a Python service, starting the process that it is forked from where need be.

        Raises:
            DeployError: if the libraries can't be imported, or the fork fails.
        """
        key = await self.warm(spec.preload, spec.preload_path, Path(spec.log).parent)
        reply = await self._ask(
            {
                "do": "fork",
                "id": self._id(),
                "zygote": key,
                "name": spec.name,
                "function": spec.function,
                "path": list(spec.path),
                "env": dict(spec.env),
                "cwd": spec.cwd,
                "log": spec.log,
            }
        )
        if "pid" not in reply:
            raise DeployError(f"{spec.name}: could not be forked: {reply.get('error')}; see {spec.log}")
        return self._process(reply["pid"])

    async def warm(self, preload: tuple[str, ...], path: tuple[str, ...], logs: Path) -> str:
        """Have a process ready that has imported `preload`; gives its key.

        Raises:
            DeployError: if the libraries can't be imported.
        """
        key = json.dumps([preload, path])
        known = self._zygotes.get(key)
        if known is None or (known.done() and (known.exception() or known.result().returncode is not None)):
            known = self._zygotes[key] = asyncio.create_task(self._start_zygote(key, preload, path, logs))
        await asyncio.shield(known)
        return key

    async def _start_zygote(
        self, key: str, preload: tuple[str, ...], path: tuple[str, ...], logs: Path
    ) -> SupervisedProcess:
        command = (sys.executable, "-P", "-m", "harness.runtime.zygote", json.dumps(preload), json.dumps(path))
        spec = ProcessSpec(
            name=f"zygote of {', '.join(preload) or 'Python services'}",
            command=(*command, TITLE_ROOM),
            log=str(logs / "zygote.log"),
            env=base_environment() | {"PYTHONPATH": PACKAGE_ROOT},
        )
        return await self._spawn(spec, zygote=key)

    async def _spawn(self, spec: ProcessSpec, *, zygote: str | None) -> SupervisedProcess:
        reply = await self._ask(
            {
                "do": "spawn",
                "id": self._id(),
                "command": list(spec.command),
                "env": dict(spec.env),
                "cwd": spec.cwd,
                "log": spec.log,
                "user": spec.user,
                "zygote": zygote,
            },
            deadline_s=ANSWER_DEADLINE_S if zygote is None else WARM_DEADLINE_S,
        )
        if "pid" not in reply:
            raise DeployError(f"{spec.name}: could not be started: {reply.get('error')}; see {spec.log}")
        return self._process(reply["pid"])

    async def signal(self, pid: int, number: int) -> None:
        """Signal a process that was started here; nothing happens when it is gone."""
        if self._writer is not None:
            await self._ask({"do": "signal", "id": self._id(), "pid": pid, "number": int(number)})

    async def remove_at_end(self, path: Path) -> None:
        """Have a directory (absolute) removed when the harness ends, however it ends; ask before you make it.

        Raises:
            ValueError: if it does not lie below the run's directory.
        """
        if not leftovers.lies_within(str(path), str(self._directory)):
            message = f"expected a directory below {self._directory}, found {path}"
            raise ValueError(message)
        self._remove.append(str(path))
        await self._ask({"do": "remove", "id": self._id(), "paths": self._remove})

    async def close(self) -> None:
        """End every process at once, remove what was to be removed, end the supervisor."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
            self._writer = None
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await asyncio.to_thread(self._see_it_end)
        self._lose()
        await asyncio.gather(*self._zygotes.values(), return_exceptions=True)

    def _see_it_end(self) -> None:
        try:
            self._popen.wait(CLOSE_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        leftovers.tidy(str(self._directory / leftovers.RECORD))

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _process(self, pid: int) -> SupervisedProcess:
        process = self._processes[pid] = SupervisedProcess(pid, self.signal)
        if pid in self._early:
            self._processes.pop(pid).ended(self._early.pop(pid))
        return process

    async def _ask(self, request: Request, *, deadline_s: float = ANSWER_DEADLINE_S) -> Reply:
        if self._writer is None or self._writer.is_closing():
            raise DeployError("the supervisor is gone, and with it everything that it started; run again")
        answered = self._replies[request["id"]] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(line(request))
            async with asyncio.timeout(deadline_s):
                reply: Reply = await answered
        except asyncio.CancelledError:
            self._abandoned.add(request["id"])
            raise
        except TimeoutError:
            self._abandoned.add(request["id"])
            raise DeployError(
                f"expected the supervisor to answer {request['do']!r} within {deadline_s:g} s, it did not"
            ) from None
        finally:
            del self._replies[request["id"]]
        return reply

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while text := await reader.readline():
                message = cast("Reply | Exit", json.loads(text))
                if "exit" in message:
                    self._on_exit(cast("Exit", message))
                else:
                    self._on_reply(message)
        except ConnectionError:
            pass  # as an end of file: nobody is there any more
        finally:
            self._lose()

    def _on_reply(self, reply: Reply) -> None:
        if reply["id"] in self._abandoned:
            self._abandoned.discard(reply["id"])
            if "pid" in reply and self._writer is not None:
                kill: Request = {"do": "signal", "id": self._id(), "pid": reply["pid"], "number": signal.SIGKILL}
                self._writer.write(line(kill))
            return
        answered = self._replies.get(reply["id"])
        if answered is not None and not answered.done():
            answered.set_result(reply)

    def _on_exit(self, message: Exit) -> None:
        process = self._processes.pop(message["exit"], None)
        if process is not None:
            process.ended(message["code"])
        else:
            self._early[message["exit"]] = message["code"]

    def _lose(self) -> None:
        """The supervisor is gone, and took everything along."""
        if self._writer is not None:
            self._writer.close()
        for answered in self._replies.values():
            if not answered.done():
                answered.set_result({"error": "the supervisor is gone"})
        for process in self._processes.values():
            process.ended(LOST)
        self._processes.clear()


def _launch(directory: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the supervisor, after what earlier runs beside this one left behind was put away."""
    directory.mkdir(parents=True, exist_ok=True)
    leftovers.sweep(str(directory.parent))
    ours, its = socket.socketpair()
    arguments = (str(its.fileno()), str(os.getpid()), str(directory / leftovers.RECORD))
    with its:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-S", "-s", "-m", "harness.runtime.supervisor", *arguments],
            env=base_environment() | {"PYTHONPATH": PACKAGE_ROOT},
            stdin=subprocess.DEVNULL,
            cwd="/",
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
    return popen, ours
