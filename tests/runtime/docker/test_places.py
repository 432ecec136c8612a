from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from harness.errors import DeployError
from harness.model.system import InstanceSpec, Store, StoreKind
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.docker.places import Place, Places
from harness.runtime.layout import Layout, lay_out
from harness.runtime.ports import PortPool
from tests.runtime.docker.systems import STORES, a_system

NETWORK = IPv4Network("198.18.16.0/20")
FRONT, BACK = InstanceId(service="front"), InstanceId(service="back")
CALL = LineId(consumer=FRONT, provider=BACK)
NODES = {name: Store(kind=StoreKind.NATS, cluster="trio") for name in ("one", "two", "three")}


def placed(topology: Topology, network: IPv4Network = NETWORK) -> tuple[Places, Layout]:
    with PortPool() as pool:
        layout = lay_out(topology, pool, relay=False)
    return Places.of(topology, layout, network), layout


def test_every_instance_and_every_line_has_an_address_of_its_own(tmp_path: Path) -> None:
    topology = a_system(tmp_path, stores=STORES | NODES, back=(InstanceSpec(), InstanceSpec(zone="b")))
    places, layout = placed(topology)

    addresses = [*places.instances.values(), *(place.address for place in places.lines.values()), places.toxiproxy]
    assert len(addresses) == len(set(addresses)) == len(layout.direct) + len(layout.plans) + 1
    assert all(address in map(str, NETWORK.hosts()) for address in addresses)
    assert str(NETWORK[1]) not in addresses  # the host's own


def test_a_line_is_told_at_its_own_address_on_the_port_of_its_provider(tmp_path: Path) -> None:
    places, layout = placed(a_system(tmp_path))
    own = places.instances[FRONT]

    told = places.tell(f"back-1=http://127.0.0.1:{layout.entry[CALL]},x", own)

    assert places.lines[CALL] == Place(address=places.first_line.rpartition(".")[0] + ".1", port=layout.direct[BACK])
    assert told == f"back-1=http://{places.lines[CALL]},x"


def test_an_instance_and_the_ports_of_a_cluster_are_told_at_the_instance(tmp_path: Path) -> None:
    places, layout = placed(a_system(tmp_path, stores=NODES))
    two = places.instances[InstanceId(service="two")]
    cluster = layout.nodes["two"].cluster

    assert places.tell(f"nats://routes:x@127.0.0.1:{cluster}", "198.18.16.99") == f"nats://routes:x@{two}:{cluster}"
    assert places.tell(f"127.0.0.1:{layout.direct[BACK]}", "") == f"{places.instances[BACK]}:{layout.direct[BACK]}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("listen_addresses=127.0.0.1", "listen_addresses=198.18.16.20"),
        ('{"host": "127.0.0.1", "port": 1}', '{"host": "198.18.16.20", "port": 1}'),
        ("host all all 127.0.0.1/32 scram-sha-256", "host all all 198.18.16.0/20 scram-sha-256"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),  # nobody's port: unreachable outside, and unreachable here
        ("version 1.127.0.0.1", "version 1.127.0.0.1"),
        ("127.0.0.11 and 2127.0.0.1", "127.0.0.11 and 2127.0.0.1"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_the_loopback_is_the_container_itself(tmp_path: Path, text: str, told: str) -> None:
    places, _ = placed(a_system(tmp_path))

    assert places.tell(text, "198.18.16.20") == told


def test_more_lines_than_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"expected at most -1 lines in a run's network 10.0.0.0/22, found 4"):
        placed(a_system(tmp_path), IPv4Network("10.0.0.0/22"))
