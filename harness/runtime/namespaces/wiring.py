"""The files and routes of a room, as texts and networks; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

ROOMS = IPv4Network("198.18.0.0/16")
"""Of the rooms; like the next one it is set aside for tests of networks (RFC 2544): nobody's real addresses."""
ALIASES = IPv4Network("198.19.0.0/16")
NAME_SERVER = ALIASES[53]
MULTICAST = IPv4Network("224.0.0.0/3")
LOOPBACK_NETWORK = IPv4Network("127.0.0.0/8")


def hosts(own: str, own_names: Iterable[str], others: Mapping[str, tuple[str, ...]], machine: str) -> str:
    """A `/etc/hosts`: several lines for a name that leads to several addresses."""
    mine = list(dict.fromkeys(own_names))
    lines = ["127.0.0.1 localhost", f"{own} {' '.join(mine)}"]
    by_address: dict[str, list[str]] = {}
    for name, addresses in others.items():
        for address in addresses:
            by_address.setdefault(address, []).append(name)
    lines += [f"{address} {' '.join(names)}" for address, names in by_address.items()]
    if machine and machine not in (*mine, *others, "localhost"):
        lines.append(f"127.0.1.1 {machine}")
    return "\n".join(lines) + "\n"


def resolv_conf(name_server: IPv4Address) -> str:
    """A `/etc/resolv.conf` that asks our name server only, which answers at once."""
    return f"nameserver {name_server}\nsearch .\noptions timeout:1 attempts:1\n"


def nsswitch_conf() -> str:
    """A `/etc/nsswitch.conf` by which no other service of this machine is asked for a host."""
    return "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n"


def the_world(rooms: IPv4Network) -> list[IPv4Network]:
    """All addresses but those of the rooms, the loopback and multicast: what the hall takes for its own."""
    found = [IPv4Network("0.0.0.0/0")]
    for taken in (rooms, LOOPBACK_NETWORK, MULTICAST):
        found = [
            part
            for network in found
            for part in (network.address_exclude(taken) if taken.subnet_of(network) else (network,))
        ]
    return sorted(found)
