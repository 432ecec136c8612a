"""Grants containers where the rest of the runtime asks for processes.

A process that is asked for becomes a container of the run's image, on the run's network, at the address that was
settled for its name. It is signalled like a process: SIGKILL kills the container, SIGSTOP and SIGCONT freeze and thaw
it. A process that is asked for again under the same name is a new container in the place of the old one, with the same
directories of the host mounted where the host has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound
from docker.types import LogConfig

from harness.errors import DeployError
from harness.model.process import ProcessSpec
from harness.runtime.docker.engine import clear, connect, explained, labels_of, used_bytes
from harness.runtime.docker.following import follow
from harness.runtime.docker.image import CODE, Image
from harness.runtime.docker.network import make_network
from harness.runtime.docker.places import Places
from harness.runtime.docker.reaper import Reaper
from harness.runtime.launches import CALL
from harness.runtime.supervised import ForkSpec, SupervisedProcess
from harness.runtime.supervisor_client import INHERITED

CPU_PERIOD_US = 100_000
LEAST_QUOTA_US = 1_000
LEAST_MEMORY_BYTES = 6 << 20
"""What the engine allows as a limit."""
PROCESSES_LIMIT = 1_024
LOG_KEPT = {"max-size": "10m", "max-file": "2"}
"""By the engine; the harness keeps its own."""
REMOVED_WITHIN_S = 10.0

_SO_ALREADY = ("is not running", "is already paused", "is not paused", "No such container")
"""What the engine says when there is nothing to do."""

_TOLD = (".conf", ".json")
"""Files in a mounted directory that may speak of 127.0.0.1."""

_ALIASES = """
import fcntl, os, socket, struct, sys
first, count, user, *command = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    def tell(what, name, address):
        family = struct.pack("16sH2s4s8s", name, socket.AF_INET, b"", socket.inet_aton(address), b"")
        fcntl.ioctl(asking, what, family)
    start = int.from_bytes(socket.inet_aton(first), "big")
    for number in range(int(count)):
        name, address = b"eth0:%d" % number, socket.inet_ntoa((start + number).to_bytes(4, "big"))
        tell(0x8916, name, address)
        tell(0x891C, name, "255.255.255.255")
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
os.execvp(command[0], command)
"""
"""Gives a container more addresses (SIOCSIFADDR, SIOCSIFNETMASK), and then runs a program as an ordinary user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwelling:
    """How a process of some name lives in its container."""

    address: str | None
    """On the run's network; None for one that shares the host's."""
    mounts: tuple[Path, ...] = ()
    """Directories of the host that it may write to, at the same path."""
    aliases: tuple[str, int] | None = None
    """The first of more addresses that follow one another, and how many."""
    env: tuple[tuple[str, str], ...] = ()
    """What it is told besides, unless the description says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a container may use; None is no limit."""

    cpus: float | None = None
    memory_bytes: int | None = None

    def memory(self, all_bytes: int) -> int:
        """The limit for the engine, which can't take one back: all that the machine has is none."""
        return all_bytes if self.memory_bytes is None else self.memory_bytes

    @property
    def quota_us(self) -> int:
        """Of each `CPU_PERIOD_US`; -1 is no limit."""
        return -1 if self.cpus is None else max(LEAST_QUOTA_US, round(self.cpus * CPU_PERIOD_US))


