from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.errors import DeclarationError
from harness.model.system import Edge, InstanceSpec, Store, StoreKind
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.layout import lay_out
from harness.runtime.namespaces.places import Opening, Places, check
from harness.runtime.ports import PortPool
from tests.runtime.namespaces.systems import EDGES, PORT, a_system, edge, service

PORTS = range(16_000, 16_400)
"""Which no harness gives out by itself, nor the kernel to connections."""
ORDERS = InstanceId(service="orders")


def places_of(topology: Topology) -> Places:
    with PortPool(PORTS) as pool:
        return Places.of(topology, lay_out(topology, pool, relay=True, fixed=False))


def openings(places: Places, provider: str, *, consumer: InstanceId = ORDERS) -> list[Opening]:
    return [each for each in places.openings if each.line.consumer == consumer and each.line.provider.name == provider]


def refusal(root: Path, *edges: Edge, **names: Sequence[str]) -> list[str]:
    found = {name: service(name, names=names.get(name, ())) for name in ("orders", "payments", "stock", "mail")}
    with pytest.raises(DeclarationError) as caught:
        check(a_system(root, services=found, edges=edges))
    return [problem.message for problem in caught.value.problems]


def test_a_name_leads_to_an_alias_with_the_providers_own_port(tmp_path: Path) -> None:
    places = places_of(a_system(tmp_path))
    (opening,) = openings(places, "payments-1")
    assert opening.port == PORT
    assert not opening.indoors
    assert places.rooms[ORDERS].names["payments"] == (opening.address,)


def test_a_literal_address_is_in_the_hall_as_it_is_and_localhost_in_the_room(tmp_path: Path) -> None:
    places = places_of(a_system(tmp_path))
    _, stock = openings(places, "stock-1")
    _, mail = openings(places, "mail-1")
    assert (stock.address, stock.port, stock.indoors) == ("127.0.0.1", 5001, True)
    assert (mail.address, mail.port, mail.indoors) == ("10.1.2.3", 9000, False)


def test_a_name_with_another_port_is_listened_on_too(tmp_path: Path) -> None:
    places = places_of(a_system(tmp_path, edges=[edge("orders", "payments", "pay.internal:9000")]))
    assert [each.port for each in openings(places, "payments-1")] == [PORT, 9000]
    room = places.rooms[ORDERS]
    assert room.names["pay.internal"] == room.names["payments"]


def test_each_consumer_has_aliases_of_its_own(tmp_path: Path) -> None:
    places = places_of(a_system(tmp_path, edges=[*EDGES, edge("mail", "payments", "10.1.2.3:9000")]))
    addresses = [each.address for each in places.openings if each.port == PORT]
    assert len(set(addresses)) == len(addresses) == 4
    literal = [each.line.consumer.service for each in places.openings if each.address == "10.1.2.3"]
    assert literal == ["orders", "mail"]


def test_several_instances_have_one_name_and_a_literal_leads_to_the_first(tmp_path: Path) -> None:
    found = {"orders": service("orders", instances=2), "payments": service("payments", instances=3)}
    places = places_of(a_system(tmp_path, services=found, edges=[edge("orders", "payments", "10.0.0.9:80")]))
    first = places.rooms[InstanceId(service="orders", index=1)].names["payments"]
    second = places.rooms[InstanceId(service="orders", index=2)].names["payments"]
    assert len(set(first)) == len(set(second)) == 3
    assert not set(first) & set(second)
    whereto = {each.address: each.line.provider.name for each in places.openings}
    assert [whereto[address] for address in first] == ["payments-1", "payments-2", "payments-3"]
    assert [whereto[address] for address in second] == ["payments-2", "payments-3", "payments-1"]
    assert whereto["10.0.0.9"] == "payments-1"


def test_who_declares_no_port_gets_one_and_a_store_has_the_well_known_one(tmp_path: Path) -> None:
    orders = service("orders").model_copy(update={"instances": (InstanceSpec(),)})
    stores = {"cache": Store(kind=StoreKind.REDIS), "queue": Store(kind=StoreKind.TCP, port=5672)}
    topology = a_system(
        tmp_path,
        services={"orders": orders},
        stores=stores,
        edges=[edge("orders", "cache"), edge("orders", "queue")],
    )
    places = places_of(topology)
    assert places.rooms[ORDERS].port == places.rooms[ORDERS].outside
    assert [each.port for each in places.openings] == [6379, 5672]
    assert InstanceId(service="cache") not in places.rooms
    assert places.rooms[InstanceId(service="queue")].port == 5672


def test_a_text_of_outside_is_told_as_the_consumer_sees_it(tmp_path: Path) -> None:
    topology = a_system(tmp_path)
    with PortPool(PORTS) as pool:
        layout = lay_out(topology, pool, relay=True, fixed=False)
    places = Places.of(topology, layout)
    line = LineId(consumer=ORDERS, provider=InstanceId(service="payments"))
    (opening,) = openings(places, "payments-1")
    told = places.tell(f"http://127.0.0.1:{layout.entry[line]}/x 127.0.0.1:1 127.0.0.1")
    assert told == f"http://{opening.address}:{PORT}/x 127.0.0.1:1 127.0.0.1"


def test_a_name_of_two_providers_is_refused(tmp_path: Path) -> None:
    edges = (edge("orders", "payments"), edge("orders", "mail"))
    (message,) = refusal(tmp_path, *edges, payments=("db",), mail=("db",))
    assert message == "'db' leads from orders to mail, payments; expected one of them"


def test_a_name_of_its_own_and_of_another_is_refused(tmp_path: Path) -> None:
    (message,) = refusal(tmp_path, edge("orders", "payments", "orders:80"))
    assert message == "'orders' leads from orders to orders, payments; expected one of them"


def test_an_address_of_two_providers_is_refused(tmp_path: Path) -> None:
    edges = (edge("orders", "payments", "10.0.0.1:80"), edge("orders", "mail", "10.0.0.1:80"))
    assert refusal(tmp_path, *edges) == ["'10.0.0.1:80' leads from orders to mail, payments; expected one of them"]


def test_one_address_with_two_ports_is_none_of_that(tmp_path: Path) -> None:
    edges = (edge("orders", "payments", "10.0.0.1:80"), edge("orders", "mail", "10.0.0.1:81", "localhost:1"))
    check(a_system(tmp_path, edges=edges))


def test_its_own_port_on_localhost_is_refused(tmp_path: Path) -> None:
    (message,) = refusal(tmp_path, edge("orders", "payments", f"localhost:{PORT}"))
    assert message == "localhost:8000 is to lead from orders to payments, but orders listens there itself"


def test_addresses_of_the_harness_itself_are_refused(tmp_path: Path) -> None:
    (message,) = refusal(tmp_path, edge("orders", "payments", "198.18.0.1:80"))
    assert "198.18.0.1:80, where orders is to find payments" in message
