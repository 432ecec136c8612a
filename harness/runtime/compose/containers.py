"""The containers that compose made for a run: found by their labels, watched, and signalled like processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from harness.clock import Clock
from harness.errors import DeployError
from harness.runtime.docker.containers import CPU_PERIOD_US, Limits
from harness.runtime.docker.engine import RUN_LABEL, connect, explained, used_bytes
from harness.runtime.docker.following import follow
from harness.runtime.supervised import SupervisedProcess

SERVICE_LABEL = "com.docker.compose.service"
HEALTH_WITHIN_S = 10.0
LOOK_S = 0.1
_SO_ALREADY = ("is not running", "is already paused", "is not paused", "No such container")
_NO_RESTART: Any = {"Name": "no", "MaximumRetryCount": 0}
"""Its type in the library's stubs is private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A container as compose made it."""

    id: str
    policy: str
    """Who starts it again when it has died: `no`, `always`, `unless-stopped`, `on-failure`."""
    stop_signal: int
    limits: Limits
    health: tuple[str, ...]
    """The command of its healthcheck; none when it has none."""
    pid: int = 0
    """Of its first process when it was looked at; 0 when it did not run."""

    @property
    def revives(self) -> bool:
        """Whether the project wants it started again when it has died."""
        return self.policy not in ("", "no")


class Containers:
    """All containers of a run, by the names of their services."""

    def __init__(self, api: docker.APIClient, run: str, *, clock: Clock) -> None:
        self._api = api
        self._run = run
        self._clock = clock
        self.found: dict[str, Found] = {}
        self._machine_bytes = 0

    async def look(self) -> None:
        """Find all that there are; raises DeployError."""
        with explained("looking for the containers of the run"):
            self.found = await asyncio.to_thread(self._find)

    async def status(self, name: str) -> str:
        """`running`, `restarting`, `exited`…; raises DeployError."""
        with explained(f"looking at {name}"):
            facts = await asyncio.to_thread(self._api.inspect_container, self._one(name).id)
        return str(facts["State"]["Status"])

    async def hold(self, name: str, log: Path) -> SupervisedProcess:
        """Take a container over from compose: it is followed from its first line, and only we start it again."""
        container = self._one(name)
        with explained(f"taking over {name}"):
            if container.revives:
                await asyncio.to_thread(self._api.update_container, container.id, restart_policy=_NO_RESTART)
        return await self._follow(name, log, since=None)

    async def start(self, name: str, log: Path) -> SupervisedProcess:
        """Start a container that has ended; raises DeployError."""
        since = self._clock.wall().timestamp()
        with explained(f"starting {name}"):
            await asyncio.to_thread(self._api.start, self._one(name).id)
        return await self._follow(name, log, since=since)

    async def unwell(self, name: str) -> str | None:
        """What its healthcheck says against it, asked now and not when its time comes; None when it is well."""
        container = self._one(name)
        try:
            with explained(f"the healthcheck of {name}"):
                async with asyncio.timeout(HEALTH_WITHIN_S):
                    code, said = await asyncio.to_thread(self._ask, container)
        except TimeoutError:
            return f"its healthcheck took longer than {HEALTH_WITHIN_S:g} s"
        except DeployError as error:
            return str(error)
        return None if code == 0 else f"its healthcheck ended with {code}: {said[-200:].strip()}"

    async def limit(self, name: str, limits: Limits | None) -> None:
        """Limit what a container may use; None is what the project says. Raises DeployError."""
        container = self._one(name)
        wanted = limits or container.limits
        with explained(f"limiting {name}"):
            await asyncio.to_thread(self._update, container.id, wanted)

    async def used_bytes(self, name: str) -> int:
        """The memory that a container has now; raises DeployError."""
        container = self._one(name)
        with explained(f"asking what {name} uses"):
            return used_bytes(await asyncio.to_thread(self._api.stats, container.id, stream=False))

    def _one(self, name: str) -> Found:
        if name not in self.found:
            raise DeployError(f"expected a container of '{name}' in run {self._run}, found none: somebody removed it")
        return self.found[name]

    def _find(self) -> dict[str, Found]:
        self._machine_bytes = int(self._api.info()["MemTotal"])
        made = self._api.containers(all=True, filters={"label": f"{RUN_LABEL}={self._run}"})
        found = {}
        for each in made:
            facts = self._api.inspect_container(each["Id"])
            found[each["Labels"].get(SERVICE_LABEL, "")] = _found(facts)
        return found

    async def _follow(self, name: str, log: Path, since: float | None) -> SupervisedProcess:
        container = self._one(name)
        with explained(f"following {name}"):
            facts = await asyncio.to_thread(self._api.inspect_container, container.id)
            api = await asyncio.to_thread(connect)
        process = SupervisedProcess(
            int(facts["State"]["Pid"]), lambda _pid, number: self._signal(name, container, number)
        )
        follow(api, container.id, log, process.ended, since=since)
        return process

    async def _signal(self, name: str, container: Found, number: int) -> None:
        """As `kill` does for a process; nothing happens when it is gone, or is so already."""
        try:
            with explained(f"signalling {name}"):
                await asyncio.to_thread(self._send, container, number)
        except DeployError as error:
            if not any(so_already in str(error) for so_already in _SO_ALREADY):
                raise

    def _send(self, container: Found, number: int) -> None:
        match number:
            case signal.SIGSTOP:
                self._api.pause(container.id)
            case signal.SIGCONT:
                self._api.unpause(container.id)
            case signal.SIGTERM:
                self._api.kill(container.id, container.stop_signal)
            case _:
                self._api.kill(container.id, number)

    def _ask(self, container: Found) -> tuple[int, str]:
        made = self._api.exec_create(container.id, list(container.health))["Id"]
        said: bytes = self._api.exec_start(made)
        code = self._api.exec_inspect(made)["ExitCode"]
        return -1 if code is None else int(code), said.decode(errors="replace")

    def _update(self, container: str, limits: Limits) -> None:
        memory = limits.memory(self._machine_bytes)
        self._api.update_container(
            container, cpu_period=CPU_PERIOD_US, cpu_quota=limits.quota_us, mem_limit=memory, memswap_limit=memory
        )


def _found(facts: Mapping[str, Any]) -> Found:
    config, host = facts["Config"], facts["HostConfig"]
    cpus = (host.get("NanoCpus") or 0) / 1e9 or (host.get("CpuQuota") or 0) / (host.get("CpuPeriod") or CPU_PERIOD_US)
    return Found(
        id=facts["Id"],
        policy=str((host.get("RestartPolicy") or {}).get("Name") or "no"),
        stop_signal=_number(config.get("StopSignal")),
        limits=Limits(cpus=cpus if cpus > 0 else None, memory_bytes=host.get("Memory") or None),
        health=_health((config.get("Healthcheck") or {}).get("Test") or []),
        pid=int((facts.get("State") or {}).get("Pid") or 0),
    )


def _health(test: list[str]) -> tuple[str, ...]:
    match test:
        case ["CMD", *command]:
            return tuple(command)
        case ["CMD-SHELL", text, *_]:
            return ("/bin/sh", "-c", text)
        case _:
            return ()


def _number(name: str | None) -> int:
    """The number of a signal by its name, as images tell it."""
    if name and name.isdigit():
        return int(name)
    known = {each.name: int(each) for each in signal.Signals}
    return known.get(f"SIG{(name or '').removeprefix('SIG')}", int(signal.SIGTERM))
