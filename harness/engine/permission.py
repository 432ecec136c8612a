"""What the harness may do to a system that is not on this machine alone: only what its description allows."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.declare.system import DESCRIPTION
from harness.declare.yaml import read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.fault import Injection, InstanceTarget
from harness.model.system import LOCAL, PRODUCTION, Ability, RuntimeKind, System
from harness.model.topology import Topology

if TYPE_CHECKING:
    from harness.model.experiment import Experiment

PlaceOf = Callable[[tuple[str | int, ...]], Place]
"""Where in the description something stands, by the keys that lead to it."""

MOST_RATE_BEYOND = 50.0
"""Journeys a second at a system that is not on this machine alone: others use it, and its network, too."""

Path_ = tuple[str | int, ...]
Resolve = Callable[[str], Sequence[str]]
"""The addresses of a host name; raises OSError when it has none."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DONE = {
    Ability.LOAD: "put load on it",
    Ability.FAULTS: "break its edges",
    Ability.KILL: "kill or freeze its instances",
    Ability.FUZZ: "fuzz it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Something that the harness would speak to, and the keys in the description that lead to it."""

    text: str
    """`http://10.0.0.7:8001`, `10.0.0.7:5432`, `tcp://docker.example:2376`."""
    path: Path_ = ()
    where: str = ""
    """Where it stands when that is not the description: `DOCKER_HOST`."""


def permit(  # noqa: PLR0913 -- each is a thing of its own
    topology: Topology,
    wanted: Iterable[Ability],
    addresses: Iterable[Address] | None = None,
    *,
    ours: Sequence[Network] = (),
    resolve: Resolve | None = None,
    environ: Mapping[str, str] = os.environ,
    place_of: PlaceOf | None = None,
) -> None:
    """Prove that all that is wanted may be done, before anything is started or sent.

    A system is on this machine alone when its environment is `local` and all its addresses are of the loopback,
    or in a network that the harness made; there everything is allowed, but killing what it did not start.

    Args:
        topology: what it would be done to.
        wanted: what would be done.
        addresses: what would be spoken to; those of the description and of Docker when left out.
        ours: networks that the harness made.
        resolve: finds the addresses of a name.
        environ: where Docker is looked up.
        place_of: tells file, line and column; without it, `system.yaml` in the system's directory is read again.

    Raises:
        DeclarationError: with everything that the description does not allow.
    """
    wanted = [ability for ability in Ability if ability in set(wanted)]
    listed = [*addresses_of(topology, environ)] if addresses is None else [*addresses]
    near = _Near(ours, resolve or _resolved)
    problems = [*_problems(topology.system, wanted, listed, near, place_of or _place_in(topology))]
    if problems:
        raise DeclarationError(problems)


def permit_rate(
    topology: Topology, rate: float, *, environ: Mapping[str, str] = os.environ, place_of: PlaceOf | None = None
) -> None:
    """Prove that a load is not more than may be put on such a system; raises DeclarationError."""
    if rate <= MOST_RATE_BEYOND or not is_beyond(topology, environ=environ):
        return
    message = (
        f"{rate:g} journeys a second are more than {MOST_RATE_BEYOND:g}, "
        f"the most at a system that is not on this machine alone (environment: {topology.system.environment})"
    )
    remedy = "lower the rate of the experiments and of 'baseline'"
    place = (place_of or _place_in(topology))(("baseline", "rate"))
    raise DeclarationError([Problem(place=place, message=message, remedy=remedy)])


def is_beyond(
    topology: Topology,
    *,
    ours: Sequence[Network] = (),
    resolve: Resolve | None = None,
    environ: Mapping[str, str] = os.environ,
) -> bool:
    """Whether the system is not, or may not be, on this machine alone."""
    near = _Near(ours, resolve or _resolved)
    listed = addresses_of(topology, environ)
    return topology.system.environment != LOCAL or any(near.why_not(each.text) for each in listed)


def why_beyond(text: str) -> str:
    """Why an address counts as beyond this machine; empty when it is on it."""
    return _Near((), _resolved).why_not(text)


def ability_for(injection: Injection) -> Ability:
    """What an injection does."""
    return Ability.KILL if isinstance(injection.target, InstanceTarget) else Ability.FAULTS


def abilities_of(experiments: Iterable[Experiment]) -> set[Ability]:
    """What a run of experiments does: load always, faults and kills by their injections."""
    return {Ability.LOAD, *(ability_for(each) for experiment in experiments for each in experiment.injections)}


def addresses_of(topology: Topology, environ: Mapping[str, str]) -> Iterator[Address]:
    """All that a system's runtime speaks to beyond what the harness itself starts on the loopback."""
    system = topology.system
    if system.runtime is RuntimeKind.COMPOSE:
        yield from _docker(environ)
    if system.runtime is not RuntimeKind.ATTACH:
        return
    parts = [(("services", name), each.attach) for name, each in system.services.items()]
    parts += [(("stores", name), each.attach) for name, each in system.stores.items()]
    for path, attach in parts:
        for index, text in enumerate(attach.addresses if attach else ()):
            yield Address(text=text, path=(*path, "attach", "addresses", index))
    for number, edge in enumerate(system.edges):
        for index, proxy in enumerate(edge.proxies):
            yield Address(text=proxy.api, path=("edges", number, "proxies", index, "api"))
    if any(attach is not None and attach.container for _path, attach in parts):
        yield from _docker(environ)


