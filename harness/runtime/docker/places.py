"""Where everything of a run is on its network, and how texts that speak of 127.0.0.1 are told anew there.

The rest of the runtime gives each listener a port of 127.0.0.1 that nobody else has. In containers each of these ports
stands for a place: an instance at its own address, a line at an alias address of the Toxiproxy container, on the port
of its provider.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from harness.errors import DeployError
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.layout import Layout

PREFIX = 20
"""Of a run's network: 4094 addresses."""
_FIRST_INSTANCE = 16
_FIRST_LINE = 1024
_TOXIPROXY = 10

_LOOPBACK = re.compile(r"(?<![\d.])127\.0\.0\.1(?![\d.])(?::(\d+)|(/32))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something listens."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The addresses of one run. Made by `of`."""

    network: IPv4Network
    instances: dict[InstanceId, str]
    lines: dict[LineId, Place]
    by_port: dict[int, Place]
    """What each port of 127.0.0.1 stands for."""

    @classmethod
    def of(cls, topology: Topology, layout: Layout, network: IPv4Network) -> Places:
        """Give everything its address.

        Raises:
            DeployError: if there are more lines than addresses.
        """
        room = network.num_addresses - _FIRST_LINE - 1
        if len(layout.plans) > room:
            raise DeployError(f"expected at most {room} lines in a run's network {network}, found {len(layout.plans)}")
        instances = {id_: _nth(network, _FIRST_INSTANCE + n) for n, id_ in enumerate(layout.direct)}
        lines = {
            plan.line: Place(address=_nth(network, _FIRST_LINE + n), port=plan.upstream_port)
            for n, plan in enumerate(layout.plans)
        }
        by_port = {port: Place(address=instances[id_], port=port) for id_, port in layout.direct.items()}
        by_port |= {plan.entry_port: lines[plan.line] for plan in layout.plans}
        for name, ports in layout.nodes.items():
            (id_,) = topology.instances_of(name)
            for port in (ports.cluster, ports.monitor):
                by_port[port] = Place(address=instances[id_], port=port)
        return cls(network=network, instances=instances, lines=lines, by_port=by_port)

    @property
    def toxiproxy(self) -> str:
        """The own address of the Toxiproxy container."""
        return _nth(self.network, _TOXIPROXY)

    @property
    def first_line(self) -> str:
        """The first alias address of the Toxiproxy container; the others follow it."""
        return _nth(self.network, _FIRST_LINE)

    def tell(self, text: str, own: str) -> str:
        """The text as it is true in the container with that address.

        127.0.0.1 alone is the container itself, and 127.0.0.1/32, who may connect, is everybody on the network.
        """

        def place(match: re.Match[str]) -> str:
            if match[2] is not None:
                return str(self.network)
            if match[1] is None:
                return own
            known = self.by_port.get(int(match[1]))
            return match[0] if known is None else str(known)

        return _LOOPBACK.sub(place, text)


def _nth(network: IPv4Network, number: int) -> str:
    return str(IPv4Address(int(network.network_address) + number))
