from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest
from kit.client import Call, Edge
from kit.flags import Flags
from kit.trouble import Refused, Unavailable, not_found
from kit.words import Line
from pricing.clients import CatalogClient, CatalogProduct
from pricing.models import Quote, QuoteRequest
from pricing.quotes import Quotes
from pricing.rules import RULES
from pricing.store import Prices

MIRROR, KETTLE, STRANGE, NOWHERE = "sku-0006", "sku-0001", "sku-0998", "sku-0999"


@dataclass
class Shop:
    """The prices and the catalog in memory; each of the catalog's products can be away by itself."""

    amounts_now: dict[str, int] = field(default_factory=lambda: {MIRROR: 1000, KETTLE: 500, STRANGE: 100})
    categories_now: dict[str, str] = field(default_factory=lambda: {MIRROR: "mirrors", KETTLE: "kitchen"})
    away: set[str] = field(default_factory=set)
    database_away: bool = False
    never_answers: bool = False
    calls: list[str] = field(default_factory=list)

    async def amounts(self, skus: Iterable[str]) -> dict[str, int]:
        await asyncio.sleep(0)
        if self.database_away:
            raise Unavailable("postgres", "it is away", sent=False)
        for sku in skus:
            if sku not in self.amounts_now:
                raise not_found(f"price of {sku}")
        return {sku: self.amounts_now[sku] for sku in skus}

    async def call(self, call: Call, answer: type[CatalogProduct]) -> CatalogProduct:
        sku = call.path.rpartition("/")[2]
        self.calls.append(sku)
        if self.never_answers:
            await asyncio.Event().wait()
        if sku in self.away:
            raise Unavailable("catalog", "it is away", sent=False)
        if sku not in self.categories_now:
            raise not_found(f"product {sku}")
        return answer(sku=sku, category=self.categories_now[sku])


async def quote(shop: Shop, **quantities: int) -> Quote:
    quotes = Quotes(prices=cast("Prices", shop), catalog=CatalogClient(cast("Edge", shop)), flags=Flags(), rules=RULES)
    items = [Line(sku=sku.replace("_", "-"), quantity=quantity) for sku, quantity in quantities.items()]
    return await quotes.quote(QuoteRequest(items=items))


async def test_a_quote_adds_up_and_says_which_rules_made_it_cheaper() -> None:
    got = await quote(Shop(), sku_0006=3, sku_0001=1)
    assert [(line.amount_cents, line.rules) for line in got.lines] == [(2700, ["three-mirrors"]), (500, [])]
    assert (got.total_cents, got.degraded) == (3200, [])


async def test_without_the_catalog_no_rule_of_a_category_applies_and_the_quote_says_so() -> None:
    got = await quote(Shop(away={MIRROR}), sku_0006=3, sku_0001=1)
    assert (got.total_cents, got.degraded) == (3500, ["category"])


async def test_a_product_that_the_catalog_does_not_have_is_no_degradation() -> None:
    got = await quote(Shop(), sku_0998=3)
    assert (got.total_cents, got.degraded) == (300, [])


async def test_the_catalog_is_asked_once_for_each_product() -> None:
    shop = Shop()
    await quote(shop, sku_0006=3, sku_0001=1)
    assert sorted(shop.calls) == [KETTLE, MIRROR]


async def test_an_unknown_product_is_refused() -> None:
    with pytest.raises(Refused, match="there is no price of sku-0999"):
        await quote(Shop(), sku_0001=1, sku_0999=1)


async def test_a_quote_without_the_database_fails_at_once_and_leaves_no_question_open() -> None:
    shop = Shop(database_away=True, never_answers=True)
    with pytest.raises(Unavailable, match="postgres"):
        await quote(shop, sku_0001=1)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
