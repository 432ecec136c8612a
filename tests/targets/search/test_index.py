from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from kit.postgres import Postgres
from search.models import ProductChanged
from search.store import SCHEMA, Index

from tests.targets.stores import postgres_of, running_stores

pytestmark = pytest.mark.loopback
HOSTILE = [
    "' OR 1=1 --",
    "'); DROP TABLE products; --",
    "lamp & | ! ( ) <-> :* \\",
    "'''",
    '"',
    '"lamp',
    "-",
    "--lamp",
    "OR",
    "or or or",
    "lamp:*",
    "%",
    "\\",
    "\ufffe\uffff",
    "😀 lámp",
    "<script>alert(1)</script>",
    "a" * 100,
    "the",
]


def product(
    sku: str, name: str, category: str = "things", description: str = "A thing.", version: int = 1
) -> ProductChanged:
    return ProductChanged(event_id="e", sku=sku, name=name, category=category, description=description, version=version)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    async with running_stores(tmp_path / "stores", postgres_of("search")) as stores:
        postgres: Postgres = await stores.postgres("search", SCHEMA)
        yield Index(postgres)
        await postgres.close()


async def found(index: Index, query: str) -> list[str]:
    return [hit.sku for hit in (await index.find(query, 0, 500)).items]


async def test_words_are_found_and_ranked_and_older_versions_never_win(index: Index) -> None:
    await index.learn(product("sku-0003", "Plain chair", description="Goes well with lamps."))
    await index.learn(product("sku-0002", "Plain shade", category="lamps"))
    await index.learn(product("sku-0001", "Bright lamp"))
    assert await found(index, "lamp") == ["sku-0001", "sku-0002", "sku-0003"]
    assert await found(index, "LAMPS") == ["sku-0001", "sku-0002", "sku-0003"]
    assert await found(index, "plain lamp") == ["sku-0002", "sku-0003"]
    assert await found(index, "plain -chair lamp") == ["sku-0002"]
    assert await found(index, '"bright lamp" or chair') == ["sku-0001", "sku-0003"]

    assert await index.learn(product("sku-0001", "Dark torch", version=3))
    assert not await index.learn(product("sku-0001", "Grey lantern", version=2))
    assert not await index.learn(product("sku-0001", "Dark torch", version=3))
    assert await found(index, "torch") == ["sku-0001"]
    assert await found(index, "lantern") == []

    rose = [product("sku-0004", f"Rose {colour}", version=version) for colour, version in (("red", 1), ("white", 3))]
    assert await index.learn_all([*rose, product("sku-0004", "Rose pink", version=2)]) == 1
    assert (await found(index, "white rose"), await found(index, "red rose")) == (["sku-0004"], [])

    for query in HOSTILE:
        assert set(await found(index, query)) <= {"sku-0001", "sku-0002", "sku-0003"}, query
    assert await found(index, HOSTILE[0]) == []
    assert await found(index, "torch") == ["sku-0001"]


async def test_pages_hold_everything_once_in_order(index: Index) -> None:
    for number in range(25):
        await index.learn(product(f"sku-{number:04}", "Small lamp & shade"))
    seen: list[str] = []
    after = 0
    while True:
        page = await index.find("lamp & shade", after, 10)
        seen += [hit.sku for hit in page.items]
        if page.next is None:
            break
        asked = parse_qs(urlsplit(page.next).query)
        assert (asked["q"], asked["limit"]) == (["lamp & shade"], ["10"])
        after = int(asked["after"][0])
    assert seen == [f"sku-{number:04}" for number in range(25)]


async def test_an_empty_picture_is_another_one_and_a_drawn_one_stays(index: Index) -> None:
    first = await index.begun()
    await index._postgres.fetch(SCHEMA_LAST)
    second = await index.begun()
    await index.learn(product("sku-0001", "Bright lamp"))
    await index._postgres.fetch(SCHEMA_LAST)
    assert first != second
    assert await index.begun() == second


SCHEMA_LAST = SCHEMA.strip().splitlines()[-1]
