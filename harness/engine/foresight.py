"""What will be possible on a system, and what won't and why: told before anything is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.declare.journeys import load_file
from harness.engine.permission import is_beyond, permit
from harness.errors import DeclarationError
from harness.model.system import PRODUCTION, Ability, Attached, RuntimeKind, Service, Store, StoreKind
from harness.model.topology import Topology
from harness.runtime.compose.command import CANDIDATES

PROBED_WITHIN_S = 10.0
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "true")
_STARTED = (RuntimeKind.PROCESS, RuntimeKind.NAMESPACES)


class Outlook(StrEnum):
    """Whether something will be possible."""

    YES = "yes"
    PARTLY = "partly"
    """Less can be said, or done, than might be."""
    NO = "no"
    """Not here; the rest goes on."""
    STOPS = "stops"
    """Nothing can be run until this is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """One thing about one part of the system."""

    about: str
    """`system`, a service, a store, an edge as it is typed, `journeys`."""
    what: str
    """`start`, `kill`, `fuzz`, …"""
    outlook: Outlook
    why: str
    mend: str = ""


def foresee(topology: Topology, *, environ: Mapping[str, str] = os.environ) -> tuple[Foreseen, ...]:
    """All that can be told of a description by itself, and of this machine."""
    return (
        *_of_runtime(topology, environ),
        *_of_permissions(topology, environ),
        *_of_journeys(topology),
        *(each for name in topology.system.services for each in _of_service(topology, name)),
        *(each for name in topology.system.stores for each in _of_store(topology, name)),
        *_of_edges(topology),
        Foreseen(
            about="system",
            what="blame",
            outlook=Outlook.PARTLY,
            why="no traces are read: who is to blame is inferred from what crosses the edges",
        ),
    )


def _of_runtime(topology: Topology, environ: Mapping[str, str]) -> Iterator[Foreseen]:
    runtime = topology.system.runtime
    if runtime is RuntimeKind.NAMESPACES:
        why = "" if os.geteuid() == 0 else _fails(_UNSHARE, environ)
        mend = "run it as root, or allow user namespaces, or tell addresses by env: 'runtime: process'"
        yield _start("namespaces can be made", f"namespaces can't be made here: {why}", mend, why)
    elif runtime is RuntimeKind.COMPOSE:
        file = Path(topology.root) / topology.system.compose
        why = f"there is no {file}" if not file.is_file() else _no_compose(environ)
        mend = "name the file as 'compose:', or install docker with its plugin compose"
        yield _start("docker compose is here, and the file too", why, mend, why)
    elif runtime is RuntimeKind.ATTACH:
        yield Foreseen(about="system", what="start", outlook=Outlook.YES, why="it runs already; nothing is started")
    else:
        yield Foreseen(about="system", what="start", outlook=Outlook.YES, why="as processes of this machine")


def _no_compose(environ: Mapping[str, str]) -> str:
    why = [_fails((*program, "version", "--short"), environ) for program in CANDIDATES]
    return "" if "" in why else "; ".join(why)


def _start(fine: str, wrong: str, mend: str, why: str) -> Foreseen:
    if why:
        return Foreseen(about="system", what="start", outlook=Outlook.STOPS, why=wrong, mend=mend)
    return Foreseen(about="system", what="start", outlook=Outlook.YES, why=fine)


