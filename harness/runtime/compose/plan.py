"""Where everything of a compose project is on the network of a run: each container, and each line before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from harness.declare.starting.compose_file import Project
from harness.declare.starting.images import store_port
from harness.declare.starting.located import Section, texts
from harness.declare.starting.ports import listens_at
from harness.declare.system import DESCRIPTION
from harness.declare.validate import nearest
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Problem
from harness.model.system import Edge, Service, Store
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, LineId, Topology
from harness.proxy.mesh import LinePlan

_PROXY, _FIRST_INSTANCE, _FIRST_LINE = 10, 16, 1024
_FIRST_BEHIND, FIRST_CONTROL = 20_000, 19_000
"""Ports of the proxy container: of Toxiproxy's listeners behind the relay, and of its servers' APIs."""
WELL_KNOWN = {"postgres": 5432, "redis": 6379, "nats": 4222}
_LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104 -- what stands in others' code


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An instance as a service of the compose project."""

    id: InstanceId
    of: str
    """The service that the project has."""
    name: str
    """Its name in the run; a further instance is a service of its own."""
    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All addresses of a run. Made by `plan`."""

    parts: Mapping[InstanceId, Part]
    lines: tuple[LinePlan, ...]
    hosts: Mapping[InstanceId, tuple[tuple[str, str], ...]]
    """What each consumer is to know: names of providers, and the addresses of the lines to them."""
    proxy: str
    """The address of the proxy container."""
    aliases: tuple[str, ...]
    """Its other addresses: one for each line."""
    door: str
    """Its address on the network by which customers come in."""
    entries: tuple[int, ...]
    """The ports there, which are published on 127.0.0.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a plan may use."""

    network: IPv4Network
    door: IPv4Network
    take_port: Callable[[], int]


def plan(topology: Topology, project: Project, exposed: Callable[[str], int | None], room: Room) -> Plan:
    """Give everything its address; `exposed` tells the port that the image of a service names, if it is here.

    Raises:
        DeclarationError: if the project has no such service, or nothing says on which port one listens.
    """
    planning = _Planning(topology, project, exposed, room)
    planned = planning.plan()
    if planning.problems:
        raise DeclarationError(planning.problems)
    return planned


def names_in_project(topology: Topology) -> dict[str, str]:
    """The service of the project for each service and store."""
    system = topology.system
    both: dict[str, Service | Store] = {**system.services, **system.stores}
    return {name: each.compose or name for name, each in both.items()}


class _Planning:
    """Goes through a topology once, and keeps all that is wrong."""

    def __init__(self, topology: Topology, project: Project, exposed: Callable[[str], int | None], room: Room) -> None:
        self.problems: list[Problem] = []
        self._topology = topology
        self._project = project
        self._exposed = exposed
        self._room = room
        self._theirs = names_in_project(topology)
        description = Path(topology.root) / DESCRIPTION
        self._document = (
            read_yaml(description) if description.is_file() else Document(file=str(description), content={})
        )

    def plan(self) -> Plan:
        parts = {part.id: part for part in self._parts()}
        lines: list[LinePlan] = []
        hosts: dict[InstanceId, list[tuple[str, str]]] = {id_: [] for id_ in parts}
        entries, aliases = [], []
        if not self.problems:
            for number, line in enumerate(self._topology.lines):
                customers = line.consumer == CUSTOMERS_INSTANCE
                at = self._at(line, parts, customers=customers, number=number)
                lines.append(at)
                if customers:
                    entries.append(at.entry_port)
                else:
                    aliases.append(at.entry_host)
                    hosts[line.consumer] += [(name, at.entry_host) for name in self._names(line)]
        return Plan(
            parts=parts,
            lines=tuple(lines),
            hosts={id_: tuple(_turned(found, id_.index - 1)) for id_, found in hosts.items()},
            proxy=_nth(self._room.network, _PROXY),
            aliases=tuple(aliases),
            door=_nth(self._room.door, 2),
            entries=tuple(entries),
        )

    def _at(self, line: LineId, parts: Mapping[InstanceId, Part], *, customers: bool, number: int) -> LinePlan:
        edge = self._topology.edges[line.edge]
        provider = parts[line.provider]
        called = provider.port if customers else self._called(edge, provider.port)
        return LinePlan(
            line=line,
            protocol=self._topology.protocol(edge),
            upstream_host=provider.address,
            upstream_port=provider.port,
            proxy_host=_nth(self._room.network, _PROXY),
            proxy_port=_FIRST_BEHIND + number,
            entry_host=_nth(self._room.door, 2) if customers else _nth(self._room.network, _FIRST_LINE + number),
            entry_port=self._room.take_port() if customers else called,
        )

    def _parts(self) -> Iterator[Part]:
        instances = (*self._topology.instances, *self._topology.store_instances)
        for number, id_ in enumerate(instances):
            of = self._theirs[id_.service]
            section = self._project.services.get(of)
            if section is None:
                self._unknown(id_.service, of)
                continue
            port = self._port(id_, of, section)
            address = _nth(self._room.network, _FIRST_INSTANCE + number)
            name = of if id_.index == 1 else f"{of}-{id_.index}"
            yield Part(id=id_, of=of, name=name, address=address, port=port or 1)
            if port is None and id_.index == 1:
                message = f"nothing says on which port '{id_.service}' listens"
                remedy = f"add expose: [PORT] to '{of}' in {self._project.file.name}, or instances: [{{port: PORT}}]"
                self._wrong(self._path(id_.service), message, remedy)

    def _port(self, id_: InstanceId, of: str, section: Section) -> int | None:
        """What the description says, then the project, then what everybody knows of the image, then the image."""
        stores = self._topology.system.stores
        store = stores.get(id_.service)
        declared = store.port if store else self._topology.spec(id_.service, id_.index).port
        if declared is not None:
            return declared
        named = [int(port) for edge in self._edges_to(id_.service) for port in _ports_at(edge)]
        found = listens_at(section, self._project.settings.get(of, {}), named)
        if store is not None:  # a store publishes ports for people too
            image = " ".join(text for text, _ in texts(section["image"])) if "image" in section else ""
            known = WELL_KNOWN.get(store.kind.value) or store_port(image)
            if known is not None and (found is None or not named):
                return known
        return int(found.value) if found is not None else self._exposed(of)

    def _called(self, edge: Edge, port: int) -> int:
        """The port that a consumer connects to."""
        ports = dict.fromkeys(int(each) for each in _ports_at(edge))
        hosts = [at.rpartition(":")[0] for at in edge.at]
        literal = [host for host in hosts if host in _LOCAL or _is_address(host)]
        index = self._topology.system.edges.index(edge) if edge in self._topology.system.edges else 0
        if literal:
            message = f"'{literal[0]}' of {edge.label} is an address: a container can't be told that it means another"
            self._wrong(("edges", index, "at"), message, "use runtime: namespaces, where it can")
        elif len(ports) > 1:
            message = (
                f"{edge.label} has several ports ({', '.join(map(str, ports))}), and only one can have a proxy here"
            )
            self._wrong(("edges", index, "at"), message, "keep the one that matters")
        return next(iter(ports), port)

    def _names(self, line: LineId) -> list[str]:
        """All names by which a consumer may call the provider of a line."""
        theirs, provider = self._theirs[line.provider.service], line.provider.service
        section, consumer = self._project.services[theirs], self._project.services[self._theirs[line.consumer.service]]
        names = [theirs, *(text for key in ("container_name", "hostname") for text in _texts(section, key))]
        networks = section.get("networks")
        for _, network in networks.children() if networks else ():
            aliases = network.child("aliases")
            names += [text for text, _ in texts(aliases)] if aliases is not None else []
        for link in _texts(consumer, "links"):
            linked, _, alias = link.partition(":")
            names += [alias] if linked == theirs and alias else []
        system = self._topology.system
        declared = system.stores[provider] if provider in system.stores else system.services[provider]
        edge = self._topology.edges[line.edge]
        return list(dict.fromkeys([*names, *declared.names, *(at.rpartition(":")[0] for at in edge.at)]))

    def _edges_to(self, provider: str) -> list[Edge]:
        return [edge for edge in self._topology.system.edges if edge.provider == provider]

    def _unknown(self, name: str, of: str) -> None:
        message = f"'{of}' is no service of {self._project.file.name}"
        remedy = f"{nearest(of, self._project.services)}; say 'compose: NAME' where the names differ"
        self._wrong((*self._path(name), "compose"), message, remedy)

    def _path(self, name: str) -> Path_:
        return ("stores" if self._topology.is_store(name) else "services", name)

    def _wrong(self, path: Path_, message: str, remedy: str) -> None:
        self.problems.append(self._document.problem(path, message, remedy, key=True))


def _turned(found: list[tuple[str, str]], by: int) -> list[tuple[str, str]]:
    """Each consumer instance begins with another provider instance."""
    if not found:
        return []
    names = dict.fromkeys(name for name, _ in found)
    turned = []
    for name in names:
        addresses = [address for each, address in found if each == name]
        start = by % len(addresses)
        turned += [(name, address) for address in (*addresses[start:], *addresses[:start])]
    return turned


def _texts(section: Section, key: str) -> list[str]:
    return [text for text, _ in texts(section[key])] if key in section else []


def _ports_at(edge: Edge) -> list[str]:
    return [at.rpartition(":")[2] for at in edge.at]


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _nth(network: IPv4Network, number: int) -> str:
    return str(IPv4Address(int(network.network_address) + number))