class Containers:
    """All containers of one run; what `harness.runtime` asks for as its supervisor. Made by `start`."""

    def __init__(
        self, api: docker.APIClient, *, run: str, image: Image, directory: Path, labels: dict[str, str]
    ) -> None:
        self.run = run
        self.network: IPv4Network
        self.places: Places | None = None
        self._api = api
        self.image = image
        self._directory = directory
        self._labels = labels
        self._reaper = Reaper(run, directory)
        self._dwellings: dict[str, Dwelling] = {}
        self._limits: dict[str, Limits] = {}
        self._running: dict[str, str] = {}
        """Name → id of the container that was made last for it."""
        self._network = ""
        self._machine_bytes = 0
        self._closed = False
        self.on_started: Callable[[str], Awaitable[None]] | None = None
        """Told the name of each process that was started."""

    @classmethod
    async def start(cls, *, run: str, system: str, image: Image, directory: Path) -> Containers:
        """Connect, have the reaper stand by, and make the run's network.

        Raises:
            DeployError: if no engine answers, or it has no room for a network.
        """
        api = await asyncio.to_thread(connect)
        containers = cls(api, run=run, image=image, directory=directory, labels=labels_of(run, system))
        try:
            with explained("making the run's network"):
                containers._machine_bytes = (await asyncio.to_thread(api.info))["MemTotal"]
                made = await asyncio.to_thread(make_network, api, run, containers._labels)
        except BaseException:
            await containers.close()
            raise
        containers._network, containers.network = made
        return containers

    def settle(self, name: str, dwelling: Dwelling) -> None:
        """Say how the process of a name is to live; do it before it is asked for."""
        self._dwellings[name] = dwelling

    async def spawn(self, spec: ProcessSpec) -> SupervisedProcess:
        """Start a program in a container of its own; raises DeployError when that fails."""
        first, *arguments = spec.command
        program = "python" if first == sys.executable else first
        return await self._start(replace(spec, command=(program, *arguments)))

    async def fork(self, spec: ForkSpec) -> SupervisedProcess:
        """Call a Python function in a container of its own, where nothing can be forked from; raises DeployError."""
        path = os.pathsep.join(spec.path)
        return await self._start(
            ProcessSpec(
                name=spec.name,
                command=("python", "-u", "-c", CALL, spec.function),
                log=spec.log,
                env={"PYTHONPATH": path, **spec.env},
                cwd=spec.cwd,
            )
        )

    async def warm(self, preload: tuple[str, ...], path: tuple[str, ...], logs: Path) -> str:
        """Nothing is shared between containers."""
        del path, logs
        return ",".join(preload)

    async def remove_at_end(self, path: Path) -> None:
        """Have a directory (absolute, below the run's) removed when the harness ends, however it ends."""
        await asyncio.to_thread(self._reaper.remove_at_end, path)

    async def limit(self, name: str, limits: Limits) -> None:
        """Limit what the container of a name may use, now and whenever it is started again.

        Raises:
            DeployError: if the engine refuses.
        """
        if limits.memory_bytes is not None and limits.memory_bytes < LEAST_MEMORY_BYTES:
            raise DeployError(f"{name}: expected at least {LEAST_MEMORY_BYTES} bytes, found {limits.memory_bytes}")
        self._limits[name] = limits
        container = self._running.get(name)
        if container is not None:
            with explained(f"limiting {name}"):
                await asyncio.to_thread(self._update, container, limits)

    async def used_bytes(self, name: str) -> int:
        """The memory that the container of a name has now; raises DeployError."""
        with explained(f"asking what {name} uses"):
            return used_bytes(await asyncio.to_thread(self._api.stats, self._running[name], stream=False))

    def _update(self, container: str, limits: Limits) -> None:
        memory = limits.memory(self._machine_bytes)
        self._api.update_container(
            container,
            cpu_period=CPU_PERIOD_US,
            cpu_quota=limits.quota_us,
            mem_limit=memory,
            memswap_limit=memory,
        )

    async def close(self) -> None:
        """Remove all containers and the network; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            with explained(f"removing the containers of {self.run}"):
                await asyncio.to_thread(clear, self._api, self.run)
        finally:
            await asyncio.to_thread(self._reaper.close)
            self._api.close()

    async def _start(self, spec: ProcessSpec) -> SupervisedProcess:
        dwelling = self._dwellings.get(spec.name)
        if dwelling is None:
            raise DeployError(f"{spec.name}: nobody settled how it is to live in a container")
        with explained(f"starting the container of {spec.name}"):
            container, pid = await asyncio.to_thread(self._make, spec, dwelling)
        process = SupervisedProcess(pid, lambda _pid, number: self._signal(container, number))
        self._running[spec.name] = container
        follow(await asyncio.to_thread(connect), container, Path(spec.log), process.ended)
        if self.on_started is not None:
            await self.on_started(spec.name)
        return process

    def _make(self, spec: ProcessSpec, dwelling: Dwelling) -> tuple[str, int]:
        own = dwelling.address
        name = f"{self.run}-{spec.name}"
        for mount in dwelling.mounts:
            self._prepare(mount, own)
        with contextlib.suppress(NotFound):
            self._api.remove_container(name, force=True, v=True)
        container: str = self._api.create_container(
            self.image.tag,
            name=name,
            hostname=spec.name if own else None,
            command=self._command(spec, dwelling),
            environment=self._environment(spec, dwelling),
            working_dir=self._inside(spec.cwd) if spec.cwd else None,
            user="0" if dwelling.aliases else None,
            labels=self._labels,
            host_config=self._host_config(spec.name, dwelling),
            networking_config=self._networking(own),
        )["Id"]
        self._api.start(container)
        return container, int(self._api.inspect_container(container)["State"]["Pid"])

    def _host_config(self, name: str, dwelling: Dwelling) -> dict[str, Any]:
        limits = self._limits.get(name, Limits())
        memory = None if limits.memory_bytes is None else limits.memory_bytes
        return self._api.create_host_config(
            init=True,
            network_mode="host" if dwelling.address is None else self._network,
            binds=[f"{mount}:{mount}:rw" for mount in dwelling.mounts],
            cap_drop=["ALL"],
            cap_add=["NET_ADMIN", "SETUID", "SETGID"] if dwelling.aliases else [],
            security_opt=["no-new-privileges"],
            pids_limit=PROCESSES_LIMIT,
            log_config=LogConfig(type=LogConfig.types.JSON, config=LOG_KEPT),
            cpu_period=CPU_PERIOD_US,
            cpu_quota=limits.quota_us,
            mem_limit=memory,
            memswap_limit=memory,
        )

    def _networking(self, own: str | None) -> Any:
        """The address; its type in the library's stubs is wrong."""
        if own is None:
            return None
        networks: Any = {self._network: self._api.create_endpoint_config(ipv4_address=own)}
        return self._api.create_networking_config(networks)

    def _command(self, spec: ProcessSpec, dwelling: Dwelling) -> list[str]:
        told = [self._tell(part, dwelling.address) for part in spec.command]
        if dwelling.aliases is None:
            return told
        first, count = dwelling.aliases
        return ["python", "-c", _ALIASES, first, str(count), str(self.image.user), *told]

    def _environment(self, spec: ProcessSpec, dwelling: Dwelling) -> dict[str, str]:
        """What the description says, as it is true inside; what is the host's own stays outside."""
        own = {
            name: value for name, value in spec.env.items() if os.environ.get(name) != value or name not in INHERITED
        }
        if "PYTHONPATH" in own:
            own["PYTHONPATH"] = os.pathsep.join(map(self._inside, own["PYTHONPATH"].split(os.pathsep)))
        return {name: self._tell(value, dwelling.address) for name, value in (dict(dwelling.env) | own).items()}

    def _tell(self, text: str, own: str | None) -> str:
        return text if own is None or self.places is None else self.places.tell(text, own)

    def _inside(self, path: str) -> str:
        """Where the image, or a mount, has a directory of the host."""
        for place in (Path(path), *Path(path).parents):
            if place == self.image.code:
                return str(Path(CODE) / Path(path).relative_to(place))
            if place == self._directory:
                return path
        raise DeployError(
            f"expected {path} to lie below {self.image.code}, which is what the image holds; "
            "move the Dockerfile to a directory above both"
        )

    def _prepare(self, mount: Path, own: str | None) -> None:
        """Tell the files of a directory anew, and give it to the image's user."""
        mount.mkdir(parents=True, exist_ok=True)
        for path in (*mount.glob("*"), *mount.glob("*/*")):
            if path.suffix in _TOLD and path.is_file():
                text = path.read_text(encoding="utf-8")
                told = self._tell(text, own)
                if told != text:
                    path.write_text(told, encoding="utf-8")
        if os.geteuid() == 0:
            for place in (mount, *mount.iterdir()):
                if place.stat().st_uid != self.image.user:
                    _give(place, self.image.user)

    async def _signal(self, container: str, number: int) -> None:
        """As `kill` does for a process; nothing happens when it is gone, or is so already."""
        try:
            with explained(f"signalling a container with {signal.Signals(number).name}"):
                await asyncio.to_thread(self._send, container, number)
        except DeployError as error:
            if not any(so_already in str(error) for so_already in _SO_ALREADY):
                raise

    def _send(self, container: str, number: int) -> None:
        match number:
            case signal.SIGSTOP:
                self._api.pause(container)
            case signal.SIGCONT:
                self._api.unpause(container)
            case _:
                self._api.kill(container, number)


def _give(place: Path, user: int) -> None:
    """Give a directory, or a file, with all that is in it to a user."""
    shutil.chown(place, user, user)
    if place.is_dir() and not place.is_symlink():
        for below in place.iterdir():
            _give(below, user)
