from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from registry.checks import CHECKS, CUSTOMER, SKU

SHOP = Path(__file__).resolve().parents[3] / "targets" / "shop"
PRODUCT = {"sku": SKU, "name": "Small lamp", "description": "", "price_cents": 1999}
CART: dict[str, Any] = {"customer_id": CUSTOMER, "items": [], "total_cents": None}
ONE, TWO = {"items": [{"sku": SKU}]}, {"items": [{"sku": SKU}, {"sku": SKU}]}
NOTHING: dict[str, Any] = {"items": []}


def test_every_service_has_a_check_but_the_registry_itself() -> None:
    system = yaml.safe_load((SHOP / "system.yaml").read_text(encoding="utf-8"))
    assert set(CHECKS) == set(system["services"]) - {"registry"}


@pytest.mark.parametrize(
    ("service", "good", "bad"),
    [
        ("gateway", PRODUCT, PRODUCT | {"sku": "sku-0002"}),
        ("users", {"customer_id": CUSTOMER, "email": "a@b"}, {"customer_id": str(uuid.uuid4()), "email": "a@b"}),
        ("catalog", PRODUCT, PRODUCT | {"name": ""}),
        ("pricing", {"total_cents": 3998}, {"total_cents": 1}),
        ("inventory", {"sku": SKU, "available": 0}, {"sku": SKU, "available": -1}),
        ("reviews", {"sku": SKU, "average": None, "count": 0}, {"sku": SKU, "count": -1}),
        ("recommendations", {"sku": SKU, "items": ["sku-0002"]}, {"sku": SKU, "items": [SKU]}),
        ("search", ONE, NOTHING),
        ("cart", CART, CART | {"customer_id": "somebody"}),
        ("monolith", PRODUCT, PRODUCT | {"sku": "sku-0002"}),
        *((service, ONE, TWO) for service in ("orders", "payments", "shipping", "notifications", "analytics", "fraud")),
    ],
)
def test_a_check_tells_a_right_answer_from_a_wrong_one(service: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    check = CHECKS[service]
    assert check.good(check.answer.model_validate_json(json.dumps(good)))
    assert not check.good(check.answer.model_validate_json(json.dumps(bad)))


@pytest.mark.parametrize("service", sorted(CHECKS))
def test_every_check_asks_for_something_that_the_service_declares(service: str) -> None:
    check = CHECKS[service]
    document = json.loads((SHOP.parents[1] / "contracts" / "openapi" / f"{service}.json").read_text(encoding="utf-8"))
    path = check.path.partition("?")[0].replace(SKU, "{sku}").replace(CUSTOMER, "{customer_id}")
    call = check.call(None)
    assert call.method.lower() in document["paths"][path]
    assert call.repeatable or call.method == "POST"


def test_only_the_check_that_needs_a_customer_acts_as_the_operator() -> None:
    as_operator = [service for service, check in CHECKS.items() if check.call("letmein").more]
    assert as_operator == ["cart"]
    assert CHECKS["cart"].call("letmein").more == {"Authorization": "Bearer letmein", "X-Customer": CUSTOMER}
    assert CHECKS["cart"].call(None).more == {}
