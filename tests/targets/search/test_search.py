from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("search")
    with running(partial("search", "catalog", to=directory), directory / "run") as up:
        yield up


def search(up: Up, query: str, limit: int = 500) -> dict[str, Any]:
    answer = up.ask("search", "GET", f"/search?q={quote(query)}&limit={limit}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def found(up: Up, query: str) -> list[str]:
    return [hit["sku"] for hit in search(up, query)["items"]]


def rename(up: Up, sku: str, name: str) -> None:
    text = {"name": name, "description": "Renamed.", "category": "kitchen"}
    assert up.ask("catalog", "PUT", f"/products/{sku}", json=text).status_code == 200


def everything(up: Up) -> list[str]:
    """By a word that all products have in their description."""
    return found(up, "shop or renamed")


def test_what_the_catalog_has_is_found_and_what_it_changes_is_found_anew(up: Up) -> None:
    until(lambda: len(everything(up)) == 300, within_s=15, what="all products are known")
    rename(up, "sku-0001", "Zebra kettle")
    until(lambda: found(up, "zebra") == ["sku-0001"], within_s=5, what="the new name is found")
    assert "sku-0001" not in found(up, "sturdy")


def test_a_lost_picture_is_drawn_anew_from_the_first_event_on(up: Up) -> None:
    async def lose() -> None:
        connection = await asyncpg.connect(up.store_address("postgres", "search"))
        await connection.execute("TRUNCATE products")
        await connection.close()

    rename(up, "sku-0002", "Giraffe lamp")
    rename(up, "sku-0002", "Okapi lamp")
    until(lambda: found(up, "okapi") == ["sku-0002"], within_s=5, what="the last name is found")
    asyncio.run(lose())
    assert everything(up) == []
    up.kill("search")
    up.start("search")
    until(lambda: len(everything(up)) == 300, within_s=15, what="all products are known again")
    until(lambda: found(up, "okapi") == ["sku-0002"], within_s=5, what="the last name is found again")
    assert found(up, "giraffe") == []


@pytest.mark.parametrize(
    "query", ["", "q=", "q=%00", "q=a%0ab", "q=" + "x" * 101, "q=a&q=b", "q=a&limit=0", "q=a&sort=sku"]
)
def test_a_question_that_is_none_is_refused(up: Up, query: str) -> None:
    answer = up.ask("search", "GET", f"/search?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
