from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback
MIRROR = "sku-0006"
BOTH = (1, 2)
"""The two versions."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("pricing")
    with running(partial("pricing", "catalog", "users", to=directory), directory / "run") as up:
        yield up


def quote(up: Up, *items: tuple[str, int], index: int = 1) -> dict[str, Any]:
    basket = {"items": [{"sku": sku, "quantity": quantity} for sku, quantity in items]}
    answer = up.ask("pricing", "POST", "/quotes", json=basket, index=index)
    assert answer.status_code == 200, answer.text
    quoted: dict[str, Any] = answer.json()
    return quoted


def price(up: Up, sku: str, index: int = 1) -> int:
    return int(up.ask("pricing", "GET", f"/prices/{sku}", index=index).json()["amount_cents"])


def change(up: Up, sku: str, amount_cents: int) -> int:
    wanted = {"amount_cents": amount_cents, "currency": "EUR"}
    return up.ask("pricing", "PUT", f"/prices/{sku}", json=wanted).status_code


def test_both_versions_show_and_quote_the_same_price_for_every_product(up: Up) -> None:
    for first in range(1, 301, 20):
        skus = [f"sku-{number:04}" for number in range(first, first + 20)]
        one, other = (quote(up, *((sku, 1) for sku in skus), index=index) for index in BOTH)
        assert one["lines"] == other["lines"]
        assert [line["amount_cents"] for line in one["lines"]] == [price(up, sku, 2) for sku in skus]


def test_a_rule_of_a_category_applies_as_long_as_the_catalog_can_be_had(up: Up) -> None:
    until(lambda: quote(up, (MIRROR, 3))["degraded"] == [], within_s=10, what="pricing has its token")
    unit = price(up, MIRROR)
    good = quote(up, (MIRROR, 3))
    assert good["total_cents"] == 3 * unit - 3 * unit // 10
    for index in (1, 2, 3):
        up.kill("catalog", index)
    without = quote(up, (MIRROR, 3))
    assert (without["total_cents"], without["degraded"]) == (3 * unit, ["category"])
    for index in (1, 2, 3):
        up.start("catalog", index)
    until(lambda: quote(up, (MIRROR, 3)) == good, within_s=10, what="the rule applies again")


def test_a_new_price_is_shown_and_quoted_by_both_versions(up: Up) -> None:
    price(up, "sku-0010", 1)
    assert change(up, "sku-0010", 4321) == 200
    assert [price(up, "sku-0010", index) for index in BOTH] == [4321, 4321]
    assert [quote(up, ("sku-0010", 2), index=index)["total_cents"] for index in BOTH] == [8642, 8642]


@pytest.mark.parametrize("amount", [0, -1, 250_001, 12.5, "12", None])
def test_a_price_that_is_none_is_refused(up: Up, amount: object) -> None:
    answer = up.ask("pricing", "PUT", "/prices/sku-0011", json={"amount_cents": amount, "currency": "EUR"})
    assert answer.status_code == 422


def test_a_price_is_made_for_known_products_only(up: Up) -> None:
    assert change(up, "sku-9999", 100) == 404
    assert up.ask("pricing", "GET", "/prices/sku-9999").status_code == 404


def test_what_is_cached_is_shown_but_never_charged(up: Up) -> None:
    cache = redis.Redis.from_url(up.store_address("redis", "pricing"))
    cache.set("pricing:price:sku-0012", '99 {"sku":"sku-0012","amount_cents":1,"currency":"EUR"}', ex=30)
    cache.close()
    assert price(up, "sku-0012") == 1
    assert quote(up, ("sku-0012", 1))["total_cents"] > 1


def test_a_change_whose_writer_died_before_it_reached_the_cache_gets_there_by_its_event(up: Up) -> None:
    assert price(up, "sku-0013") != 777
    asyncio.run(_change_and_die(up))
    until(lambda: price(up, "sku-0013", 2) == 777, within_s=5, what="the cache has the new price")


async def _change_and_die(up: Up) -> None:
    """What an instance does up to its commit, and nothing of what it does after that."""
    from kit.postgres import Postgres
    from pricing.models import PriceChange
    from pricing.store import SCHEMA, Prices

    postgres = Postgres(up.store_address("postgres", "pricing"), SCHEMA)
    await postgres.prepare()
    await Prices(postgres).change("sku-0013", PriceChange(amount_cents=777, currency="EUR"))
    await postgres.close()