def _fails(command: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Why a program does not do its work; empty when it does."""
    if shutil.which(command[0], path=environ.get("PATH", os.defpath)) is None:
        return f"there is no {command[0]} on the PATH"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBED_WITHIN_S, check=False, env=dict(environ)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    said = (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}").splitlines()[-1]
    return "" if done.returncode == 0 else f"{' '.join(command[:2])}: {said}"


def _of_permissions(topology: Topology, environ: Mapping[str, str]) -> Iterator[Foreseen]:
    beyond = is_beyond(topology, environ=environ)
    where = "not on this machine alone" if beyond else "on this machine alone"
    for ability in Ability:
        try:
            permit(topology, [ability], environ=environ)
        except DeclarationError as error:
            never = ability is Ability.FUZZ and topology.system.environment == PRODUCTION
            problem = error.problems[0]
            outlook = Outlook.NO if never or ability in (Ability.KILL, Ability.FUZZ) else Outlook.STOPS
            yield Foreseen(
                about="system", what=f"allow {ability}", outlook=outlook, why=problem.message, mend=problem.remedy
            )
        else:
            yield Foreseen(about="system", what=f"allow {ability}", outlook=Outlook.YES, why=f"it is {where}")


def _of_journeys(topology: Topology) -> Iterator[Foreseen]:
    load = load_file(topology)
    entry = topology.service(topology.system.entry)
    if load is not None:
        found = ", ".join(topology.system.journeys) or "those that it has"
        yield Foreseen(about="journeys", what="load", outlook=Outlook.YES, why=f"{load.name}: {found}")
    elif entry.openapi is not None:
        why = "no file says what customers do: each operation of the entry's OpenAPI document with an example is one"
        yield Foreseen(about="journeys", what="load", outlook=Outlook.PARTLY, why=why, mend="harness init writes some")
    else:
        why = f"no file says what customers do, and the entry '{topology.system.entry}' has no OpenAPI document"
        mend = "name a locustfile, a journeys.yaml or a .har as content.load, or add 'openapi:' to the entry"
        yield Foreseen(about="journeys", what="load", outlook=Outlook.STOPS, why=why, mend=mend)


def _of_service(topology: Topology, name: str) -> Iterator[Foreseen]:
    service = topology.service(name)
    if service.openapi is None:
        why = (
            "it does not say where its OpenAPI document is: it is not fuzzed, and its answers are held against nothing"
        )
        yield Foreseen(about=name, what="fuzz", outlook=Outlook.NO, why=why, mend="openapi: /openapi.json")
    else:
        yield Foreseen(about=name, what="fuzz", outlook=Outlook.YES, why=f"its document is at {service.openapi}")
    yield _kill(topology, name, service)
    zones = sorted({each.zone for each in topology.instances_of(name)})
    if len(zones) == 1:
        alone = "one instance only" if len(topology.instances_of(name)) == 1 else f"all instances in zone {zones[0]}"
        why = f"{alone}: losing its zone is losing the service"
        yield Foreseen(
            about=name, what="zone loss", outlook=Outlook.NO, why=why, mend="instances: [{zone: a}, {zone: b}]"
        )
    else:
        yield Foreseen(about=name, what="zone loss", outlook=Outlook.YES, why=f"in zones {', '.join(zones)}")


def _of_store(topology: Topology, name: str) -> Iterator[Foreseen]:
    store = topology.store(name)
    yield _kill(topology, name, store)
    if store.kind is StoreKind.TCP:
        why = (
            "its protocol is not known: what it says when asked tells whether a fault bites, and exchanges are inferred"
        )
        yield Foreseen(about=name, what="protocol", outlook=Outlook.PARTLY, why=why)


def _kill(topology: Topology, name: str, part: Service | Store) -> Foreseen:
    runtime = topology.system.runtime
    if runtime in _STARTED:
        return Foreseen(about=name, what="kill", outlook=Outlook.YES, why="the harness starts it")
    if runtime is RuntimeKind.COMPOSE:
        return Foreseen(about=name, what="kill", outlook=Outlook.YES, why="by its container")
    means = _means(part.attach) if part.attach is not None else ""
    if not means:
        mend = "attach: {container: …}, {pid_file: …}, or commands for kill and start, pause and resume"
        why = "it runs already, and nothing says how it is killed"
        return Foreseen(about=name, what="kill", outlook=Outlook.NO, why=why, mend=mend)
    if Ability.KILL not in topology.system.allow:
        return Foreseen(
            about=name, what="kill", outlook=Outlook.NO, why=f"by its {means}, but not allowed", mend="allow: [kill]"
        )
    return Foreseen(about=name, what="kill", outlook=Outlook.YES, why=f"by its {means}")


def _means(attach: Attached) -> str:
    if attach.container is not None:
        return "container"
    if attach.pid_file is not None:
        return "file with a pid"
    return "command" if attach.kill and attach.start else ""


def _of_edges(topology: Topology) -> Iterator[Foreseen]:
    attached = topology.system.runtime is RuntimeKind.ATTACH
    for name, edge in topology.edges.items():
        if attached and not edge.proxies:
            why = "no proxy stands on it, so it can't be broken, and what crosses it is not seen"
            yield Foreseen(about=name, what="faults", outlook=Outlook.NO, why=why, mend="proxies: [{api: …, proxy: …}]")
        else:
            said = "the proxy that you named" if attached else "a proxy of its own"
            yield Foreseen(about=name, what="faults", outlook=Outlook.YES, why=f"{said}, {topology.protocol(edge)}")


def exit_code(foreseen: tuple[Foreseen, ...]) -> int:
    """2 when something must be mended before anything can be run, else 0."""
    return 2 if any(each.outlook is Outlook.STOPS for each in foreseen) else 0
