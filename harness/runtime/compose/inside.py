"""Starts the proxies inside their container, for those who ask for processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import docker
from docker.errors import DockerException, NotFound

from harness.errors import DeployError
from harness.model.process import ProcessSpec
from harness.runtime.compose.image import TOXIPROXY
from harness.runtime.docker.engine import explained
from harness.runtime.supervised import LOST, SupervisedProcess

LOOK_S = 0.25
STARTED_WITHIN_S = 10.0
STARTED_LOOK_S = 0.01

FIRST = """
import fcntl, os, signal, socket, struct, sys
own, *aliases = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    def at(interface):
        try:
            return socket.inet_ntoa(fcntl.ioctl(asking, 0x8915, struct.pack("256s", interface.encode()))[20:24])
        except OSError:
            return ""
    interface = next(name for _, name in socket.if_nameindex() if at(name) == own)
    def tell(what, name, address):
        family = struct.pack("16sH2s4s8s", name.encode(), socket.AF_INET, b"", socket.inet_aton(address), b"")
        fcntl.ioctl(asking, what, family)
    for number, address in enumerate(aliases):
        name = "%s:%d" % (interface, number)
        tell(0x8916, name, address)
        tell(0x891C, name, "255.255.255.255")
def bury(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
signal.signal(signal.SIGCHLD, bury)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("ready", flush=True)
while True:
    signal.pause()
"""
"""The container's first process: gives it its addresses (SIOCSIFADDR, SIOCSIFNETMASK), and then buries the dead."""

_BEGIN = """
import os, sys
log, note, *command = sys.argv[1:]
out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
os.dup2(out, 1)
os.dup2(out, 2)
with open(note + ".new", "w") as file:
    file.write(str(os.getpid()))
os.replace(note + ".new", note)
os.execvp(command[0], command)
"""
_SIGNAL = """
import os, sys
try:
    os.kill(int(sys.argv[1]), int(sys.argv[2]))
except ProcessLookupError:
    pass
"""


class Inside:
    """See `harness.model.process.Spawner`. What it starts ends with the container.

    Args:
        api: the engine, for as long as this is used.
        container: the id of the container, which runs.
        python: its Python.
        directory: the directory that it shares with the host.
    """

    def __init__(self, api: docker.APIClient, container: str, *, python: str, directory: Path) -> None:
        self._api = api
        self._container = container
        self._python = python
        self._directory = directory
        self._user = f"{os.geteuid()}:{os.getegid()}"
        self._watches: set[asyncio.Task[None]] = set()
        self._processes: dict[int, SupervisedProcess] = {}
        self._container_goes = False

    def let_go(self) -> None:
        """The container is about to be removed: from now on, who is signalled counts as ended."""
        self._container_goes = True

    async def spawn(self, spec: ProcessSpec) -> SupervisedProcess:
        """Start a program; raises DeployError when that fails."""
        first, *arguments = spec.command
        program = self._python if first == sys.executable else TOXIPROXY
        note = self._directory / f"{spec.name}.pid"
        note.unlink(missing_ok=True)
        command = [self._python, "-S", "-c", _BEGIN, spec.log, str(note), program, *arguments]
        with explained(f"starting {spec.name}"):
            started = await asyncio.to_thread(self._exec, command, dict(spec.env), spec.cwd or str(self._directory))
        pid = await self._pid(spec, note, started)
        process = self._processes[pid] = SupervisedProcess(pid, self._signal)
        watch = asyncio.create_task(self._look(started, process), name=f"watch {spec.name}")
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        return process

    async def close(self) -> None:
        """Watch nothing any more."""
        for watch in tuple(self._watches):
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _pid(self, spec: ProcessSpec, note: Path, started: str) -> int:
        """The process id in the container."""
        for _ in range(int(STARTED_WITHIN_S / STARTED_LOOK_S)):
            if (pid := await asyncio.to_thread(_noted, note)) is not None:
                return pid
            await asyncio.sleep(STARTED_LOOK_S)
        facts = await asyncio.to_thread(self._api.exec_inspect, started)
        raise DeployError(f"{spec.name} was not started in the proxies' container: it ended with {facts['ExitCode']}")

    def _exec(self, command: list[str], env: dict[str, str], cwd: str) -> str:
        made: str = self._api.exec_create(
            self._container, command, environment=env, workdir=cwd, user=self._user, stdout=False, stderr=False
        )["Id"]
        self._api.exec_start(made, detach=True)
        return made

    async def _signal(self, pid: int, number: int) -> None:
        if self._container_goes:
            self._processes[pid].ended(LOST)
            return
        command = [self._python, "-S", "-c", _SIGNAL, str(pid), str(number)]
        with contextlib.suppress(DockerException):  # the container is gone, and it with it
            await asyncio.to_thread(self._exec, command, {}, "/")

    async def _look(self, started: str, process: SupervisedProcess) -> None:
        """Tell when it ends."""
        while True:
            try:
                facts = await asyncio.to_thread(self._api.exec_inspect, started)
            except NotFound:
                break
            except DockerException:
                facts = {"Running": True}
            if not facts["Running"]:
                process.ended(LOST if facts["ExitCode"] is None else int(facts["ExitCode"]))
                return
            await asyncio.sleep(LOOK_S)
        process.ended(LOST)


def _noted(note: Path) -> int | None:
    return int(note.read_text()) if note.exists() else None
