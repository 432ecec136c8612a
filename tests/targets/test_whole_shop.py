"""The whole shop, up once for all of these: who may connect where, what customers can do, what degrades and how."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import nats
import nats.errors
import psutil
import pytest
import requests

from harness.model.topology import InstanceId
from tests.targets.partial import SHOP, Up, running, until

pytestmark = pytest.mark.e2e

WITHIN_S = 15.0
PASSWORD = "demo-password"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(SHOP / "system.yaml", tmp_path_factory.mktemp("whole") / "run") as up:
        instances = {instance.name for instance in up.session.topology.instances}
        until(
            lambda: {each["instance"] for each in listed(up) if each["up"]} == instances,
            within_s=WITHIN_S,
            what="all instances up by the registry",
        )
        yield up


def listed(shop: Up) -> list[dict[str, object]]:
    answer = shop.ask("registry", "GET", "/instances")
    found: list[dict[str, object]] = answer.json()["instances"] if answer.ok else []
    return found


@dataclass(frozen=True)
class Shopper:
    """A customer, at the customers' own edge."""

    entry: str
    token: str

    def ask(self, method: str, path: str, *, json: object = None, key: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        return requests.request(method, self.entry + path, json=json, headers=headers, timeout=WITHIN_S)


_numbers = itertools.count(700)


def shopper(shop: Up) -> Shopper:
    entry = shop.session.deployment.entry_url()
    said = {"email": f"customer-{next(_numbers):04d}@shop.example", "password": PASSWORD}
    answer = requests.post(f"{entry}/sessions", json=said, timeout=WITHIN_S)
    assert answer.status_code == 201, answer.text
    return Shopper(entry, answer.json()["access_token"])


def page(shop: Up, sku: str = "sku-0007") -> requests.Response:
    return requests.get(f"{shop.session.deployment.entry_url()}/products/{sku}", timeout=WITHIN_S)


def bought(customer: Shopper, sku: str = "sku-0009") -> str:
    """Place an order; gives its id."""
    order = {"items": [{"sku": sku, "quantity": 1}], "card_token": "tok-visa-0001"}
    answer = customer.ask("POST", "/orders", json=order, key=str(uuid.uuid4()))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["order_id"])


def status(customer: Shopper, order_id: str) -> str:
    answer = customer.ask("GET", f"/orders/{order_id}")
    return str(answer.json()["status"]) if answer.ok else answer.text


def test_the_registry_tells_of_every_instance(shop: Up) -> None:
    known = {each["instance"]: each for each in listed(shop)}
    for instance in shop.session.topology.instances:
        told = known[instance.name]
        owner = shop.session.topology.owner(instance.service)
        assert (told["service"], told["zone"], told["owner"], told["up"]) == (
            instance.service,
            instance.zone,
            owner,
            True,
        )
        assert told["documents"], told
    assert {each["version"] for each in known.values() if each["service"] == "pricing"} == {"1.0.0", "1.1.0"}


def test_somebody_buys_something(shop: Up) -> None:
    customer = shopper(shop)
    shown = page(shop)
    assert shown.status_code == 200
    assert not shown.json()["degraded"], shown.text
    assert customer.ask("PUT", "/cart/items/sku-0009", json={"quantity": 2}).status_code == 200
    assert customer.ask("GET", "/cart").json()["items"] == [{"sku": "sku-0009", "quantity": 2}]
    order_id = bought(customer)
    until(lambda: status(customer, order_id) == "confirmed", within_s=WITHIN_S, what="the order confirmed")
    until(
        lambda: order_id in [each["order_id"] for each in customer.ask("GET", "/orders").json()["items"]],
        within_s=WITHIN_S,
        what="the order among her orders",
    )
    assert shopper(shop).ask("GET", f"/orders/{order_id}").status_code == 404, "another customer's order"


def test_each_role_is_refused_at_every_other_database(shop: Up) -> None:
    databases = shop.session.topology.store("postgres").databases
    refused = asyncio.run(_refusals(shop, databases))
    wanted = {pair: pair[0] != pair[1] for pair in itertools.product(databases, databases)}
    assert refused == wanted


async def _refusals(shop: Up, databases: tuple[str, ...]) -> dict[tuple[str, str], bool]:
    refused = {}
    for role, database in itertools.product(databases, databases):
        own = shop.store_address("postgres", role)
        try:
            connection = await asyncpg.connect(own.rsplit("/", 1)[0] + f"/{database}", timeout=WITHIN_S)
        except asyncpg.PostgresError:
            refused[role, database] = True
        else:
            refused[role, database] = False
            await connection.close()
    return refused


def test_the_registry_does_not_see_the_carts(shop: Up) -> None:
    assert asyncio.run(_sees(shop, "cart", "carts"))
    assert not asyncio.run(_sees(shop, "registry", "carts"))


async def _sees(shop: Up, service: str, bucket: str) -> bool:
    client = await nats.connect(shop.store_address("cart-store-a", service), allow_reconnect=False)
    try:
        return f"KV_{bucket}" in [stream.config.name for stream in await client.jetstream().streams_info()]
    finally:
        await client.close()


