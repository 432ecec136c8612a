"""Where everything of a system is that runs already, as its description says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.declare.system import DESCRIPTION
from harness.errors import DeclarationError, Place, Problem
from harness.model.system import Attached, AttachedProxy, Edge
from harness.model.topology import InstanceId, LineId, Topology

SCHEME = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAt:
    """A proxy that stands on a line."""

    api: Address
    name: str

    def __str__(self) -> str:
        return f"proxy '{self.name}' at http://{self.api}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """All that the description says of addresses. Made by `of`."""

    instances: dict[InstanceId, Address]
    proxies: dict[LineId, ProxyAt]
    """Of the lines that have one."""

    @classmethod
    def of(cls, topology: Topology) -> Places:
        """Read all addresses.

        Raises:
            DeclarationError: with everything that makes no sense.
        """
        reading = _Reading(topology)
        instances, proxies = reading.instances(), reading.proxies()
        if reading.problems:
            raise DeclarationError(reading.problems)
        return cls(instances=instances, proxies=proxies)


class _Reading:
    """Reads what is told, and keeps all that is wrong with it."""

    def __init__(self, topology: Topology) -> None:
        self.problems: list[Problem] = []
        self._topology = topology

    def instances(self) -> dict[InstanceId, Address]:
        system, found = self._topology.system, {}
        for name in (*system.services, *system.stores):
            ids, told = self._topology.instances_of(name), attached(self._topology, name).addresses
            if len(ids) != len(told):
                message = f"'{name}' has {len(ids)} instance(s), and {len(told)} address(es) in 'attach'"
                self._wrong(message, "give each instance its address")
            is_store = self._topology.is_store(name)
            for id_, text in zip(ids, told, strict=False):
                read = address(text, scheme="" if is_store else SCHEME)
                if read is None:
                    example = "127.0.0.1:5432" if is_store else "http://127.0.0.1:8001"
                    self._wrong(f"the address {text!r} of '{name}' can't be used", f"write it as {example}")
                else:
                    found[id_] = read
        return found

    def proxies(self) -> dict[LineId, ProxyAt]:
        found: dict[LineId, ProxyAt] = {}
        for edge in self._topology.system.edges:
            for line, told in _lines(self._topology, edge):
                api = address(told.api, scheme=SCHEME)
                if api is None:
                    message = f"the api {told.api!r} of a proxy of {edge.label} can't be used"
                    self._wrong(message, "write it as http://127.0.0.1:8474")
                elif line not in self._topology.lines:
                    message = f"proxy '{told.proxy}' of {edge.label} is for the line {line.name}, which is not there"
                    self._wrong(message, "declare its instances, or remove the proxy")
                elif line in found:
                    self._wrong(f"two proxies are named for the line {line.name}", "keep one")
                else:
                    found[line] = ProxyAt(api=api, name=told.proxy)
        return found

    def _wrong(self, message: str, remedy: str) -> None:
        place = Place(file=str(Path(self._topology.root) / DESCRIPTION))
        self.problems.append(Problem(place=place, message=message, remedy=remedy))


def attached(topology: Topology, name: str) -> Attached:
    """What the description says of something that runs already; `declare.system` has seen to it that it does.

    Raises:
        DeclarationError: for a topology that was made otherwise, when it says nothing.
    """
    part = topology.system.stores[name] if topology.is_store(name) else topology.system.services[name]
    if part.attach is None:
        place = Place(file=str(Path(topology.root) / DESCRIPTION))
        message = f"'{name}' runs already, and nothing says where"
        raise DeclarationError([Problem(place=place, message=message, remedy="add attach: {addresses: [...]}")])
    return part.attach


def address(text: str, *, scheme: str) -> Address | None:
    """`http://host:port` with a scheme, `host:port` without one; None for anything else."""
    try:
        parts = urlsplit(text if scheme else f"//{text}")
        port = parts.port
    except ValueError:
        return None
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username)
    if parts.scheme != scheme or not parts.hostname or any(rest):
        return None
    if port is None and scheme:
        port = 80
    return Address(host=parts.hostname, port=port) if port else None


def _lines(topology: Topology, edge: Edge) -> Iterator[tuple[LineId, AttachedProxy]]:
    for proxy in edge.proxies:
        consumer = _instance(topology, edge.consumer, proxy.consumer)
        yield LineId(consumer=consumer, provider=_instance(topology, edge.provider, proxy.provider)), proxy


def _instance(topology: Topology, name: str, index: int) -> InstanceId:
    for known in topology.instances_of(name):
        if known.index == index:
            return known
    return InstanceId(service=name, index=index)
