from __future__ import annotations

import pytest

from harness.errors import DeclarationError
from harness.model.system import Attached, AttachedProxy, Edge, InstanceSpec, Need, Service, Store, StoreKind, System
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.attach.places import Address, Places, ProxyAt, address

API = "http://127.0.0.1:8474"


def a_system(
    addresses: tuple[str, ...] = ("http://127.0.0.1:8002",),
    proxies: tuple[AttachedProxy, ...] = (),
    store: str = "127.0.0.1:5432",
) -> Topology:
    system = System(
        system="pair",
        entry="front",
        services={
            "front": Service(owner="one", attach=Attached(addresses=("http://127.0.0.1:8001",))),
            "back": Service(owner="two", attach=Attached(addresses=addresses), instances=(InstanceSpec(),)),
        },
        stores={"database": Store(kind=StoreKind.TCP, attach=Attached(addresses=(store,)))},
        edges=(Edge(consumer="front", provider="back", need=Need.HARD, proxies=proxies),),
    )
    return Topology(system=system, root="/here", start_order=())


@pytest.mark.parametrize(
    ("text", "scheme", "expected"),
    [
        ("http://127.0.0.1:8001", "http", Address(host="127.0.0.1", port=8001)),
        ("http://shop.test/", "http", Address(host="shop.test", port=80)),
        ("http://[::1]:8001", "http", Address(host="::1", port=8001)),
        ("127.0.0.1:5432", "", Address(host="127.0.0.1", port=5432)),
        ("127.0.0.1", "", None),
        ("https://127.0.0.1:8001", "http", None),
        ("http://127.0.0.1:8001/path", "http", None),
        ("http://user@127.0.0.1:8001", "http", None),
        ("http://127.0.0.1:many", "http", None),
        ("http://127.0.0.1:99999", "http", None),
        ("", "http", None),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, scheme: str, expected: Address | None) -> None:
    assert address(text, scheme=scheme) == expected


def test_each_line_has_the_proxy_that_is_named_for_it() -> None:
    found = Places.of(a_system(proxies=(AttachedProxy(api=API, proxy="to back"),)))
    line = LineId(consumer=InstanceId(service="front"), provider=InstanceId(service="back"))
    assert found.proxies == {line: ProxyAt(api=Address(host="127.0.0.1", port=8474), name="to back")}
    assert found.instances[InstanceId(service="database")] == Address(host="127.0.0.1", port=5432)


@pytest.mark.parametrize(
    ("topology", "message"),
    [
        (a_system(addresses=("http://a:1", "http://b:1")), "'back' has 1 instance.s., and 2 address.es. in 'attach'"),
        (a_system(addresses=("ftp://a:1",)), "the address 'ftp://a:1' of 'back' can't be used; write it as http://"),
        (a_system(store="database"), "the address 'database' of 'database' can't be used; write it as 127.0.0.1:5432"),
        (a_system(proxies=(AttachedProxy(api="x", proxy="p"),)), "the api 'x' of a proxy of front → back"),
        (a_system(proxies=(AttachedProxy(api=API, proxy="p", provider=2),)), "front-1->back-2, which is not there"),
        (a_system(proxies=(AttachedProxy(api=API, proxy="p"),) * 2), "two proxies are named for the line front-1->ba"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_touched(topology: Topology, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Places.of(topology)