def test_nobody_connects_but_through_the_lines_of_declared_edges(shop: Up) -> None:
    customer = shopper(shop)
    bought(customer)
    assert page(shop).ok
    deployment = shop.session.deployment
    told_to = {urlsplit(shop.session.topology.otlp_url).port}  # where their spans go, which is no edge
    for instance in shop.session.topology.instances:
        lines = [line for line in shop.session.topology.lines if line.consumer == instance]
        allowed = {int(deployment.line_url(line).rsplit(":", 1)[1]) for line in lines}
        listening = int(deployment.direct_url(instance).rsplit(":", 1)[1])
        process = psutil.Process(deployment.pid(instance))
        outward = {
            each.raddr.port
            for each in process.net_connections(kind="inet")
            if each.raddr and each.laddr.port != listening
        }
        assert outward, f"{instance} should be connected to something by now"
        strange = outward - allowed - told_to
        assert not strange, f"{instance} is connected to {strange}, which no edge leads to"


@pytest.mark.parametrize(
    ("lost", "missing"), [("recommendations", "recommendations"), ("reviews", "rating"), ("inventory", "stock")]
)
def test_the_page_goes_on_without_what_it_can_do_without(shop: Up, lost: str, missing: str) -> None:
    shop.kill(lost)
    try:
        assert (page(shop).status_code, missing in page(shop).json()["degraded"]) == (200, True)
        until(lambda: not _up(shop, f"{lost}-1"), within_s=WITHIN_S, what=f"the registry tells that {lost} is down")
    finally:
        shop.start(lost)
    until(lambda: not page(shop).json()["degraded"], within_s=WITHIN_S, what="the page is whole again")
    until(lambda: _up(shop, f"{lost}-1"), within_s=WITHIN_S, what=f"the registry tells that {lost} is up")


def _up(shop: Up, instance: str) -> bool:
    return any(each["instance"] == instance and each["up"] for each in listed(shop))


def test_without_the_bus_orders_are_confirmed_and_its_events_come_later(shop: Up) -> None:
    customer = shopper(shop)
    shop.kill("bus")
    try:
        order_id = bought(customer)
        until(lambda: status(customer, order_id) == "confirmed", within_s=WITHIN_S, what="confirmed without the bus")
        assert order_id not in _mailed(shop)
    finally:
        shop.start("bus")
    until(lambda: order_id in _mailed(shop), within_s=WITHIN_S, what="the mail, once the bus is back")


def _mailed(shop: Up) -> set[str]:
    found: set[str] = set()
    path: str | None = "/mails?limit=500"
    while path:
        answer = shop.ask("notifications", "GET", path).json()
        found |= {str(each["order_id"]) for each in answer["items"]}
        path = answer["next"]
    return found


def test_a_zone_is_lost_without_loss(shop: Up) -> None:
    customer = shopper(shop)
    assert customer.ask("PUT", "/cart/items/sku-0011", json={"quantity": 3}).status_code == 200
    for each in ("gateway", "catalog", "cart"):
        shop.kill(each, 3)
    shop.kill("cart-store-c")
    try:
        until(lambda: page(shop).ok, within_s=WITHIN_S, what="pages without zone c")
        whole = {"items": [{"sku": "sku-0011", "quantity": 3}]}
        until(
            lambda: customer.ask("GET", "/cart").json().get("items") == whole["items"],
            within_s=WITHIN_S,
            what="the cart without zone c",
        )
        order_id = bought(customer)
        until(lambda: status(customer, order_id) == "confirmed", within_s=WITHIN_S, what="confirmed without zone c")
    finally:
        shop.start("cart-store-c")
        for each in ("gateway", "catalog", "cart"):
            shop.start(each, 3)


def test_a_rolling_restart_shows_no_dirty_answer(shop: Up) -> None:
    found: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            found.append(page(shop).status_code)

    customers = threading.Thread(target=look)
    customers.start()
    try:
        for index in (1, 2, 3):
            seen = len(found)
            shop.restart("catalog", index)
            until(lambda seen=seen: len(found) > seen + 5, within_s=WITHIN_S, what="pages shown meanwhile")  # type: ignore[misc]  # mypy infers no lambda with defaults
    finally:
        over.set()
        customers.join()
    assert set(found) == {200}


def test_what_is_down_is_told_by_its_work_and_not_by_its_word(shop: Up) -> None:
    shop.pause("search")
    try:
        until(lambda: not _up(shop, "search-1"), within_s=WITHIN_S, what="a frozen search told as down")
    finally:
        shop.resume("search")
    until(lambda: _up(shop, "search-1"), within_s=WITHIN_S, what="search told as up again")


def test_the_instances_are_where_the_description_says(shop: Up) -> None:
    zones = {name: [each.zone for each in shop.session.topology.instances_of(name)] for name in ("gateway", "cart")}
    assert zones == {"gateway": ["a", "b", "c"], "cart": ["a", "b", "c"]}
    assert InstanceId(service="cart", index=2, zone="b") in shop.session.topology.instances
