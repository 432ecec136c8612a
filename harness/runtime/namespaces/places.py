"""Where everything of a run is, as its services see it.

Each instance of a service lives in a room: a network namespace, in which it has its own port to itself. Whatever it
connects to outside of its room leads to the hall, a network namespace that takes every address of the world for its
own: there each of the consumer's lines has an alias address with the provider's own port, and a literal address of
its code is there as it is. What the code says of the loopback is in the room itself. All else is refused at once.

The rest of the runtime knows nothing of that: for it, each of these listeners has a port of 127.0.0.1 outside.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from harness.errors import DeclarationError, DeployError, Place, Problem
from harness.model.system import StoreKind
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, LineId, Topology
from harness.runtime.layout import Layout
from harness.runtime.namespaces.wiring import ALIASES, ROOMS
from harness.runtime.ports import LOOPBACK

_FIRST_ALIAS = 256
_WIDTH = 4
"""Addresses that a room takes: of the network (not used), of the hall's end, of the room's, and of the broadcast."""

WELL_KNOWN: Mapping[StoreKind, int] = {StoreKind.POSTGRES: 5432, StoreKind.REDIS: 6379, StoreKind.NATS: 4222}

_HERE = IPv4Network("127.0.0.0/8")
_ANY = IPv4Address(0)
_LOCALHOST = "localhost"
_LOOPBACK = re.compile(r"(?<![\d.])127\.0\.0\.1(?![\d.]):(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where a consumer finds a line."""

    line: LineId
    address: str
    port: int
    indoors: bool = False
    """In the consumer's room instead of the hall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where one instance of a service lives."""

    instance: InstanceId
    number: int
    port: int
    """What it listens on."""
    outside: int
    """The port of 127.0.0.1 by which the host gets at it."""
    own_names: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    """What host names lead to, those of others."""

    @property
    def hall_end(self) -> str:
        """The hall's address as it is seen from here."""
        return str(ROOMS[self.number * _WIDTH + 1])

    @property
    def address(self) -> str:
        """Its own."""
        return str(ROOMS[self.number * _WIDTH + 2])

    @property
    def interface(self) -> str:
        """The name of the hall's interface to it: numbered, since names of services are too long."""
        return f"room{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The rooms and openings of one run. Made by `of`."""

    rooms: dict[InstanceId, Room]
    openings: tuple[Opening, ...]
    aliases: dict[int, str]
    """What the entry port of a line outside is to its consumer: `198.19.1.4:8000`."""

    @classmethod
    def of(cls, topology: Topology, layout: Layout) -> Places:
        """Give everything its place.

        Raises:
            DeclarationError: if addresses or names collide.
            DeployError: if there are more lines or instances than addresses.
        """
        check(topology)
        inside = [plan for plan in layout.plans if plan.line.consumer != CUSTOMERS_INSTANCE]
        housed = [*topology.instances, *topology.standbys, *strangers(topology)]
        if len(inside) + _FIRST_ALIAS >= ALIASES.num_addresses or len(housed) * _WIDTH >= ROOMS.num_addresses:
            raise DeployError(f"expected fewer lines than {ALIASES.num_addresses - _FIRST_ALIAS}, found {len(inside)}")
        alias = {plan.line: str(ALIASES[_FIRST_ALIAS + n]) for n, plan in enumerate(inside)}
        own = {id_: own_port(topology, id_, port) for id_, port in layout.direct.items()}
        rooms = {
            id_: Room(
                instance=id_,
                number=number,
                port=own[id_],
                outside=layout.direct[id_],
                own_names=names_of(topology, id_.service),
                names=_names_for(topology, id_, alias),
            )
            for number, id_ in enumerate(housed)
        }
        openings = dict.fromkeys(opening for line in alias for opening in _openings(topology, line, alias[line], own))
        aliases = {plan.entry_port: f"{alias[plan.line]}:{own[plan.line.provider]}" for plan in inside}
        return cls(rooms=rooms, openings=tuple(openings), aliases=aliases)

    def tell(self, text: str) -> str:
        """A text that speaks of lines by their ports outside, as it is true for their consumers."""
        return _LOOPBACK.sub(lambda match: self.aliases.get(int(match[1]), match[0]), text)


def strangers(topology: Topology) -> tuple[InstanceId, ...]:
    """The stores that the harness knows nothing of, so that their ports may be fixed too."""
    stores = topology.store_instances
    return tuple(each for each in stores if topology.store(each.service).kind is StoreKind.TCP)


def process_of(topology: Topology, instance: InstanceId) -> str:
    """What the process of an instance is asked for as: a store's goes by the name of the store."""
    return instance.service if topology.is_store(instance.service) else instance.name


