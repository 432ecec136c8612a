"""How an instance that somebody else started is killed, started, frozen and resumed: only as its description says."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.clock import SystemClock
from harness.errors import DeployError
from harness.model.system import Attached, Command
from harness.model.topology import InstanceId
from harness.runtime import procfs
from harness.runtime.addresses import fill
from harness.runtime.attach.places import Address
from harness.runtime.probing import PROBE_DEADLINE_S
from harness.runtime.supervisor_client import base_environment

if TYPE_CHECKING:
    import docker

COMMAND_WITHIN_S = 60.0
LOOK_S = 0.05
LOOK_FOR_STILL_S, LOOKS_FOR_STILL = 0.01, 500
Step = Mapping[str, object]
"""For `harness.runtime.attach.undo`."""


class Means(Protocol):
    """What is known of an instance, and can be done to it; what can't be raises DeployError."""

    async def alive(self) -> bool:
        """Whether it is there; a frozen one is."""
        ...

    async def pid(self) -> int:
        """Its process id; 0 when nobody can know."""
        ...

    async def kill(self) -> None:
        """End it at once."""
        ...

    async def end(self) -> None:
        """Let it drain and end."""
        ...

    async def start(self) -> None:
        """Start it again."""
        ...

    async def pause(self) -> None:
        """Freeze it."""
        ...

    async def resume(self) -> None:
        """Let it go on."""
        ...

    async def undoing(self, what: str) -> Step:
        """What takes `kill` or `pause` back, for another process to do; raises DeployError when nothing does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ByContainer:
    """A container of the Docker engine."""

    name: str

    async def alive(self) -> bool:
        """See `Means`."""
        return bool((await self._facts())["State"]["Running"])

    async def pid(self) -> int:
        """See `Means`."""
        return int((await self._facts())["State"]["Pid"])

    async def kill(self) -> None:
        """See `Means`."""
        await self._tell("kill")

    async def end(self) -> None:
        """See `Means`."""
        await self._tell("stop")

    async def start(self) -> None:
        """See `Means`."""
        await self._tell("start")

    async def pause(self) -> None:
        """See `Means`."""
        await self._tell("pause")

    async def resume(self) -> None:
        """See `Means`."""
        if (await self._facts())["State"]["Paused"]:
            await self._tell("unpause")

    async def undoing(self, what: str) -> Step:
        """See `Means`."""
        return {"do_by": "container", "do": "start" if what == "kill" else "unpause", "container": self.name}

    async def _facts(self) -> dict[str, Any]:
        def facts(api: docker.APIClient) -> dict[str, Any]:
            found: dict[str, Any] = api.inspect_container(self.name)
            return found

        found: dict[str, Any] = await self._ask(facts)
        return found

    async def _tell(self, what: str) -> None:
        await self._ask(lambda api: getattr(api, what)(self.name))

    async def _ask(self, ask: Callable[[docker.APIClient], Any]) -> Any:
        from docker.errors import NotFound

        from harness.runtime.docker.engine import connect, explained

        def call() -> Any:
            with explained(f"the container {self.name}"), closing(connect()) as api:
                try:
                    return ask(api)
                except NotFound as error:
                    message = f"expected a container '{self.name}', found none; correct 'container' in 'attach'"
                    raise DeployError(message) from error

        return await asyncio.to_thread(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPid:
    """A process whose id stands in a file, with all that descend from it."""

    file: Path

    async def alive(self) -> bool:
        """See `Means`."""
        return procfs.alive(self._read()) if self.file.exists() else False

    async def pid(self) -> int:
        """See `Means`."""
        return self._read()

    async def kill(self) -> None:
        """See `Means`."""
        self._send(signal.SIGKILL)

    async def end(self) -> None:
        """See `Means`."""
        self._send(signal.SIGTERM)

    async def start(self) -> None:
        """See `Means`."""
        raise DeployError(f"a file with a pid ({self.file}) tells nobody how the process is started")

    async def pause(self) -> None:
        """See `Means`."""
        self._send(signal.SIGSTOP)
        for _ in range(LOOKS_FOR_STILL):
            if procfs.stands_still(self._read()):
                return
            await asyncio.sleep(LOOK_FOR_STILL_S)
        raise DeployError(f"the process of {self.file} was told to stand still, and does not")

    async def resume(self) -> None:
        """See `Means`."""
        self._send(signal.SIGCONT)

    async def undoing(self, what: str) -> Step:
        """See `Means`."""
        if what == "kill":
            await self.start()
        pid = self._read()
        return {"do_by": "signal", "pid": pid, "started": procfs.started(pid), "signal": int(signal.SIGCONT)}

    def _read(self) -> int:
        try:
            return int(self.file.read_text())
        except (OSError, ValueError) as error:
            raise DeployError(f"expected a pid in {self.file}, found none: {error}; correct 'pid_file'") from error

    def _send(self, number: int) -> None:
        pid = self._read()
        try:
            for each in (pid, *procfs.descendants(pid)):
                os.kill(each, number)
        except (ProcessLookupError, PermissionError) as error:
            raise DeployError(f"the process of {self.file} can't be signalled: {error.strerror}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ByNothing:
    """All that is known is where it listens."""

    name: str
    at: Address

    async def alive(self) -> bool:
        """Whether it takes connections, or at least doesn't refuse them."""
        return await asyncio.to_thread(self._takes_connections)

    def _takes_connections(self) -> bool:
        """In a thread: a busy event loop would take its own lateness for somebody's silence."""
        try:
            socket.create_connection((self.at.host, self.at.port), timeout=PROBE_DEADLINE_S).close()
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
        return True

    async def pid(self) -> int:
        """See `Means`."""
        return 0

    async def kill(self) -> None:
        """See `Means`."""
        raise self._unknown("killed", "kill: [command]")

    async def end(self) -> None:
        """See `Means`."""
        raise self._unknown("ended", "kill: [command]")

    async def start(self) -> None:
        """See `Means`."""
        raise self._unknown("started again", "start: [command]")

    async def pause(self) -> None:
        """See `Means`."""
        raise self._unknown("frozen", "pause: [command] with resume: [command]")

    async def resume(self) -> None:
        """See `Means`."""
        raise self._unknown("resumed", "resume: [command]")

    async def undoing(self, what: str) -> Step:
        """See `Means`."""
        del what
        raise self._unknown("started again", "start: [command]")

    def _unknown(self, done: str, remedy: str) -> DeployError:
        also = "container: NAME" if done == "started again" else "container: NAME, or pid_file: PATH"
        return DeployError(
            f"{self.name} runs already, and nothing says how it is {done}; add {remedy}, or {also}, to its 'attach'"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCommands:
    """Commands where there are some, and else what `otherwise` does."""

    name: str
    told: Attached
    otherwise: Means
    root: Path
    values: Mapping[str, str]
    log: Path

    async def alive(self) -> bool:
        """See `Means`."""
        return await self.otherwise.alive()

    async def pid(self) -> int:
        """See `Means`."""
        return await self.otherwise.pid()

    async def kill(self) -> None:
        """See `Means`."""
        await (self._run(self.told.kill) if self.told.kill else self.otherwise.kill())

    async def end(self) -> None:
        """See `Means`; a command that kills is the only one there is."""
        await (self._run(self.told.kill) if self.told.kill else self.otherwise.end())

    async def start(self) -> None:
        """See `Means`."""
        await (self._run(self.told.start, until=self.alive) if self.told.start else self.otherwise.start())

    async def pause(self) -> None:
        """See `Means`."""
        await (self._run(self.told.pause) if self.told.pause else self.otherwise.pause())

    async def resume(self) -> None:
        """See `Means`."""
        await (self._run(self.told.resume) if self.told.resume else self.otherwise.resume())

    async def undoing(self, what: str) -> Step:
        """See `Means`."""
        command = self.told.start if what == "kill" else self.told.resume
        if not command:
            return await self.otherwise.undoing(what)
        return {"do_by": "run", "command": self._filled(command), "cwd": str(self.root)}

    def _filled(self, command: Command) -> tuple[str, ...]:
        try:
            return tuple(fill(part, self.values) for part in command)
        except KeyError as error:
            known = ", ".join(f"{{{name}}}" for name in self.values)
            raise DeployError(f"{self.name}: {{{error.args[0]}}} in {command} is none of {known}") from error

    async def _run(self, command: Command, *, until: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Run it to its end, or until something is so: a command may stay, when it is the instance itself."""
        words = self._filled(command)
        running = Outlasting.begin(words, cwd=self.root, log=self.log)
        deadline = SystemClock().now() + COMMAND_WITHIN_S
        while running.code is None and not (until and await until()):
            if SystemClock().now() > deadline:
                message = f"{self.name}: {' '.join(words)} did not end within {COMMAND_WITHIN_S:g} s; see {self.log}"
                raise DeployError(message)
            await asyncio.sleep(LOOK_S)
        if running.code:
            raise DeployError(f"{self.name}: {' '.join(words)} ended with {running.code}; see {self.log}")


class Outlasting:
    """A command that the harness does not end: what it starts is the system's own."""

    def __init__(self) -> None:
        self.code: int | None = None
        """What it ended with."""

    @classmethod
    def begin(cls, command: Command, *, cwd: Path, log: Path) -> Outlasting:
        """Start it; raises DeployError when that fails."""
        running = cls()
        try:
            with log.open("ab") as output:
                popen = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=base_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        except OSError as error:
            raise DeployError(f"{' '.join(command)} can't be run: {error.strerror}") from error

        def follow() -> None:
            running.code = popen.wait()

        threading.Thread(target=follow, name=f"follow {command[0]}", daemon=True).start()
        return running


def means_of(instance: InstanceId, told: Attached, at: Address, *, root: Path, log: Path) -> Means:
    """All that the description lets one do to an instance."""
    values = {"instance": instance.name, "index": str(instance.index)}
    otherwise: Means = ByNothing(name=instance.name, at=at)
    if told.container is not None:
        otherwise = ByContainer(name=fill(told.container, values))
    elif told.pid_file is not None:
        otherwise = ByPid(file=root / fill(told.pid_file, values))
    return ByCommands(name=instance.name, told=told, otherwise=otherwise, root=root, values=values, log=log)
