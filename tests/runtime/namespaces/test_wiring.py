from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Network

from harness.runtime.namespaces import netlink
from harness.runtime.namespaces.sockets import listening_ports
from harness.runtime.namespaces.wiring import (
    LOOPBACK_NETWORK,
    MULTICAST,
    ROOMS,
    hosts,
    nsswitch_conf,
    resolv_conf,
    the_world,
)

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:1389 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:C350 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 3 1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
"""


def test_hosts_have_a_line_for_each_address_of_a_name() -> None:
    others = {"payments": ("198.19.1.0", "198.19.1.1"), "pay": ("198.19.1.0", "198.19.1.1")}
    assert hosts("198.18.0.2", ["orders", "shop"], others, "laptop").splitlines() == [
        "127.0.0.1 localhost",
        "198.18.0.2 orders shop",
        "198.19.1.0 payments pay",
        "198.19.1.1 payments pay",
        "127.0.1.1 laptop",
    ]


def test_a_machine_that_has_a_services_name_does_not_hide_it() -> None:
    assert "127.0.1.1" not in hosts("198.18.0.2", ["orders"], {"payments": ("198.19.1.0",)}, "payments")


def test_unknown_names_die_at_home() -> None:
    assert resolv_conf(IPv4Address("198.19.0.53")).splitlines()[:2] == ["nameserver 198.19.0.53", "search ."]
    assert "hosts: files dns\n" in nsswitch_conf()


def test_the_world_is_all_but_the_rooms_the_loopback_and_multicast() -> None:
    world = the_world(ROOMS)
    taken = (ROOMS, LOOPBACK_NETWORK, MULTICAST)
    assert not any(part.overlaps(other) for part in world for other in taken)
    assert sum(part.num_addresses for part in world) + sum(each.num_addresses for each in taken) == 1 << 32


def test_only_sockets_that_listen_count() -> None:
    assert listening_ports([TCP, TCP6]) == [80, 8000]
    assert listening_ports([TCP.splitlines()[0], ""]) == []


def test_attributes_are_padded_to_four_bytes() -> None:
    assert netlink.attribute(3, b"abc\0\0") == struct.pack("=HH", 9, 3) + b"abc\0\0" + b"\0\0\0"


def test_a_route_names_its_network_and_its_interface() -> None:
    kind, content = netlink.local(IPv4Network("10.0.0.0/8"), 1)
    assert kind == 24
    family, bits, *_, table, _protocol, _scope, type_, _flags = struct.unpack_from("=BBBBBBBBI", content)
    assert (family, bits, table, type_) == (2, 8, 255, 2)
    assert content[12:] == netlink.attribute(1, bytes([10, 0, 0, 0])) + netlink.attribute(4, struct.pack("=I", 1))


def test_a_name_of_an_interface_is_cut_to_what_the_kernel_takes() -> None:
    _, content = netlink.pair("x" * 20, "y", 7)
    assert b"x" * netlink.NAME_LIMIT + b"\0" in content
    assert b"x" * (netlink.NAME_LIMIT + 1) not in content