def own_port(topology: Topology, instance: InstanceId, otherwise: int) -> int:
    """What an instance listens on, as its consumers know it: all of a service on the same unless they say otherwise."""
    if topology.is_store(instance.service):
        store = topology.store(instance.service)
        return store.port or WELL_KNOWN.get(store.kind, otherwise)
    first, *_ = topology.service(instance.service).instances
    return topology.spec(instance.service, instance.index).port or first.port or otherwise


def names_of(topology: Topology, provider: str) -> tuple[str, ...]:
    """The host names of a service or a store."""
    known = topology.store(provider) if topology.is_store(provider) else topology.service(provider)
    return tuple(dict.fromkeys((provider, *known.names)))


def check(topology: Topology) -> None:
    """Prove that each name and each address leads to one place, before anything is started.

    Raises:
        DeclarationError: with all that collide.
    """
    place = Place(file=topology.root)
    problems = []
    for service in topology.system.services:
        leads: defaultdict[str, set[str]] = defaultdict(set)
        for name in names_of(topology, service):
            leads[name].add(service)
        for provider, name, port in _literals(topology, service):
            if port is None:
                leads[name].add(provider)
                continue
            leads[f"{name}:{port}"].add(provider)
            if _is_here(name) and port in _ports_of(topology, service):
                message = f"{name}:{port} is to lead from {service} to {provider}, but {service} listens there itself"
                problems.append(Problem(place=place, message=message, remedy="give one of them another port"))
            if _is_ours(name):
                message = f"{name}:{port}, where {service} is to find {provider}: {ROOMS} and {ALIASES} are taken"
                problems.append(Problem(place=place, message=message, remedy="the harness itself lays them out"))
        for what, ends in leads.items():
            if len(ends) > 1:
                message = f"{what!r} leads from {service} to {', '.join(sorted(ends))}; expected one of them"
                remedy = "look for it in their 'names', and in 'at' of the edges"
                problems.append(Problem(place=place, message=message, remedy=remedy))
    if problems:
        raise DeclarationError(problems)


def _ports_of(topology: Topology, service: str) -> set[int | None]:
    return {each.port for each in topology.service(service).instances}


def _literals(topology: Topology, service: str) -> Iterator[tuple[str, str, int | None]]:
    """All names and addresses by which a service knows others: provider, name, and the port of an address."""
    for edge in topology.edges.values():
        if edge.consumer != service:
            continue
        for name in names_of(topology, edge.provider):
            yield edge.provider, name, None
        for host, port in map(_split, edge.at):
            literal = _is_here(host) or _address(host) is not None
            yield edge.provider, host, port if literal else None


def _names_for(topology: Topology, consumer: InstanceId, alias: Mapping[LineId, str]) -> dict[str, tuple[str, ...]]:
    """What host names lead to for one instance; each of a service's begins with another instance of a provider."""
    found: dict[str, tuple[str, ...]] = {}
    for edge in topology.edges.values():
        if edge.consumer != consumer.service:
            continue
        lines = [LineId(consumer=consumer, provider=each) for each in topology.possible_of(edge.provider)]
        turn = (consumer.index - 1) % len(lines)
        addresses = tuple(alias[line] for line in (*lines[turn:], *lines[:turn]))
        hosts = [host for host, _ in map(_split, edge.at) if not _is_here(host) and _address(host) is None]
        found |= dict.fromkeys((*names_of(topology, edge.provider), *hosts), addresses)
    return found


def _openings(topology: Topology, line: LineId, alias: str, own: Mapping[InstanceId, int]) -> Iterator[Opening]:
    yield Opening(line=line, address=alias, port=own[line.provider])
    for host, port in map(_split, topology.edges[line.edge].at):
        if not _is_here(host) and _address(host) is None:
            yield Opening(line=line, address=alias, port=port)
        elif line.provider.index == 1:  # a literal leads to one place
            address = LOOPBACK if host == _LOCALHOST or _address(host) == _ANY else host
            yield Opening(line=line, address=address, port=port, indoors=_is_here(host))


def _split(at: str) -> tuple[str, int]:
    host, _, port = at.rpartition(":")
    return host.lower(), int(port)


def _address(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except AddressValueError:
        return None


def _is_here(host: str) -> bool:
    """Whether an address is of the machine, or the room, that it is used on."""
    address = _address(host)
    return host == _LOCALHOST or (address is not None and (address in _HERE or address == _ANY))


def _is_ours(host: str) -> bool:
    address = _address(host)
    return address is not None and (address in ROOMS or address in ALIASES)
