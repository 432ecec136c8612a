from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.targets.partial import Up, partial, running

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("monolith")
    with running(partial("monolith", "catalog", "pricing", to=directory), directory / "run") as system:
        yield system


def test_the_old_shop_has_the_products_and_prices_that_the_new_one_starts_with(up: Up) -> None:
    for number in (1, 7, 150, 299, 300):
        sku = f"sku-{number:04d}"
        old = up.ask("monolith", "GET", f"/legacy/products/{sku}").json()
        product = up.ask("catalog", "GET", f"/products/{sku}").json()
        price = up.ask("pricing", "GET", f"/prices/{sku}").json()
        assert old == {
            "sku": sku,
            "name": product["name"],
            "description": product["description"],
            "price_cents": price["amount_cents"],
        }


def test_a_product_that_does_not_exist_is_a_definite_no(up: Up) -> None:
    answer = up.ask("monolith", "GET", "/legacy/products/sku-0301")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("authorization", ["", "Bearer nobody"])
def test_nobody_reads_without_a_token(up: Up, authorization: str) -> None:
    answer = up.ask("monolith", "GET", "/legacy/products/sku-0001", headers={"Authorization": authorization})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
