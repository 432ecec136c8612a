from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback
LAMP, CHAIR = "sku-0001", "sku-0002"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("cart")
    with running(partial("cart", to=directory), directory / "run") as up:
        until(lambda: not away(put(up, customer(), LAMP, 1)), within_s=15, what="a majority of the store")
        yield up


def customer() -> str:
    return str(uuid.uuid4())


def away(answer: dict[str, Any]) -> bool:
    return "cart" in answer["degraded"]


def put(up: Up, whose: str, sku: str, quantity: int, index: int = 1) -> dict[str, Any]:
    path, body = f"/carts/{whose}/items/{sku}", {"quantity": quantity}
    answer = up.ask("cart", "PUT", path, json=body, headers={"X-Customer": whose}, index=index)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ask(up: Up, whose: str, index: int, version: int = 0) -> requests.Response:
    headers = {"X-Customer": whose, "X-Cart-Version": str(version)}
    return up.ask("cart", "GET", f"/carts/{whose}", headers=headers, index=index)


def change(up: Up, whose: str, method: str, path: str, version: str) -> requests.Response:
    body = {"quantity": 1} if method == "PUT" else None
    headers = {"X-Customer": whose, "X-Cart-Version": version}
    return up.ask("cart", method, f"/carts/{whose}{path}", json=body, headers=headers)


def read(up: Up, whose: str, index: int, version: int = 0) -> dict[str, Any]:
    answer = ask(up, whose, index, version)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def agreed(up: Up, whose: str) -> bool:
    answer = ask(up, whose, 1)
    return answer.ok and not away(answer.json())


def test_a_cart_is_the_same_at_every_instance_and_has_no_invented_total(up: Up) -> None:
    whose = customer()
    put(up, whose, CHAIR, 2)
    version = put(up, whose, LAMP, 1, index=2)["version"]
    for index in (1, 2, 3):
        assert read(up, whose, index, version) == {
            "customer_id": whose,
            "items": [{"sku": LAMP, "quantity": 1}, {"sku": CHAIR, "quantity": 2}],
            "total_cents": None,
            "currency": "EUR",
            "degraded": ["prices"],
            "version": version,
        }
    me = {"X-Customer": whose}
    assert up.ask("cart", "DELETE", f"/carts/{whose}/items/{LAMP}", headers=me).json()["items"] == [
        {"sku": CHAIR, "quantity": 2}
    ]
    empty = up.ask("cart", "DELETE", f"/carts/{whose}", headers=me).json()
    assert (empty["items"], empty["total_cents"], empty["degraded"]) == ([], 0, [])


@pytest.mark.parametrize(
    ("status", "path", "headers"),
    [
        (401, "/carts/{me}", {"Authorization": ""}),
        (401, "/carts/{me}", {}),
        (403, "/carts/{me}", {"X-Customer": "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"}),
        (422, "/carts/lamp", {"X-Customer": "{me}"}),
        (422, "/carts/{me}", {"X-Customer": "{me}", "X-Cart-Version": "new"}),
        (422, "/carts/{me}", {"X-Customer": "{me}", "X-Cart-Version": "-1"}),
        (422, "/carts/{me}?limit=1", {"X-Customer": "{me}"}),
        (409, "/carts/{me}", {"X-Customer": "{me}", "X-Cart-Version": "9000000000000000"}),
    ],
)
def test_who_may_not_or_asks_nonsense_is_refused(up: Up, status: int, path: str, headers: dict[str, str]) -> None:
    me = customer()
    answer = up.ask("cart", "GET", path.format(me=me), headers={k: v.format(me=me) for k, v in headers.items()})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), [("PUT", f"/items/{LAMP}"), ("DELETE", f"/items/{LAMP}"), ("DELETE", "")])
def test_a_cart_is_changed_only_where_it_is_as_its_customer_has_seen_it(up: Up, method: str, path: str) -> None:
    whose = customer()
    version = put(up, whose, LAMP, 3)["version"]
    never = version + 1  # an event of the first instance, which has kept nothing to itself
    assert [change(up, whose, method, path, str(each)).status_code for each in (1, 9 * 10**15, never)] == [
        409,
        409,
        503,
    ]
    assert read(up, whose, 1, version)["items"] == [{"sku": LAMP, "quantity": 3}]
    assert change(up, whose, method, path, str(version)).status_code == 200


async def test_a_zone_is_lost_and_nothing_with_it(up: Up) -> None:
    """One node of the store and one instance of the cart, killed at once."""
    customers = [customer() for _ in range(5)]
    versions = {}
    for whose in customers:
        put(up, whose, LAMP, 3, index=1)
        versions[whose] = put(up, whose, CHAIR, 4, index=2)["version"]
    await asyncio.to_thread(up.kill, "cart", 2)
    await asyncio.to_thread(up.kill, "cart-store-b")
    for whose in customers:
        for index in (1, 3):
            # An instance that has never seen her cart says 503 until it has found a node that lives.
            await asyncio.to_thread(
                until,
                lambda whose=whose, index=index: ask(up, whose, index, versions[whose]).ok,  # type: ignore[misc]  # mypy infers no lambda with defaults
                within_s=10,
                what="the cart shown",
            )
            items = read(up, whose, index, versions[whose])["items"]
            assert items == [{"sku": LAMP, "quantity": 3}, {"sku": CHAIR, "quantity": 4}]
        put(up, whose, "sku-0003", 5, index=3)
        assert len(read(up, whose, 3)["items"]) == 3
    await asyncio.to_thread(until, lambda: agreed(up, customers[0]), within_s=20, what="a new leader")
    await asyncio.to_thread(up.start, "cart-store-b")
    await asyncio.to_thread(up.start, "cart", 2)

    def all_there() -> bool:
        found = [ask(up, whose, 2) for whose in customers]
        return all(each.ok and len(each.json()["items"]) == 3 for each in found)

    await asyncio.to_thread(until, all_there, within_s=20, what="the returned instance shows all carts")


def test_it_is_alive_and_says_what_waits(up: Up) -> None:
    edges = up.ask("cart", "GET", "/health").json()["edges"]
    assert edges["write-ahead"] == {"pending": 0, "kept": True}
    assert edges["cart-store"]["made"]