def _docker(environ: Mapping[str, str]) -> Iterator[Address]:
    """Where the Docker engine is, when that is no socket of this machine."""
    if host := environ.get("DOCKER_HOST"):
        yield Address(text=host, where="DOCKER_HOST")
        return
    from docker.context import ContextAPI

    name = environ.get("DOCKER_CONTEXT", "default")
    try:
        found = ContextAPI.get_context(name) if name != "default" else ContextAPI.get_current_context()
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with its files: it is not known to be on this machine
        yield Address(text=f"{name}.invalid", where=f"the Docker context {name!r} can't be read ({error})")
        return
    if found is None or found.Host:
        text = f"{name}.invalid" if found is None else str(found.Host)
        yield Address(text=text, where=f"the Docker context {name!r}")


def _problems(
    system: System, wanted: Sequence[Ability], listed: Sequence[Address], near: _Near, place_of: PlaceOf
) -> Iterator[Problem]:
    if Ability.FUZZ in wanted and system.environment == PRODUCTION:
        yield Problem(
            place=place_of(("environment",)),
            message="it is production, and fuzzing invents commands that nobody meant",
            remedy="leave fuzzing out (harness run --skip fuzz), or fuzz a copy of it",
        )
        wanted = [ability for ability in wanted if ability is not Ability.FUZZ]
    far = [(address, why) for address in listed if (why := near.why_not(address.text))]
    lacking = [ability for ability in wanted if ability not in system.allow]
    if far and wanted and system.environment == LOCAL:
        yield from (_undeclared(system, address, why, wanted, place_of) for address, why in far)
    elif system.environment != LOCAL:
        for ability in lacking:
            message = f"environment is '{system.environment}', and nothing allows the harness to {_DONE[ability]}"
            yield _not_allowed(system, ability, message, place_of)
    elif system.runtime is RuntimeKind.ATTACH and Ability.KILL in lacking:
        message = "the system is attached, and nothing allows the harness to kill or freeze what it did not start"
        yield _not_allowed(system, Ability.KILL, message, place_of)


def _undeclared(system: System, address: Address, why: str, wanted: Sequence[Ability], place_of: PlaceOf) -> Problem:
    at = f"{address.where}: " if address.where else ""
    allowed = ", ".join(dict.fromkeys((*system.allow, *wanted)))
    return Problem(
        place=place_of(address.path),
        message=f"{at}{address.text} is beyond this machine ({why}), and 'environment' does not say what it is",
        remedy=f"if it may be broken, say so: 'environment: staging' and 'allow: [{allowed}]'",
    )


def _not_allowed(system: System, ability: Ability, message: str, place_of: PlaceOf) -> Problem:
    allowed = ", ".join((*system.allow, ability))
    place = place_of(("allow",) if system.allow else ("environment",))
    return Problem(place=place, message=message, remedy=f"if it may, say so: 'allow: [{allowed}]'")


def _place_in(topology: Topology) -> PlaceOf:
    """Places in the `system.yaml` of a system; its directory when it was not read from one."""
    try:
        return read_yaml(Path(topology.root) / DESCRIPTION).place
    except DeclarationError:
        return lambda _path: Place(file=topology.root)


class _Near:
    """Knows which addresses are on this machine, and asks for each name only once."""

    def __init__(self, ours: Sequence[Network], resolve: Resolve) -> None:
        self._ours = ours
        self._resolve = resolve
        self._known: dict[str, str] = {}

    def why_not(self, text: str) -> str:
        """Why an address counts as beyond this machine; empty when it is on it."""
        host = host_of(text)
        if host is None:
            return ""
        if host not in self._known:
            self._known[host] = self._look(host)
        return self._known[host]

    def _look(self, host: str) -> str:
        if not host:
            return "no host can be read in it"
        try:
            found = [host] if _is_literal(host) else list(self._resolve(host))
        except OSError as error:
            return f"the name {host!r} can't be resolved: {error.strerror or error}"
        if not found:
            return f"the name {host!r} has no address"
        far = [each for each in found if not self._is_here(each)]
        if not far:
            return ""
        return f"{far[0]} is not of the loopback" if _is_literal(host) else f"{host} is {', '.join(far)}"

    def _is_here(self, text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address.is_loopback or any(address.version == net.version and address in net for net in self._ours)


def host_of(text: str) -> str | None:
    """The host of `http://host:port` or `host:port`; None for a socket of this machine, empty when there is none."""
    if text.startswith(("unix://", "npipe://", "/")):
        return None
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _resolved(host: str) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
