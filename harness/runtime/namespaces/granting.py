"""Grants processes to a deployment, those of its instances in their rooms."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.clock import Clock
from harness.errors import DeployError
from harness.model.process import Process, ProcessSpec
from harness.proxy.control import NAME as RELAY
from harness.runtime.launches import CALL
from harness.runtime.logs import last_lines
from harness.runtime.namespaces.enter import BOOT
from harness.runtime.namespaces.files import PLAN, SOCKET
from harness.runtime.namespaces.passing import KeeperError, ask, connect_to
from harness.runtime.namespaces.places import Places, Room
from harness.runtime.namespaces.plan import OpeningPlan, Plan, RoomPlan
from harness.runtime.namespaces.wiring import NAME_SERVER, hosts, nsswitch_conf, resolv_conf
from harness.runtime.supervised import ForkSpec, Granter, SupervisedProcess
from harness.runtime.supervisor_client import PACKAGE_ROOT, base_environment

BUILT_WITHIN_S = 30.0
LOOK_EVERY_S = 0.01
KEEPER_LOG = "keeper.log"
_PROXY_RELAY, _OUR_RELAY = "harness.proxy.relay", "harness.runtime.namespaces.relay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen of a room."""

    listens: tuple[int, ...]
    """The ports on which something takes connections there."""
    outside: tuple[str, ...]
    """What was looked for that is not in the system."""


class Rooms:
    """Grants processes by a supervisor; satisfies `Granter`."""

    def __init__(self, supervisor: Granter, directory: Path) -> None:
        self._supervisor = supervisor
        self._directory = directory
        self._rooms: dict[str, Room] = {}
        self._keeper: Process | None = None

    async def build(self, places: Places, names: dict[str, Room], clock: Clock) -> None:
        """Have the keeper build the rooms; `names` tells which process lives in which.

        Raises:
            DeployError: if the kernel refuses, with the way out.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        plan = plan_of(places, names)
        plan.write(self._directory / PLAN)
        machine = socket.gethostname()
        for name, room in names.items():
            _write_files(self._directory / name, room, machine)
        self._rooms = names
        log = self._directory / KEEPER_LOG
        self._keeper = await self._supervisor.spawn(
            ProcessSpec(
                name="the keeper of the namespaces",
                command=(sys.executable, "-P", "-m", "harness.runtime.namespaces.keeper", str(self._directory)),
                log=str(log),
                env=base_environment() | {"PYTHONPATH": PACKAGE_ROOT},
                cwd="/",
            )
        )
        deadline = clock.now() + BUILT_WITHIN_S
        while not self._answers():
            if self._keeper.returncode is not None:
                raise DeployError(last_lines(log))
            if clock.now() > deadline:
                raise DeployError(f"expected the namespaces to be there within {BUILT_WITHIN_S:g} s; see {log}")
            await clock.sleep(LOOK_EVERY_S)

    async def spawn(self, spec: ProcessSpec) -> SupervisedProcess:
        """Start a program, in its room if it has one; raises DeployError when that fails."""
        if spec.name == RELAY and _PROXY_RELAY in spec.command:
            command = tuple(_OUR_RELAY if part == _PROXY_RELAY else part for part in spec.command)
            return await self._supervisor.spawn(replace(spec, command=(*command, str(self._directory))))
        if spec.name not in self._rooms:
            return await self._supervisor.spawn(spec)
        _check_program(spec)
        # Before the launcher does it: until then the door of one that was killed would still let probes in.
        await asyncio.to_thread(self._ask, "shut", spec.name)
        launcher = (sys.executable, "-I", "-S", "-c", BOOT, PACKAGE_ROOT, str(self._directory), spec.name, "--")
        return await self._supervisor.spawn(replace(spec, command=(*launcher, *spec.command)))

    async def fork(self, spec: ForkSpec) -> SupervisedProcess:
        """Call a Python function in a process of its own, which nothing is forked into another's room for."""
        path = os.pathsep.join(spec.path)
        command = (sys.executable, "-u", "-c", CALL, spec.function)
        env = {"PYTHONPATH": path, **spec.env}
        return await self.spawn(ProcessSpec(name=spec.name, command=command, log=spec.log, env=env, cwd=spec.cwd))

    async def warm(self, preload: tuple[str, ...], path: tuple[str, ...], logs: Path) -> str:
        """Nothing is shared between rooms."""
        del path, logs
        return ",".join(preload)

    async def remove_at_end(self, path: Path) -> None:
        """See `Granter`."""
        await self._supervisor.remove_at_end(path)

    async def seen(self, name: str) -> Sight:
        """What was seen of the room of a process; nothing when the keeper is gone."""
        try:
            return await asyncio.to_thread(self._seen, name)
        except DeployError:
            return Sight(listens=(), outside=())

    async def close(self) -> None:
        """End the keeper, and with it all namespaces; the processes in them have to be gone."""
        if self._keeper is not None:
            await self._keeper.stop(0.0)
            (self._directory / SOCKET).unlink(missing_ok=True)

    def _seen(self, name: str) -> Sight:
        told = self._ask("seen", name)
        return Sight(listens=tuple(told["listens"]), outside=tuple(told["outside"]))

    def _ask(self, what: str, room: str) -> dict[str, Any]:
        """Raises DeployError when the keeper is gone."""
        try:
            with connect_to(str(self._directory), SOCKET) as asking:
                told, _ = ask(asking, {"do": what, "room": room})
        except (OSError, KeeperError) as error:
            log = self._directory / KEEPER_LOG
            raise DeployError(f"{room}: the keeper of the namespaces does not answer ({error}); see {log}") from error
        return told

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            connect_to(str(self._directory), SOCKET).close()
            return True
        return False


def plan_of(places: Places, names: dict[str, Room]) -> Plan:
    """What the keeper is told."""
    of_instance = {room.instance: name for name, room in names.items()}
    rooms = (
        RoomPlan(
            name=name,
            interface=room.interface,
            hall_end=room.hall_end,
            address=room.address,
            port=room.port,
            outside=room.outside,
            names={name: [room.address] for name in room.own_names}
            | {name: [*each] for name, each in room.names.items()},
        )
        for name, room in names.items()
    )
    openings = (
        OpeningPlan(
            line=each.line.name,
            room=of_instance[each.line.consumer],
            address=each.address,
            port=each.port,
            indoors=each.indoors,
        )
        for each in places.openings
    )
    return Plan(rooms=tuple(rooms), openings=tuple(openings))


def _write_files(directory: Path, room: Room, machine: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "hosts").write_text(hosts(room.address, room.own_names, room.names, machine))
    (directory / "resolv.conf").write_text(resolv_conf(NAME_SERVER))
    (directory / "nsswitch.conf").write_text(nsswitch_conf())


def _check_program(spec: ProcessSpec) -> None:
    """The launcher would be started in any case, and only its log would tell."""
    program = spec.command[0]
    found = shutil.which(program, path=spec.env.get("PATH"))
    if os.sep in program:
        found = shutil.which(str(Path(spec.cwd or "/") / program))
    if found is None:
        raise DeployError(f"{spec.name}: could not be started: no such program that can be run: {program}")
