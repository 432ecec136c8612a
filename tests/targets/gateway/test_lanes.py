from __future__ import annotations

import pytest
from gateway.lanes import BROWSE, CHECKOUT, CUSTOMER, lane
from kit.guard import Lane


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/orders", CHECKOUT),
        ("POST", "/orders/6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f/cancel", CHECKOUT),
        ("GET", "/orders", CUSTOMER),
        ("GET", "/orders/6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f", CUSTOMER),
        ("POST", "/sessions", CUSTOMER),
        ("GET", "/cart", CUSTOMER),
        ("PUT", "/cart/items/sku-0001", CUSTOMER),
        ("GET", "/products/sku-0001", BROWSE),
        ("GET", "/search", BROWSE),
        ("GET", "/legacy/products/sku-0001", BROWSE),
        ("POST", "/products/sku-0001/reviews", BROWSE),
        ("POST", "/accounts", BROWSE),
        ("GET", "/products/orders", BROWSE),
        ("GET", "/ordersx", BROWSE),
        ("GET", "/", BROWSE),
        ("GET", "", BROWSE),
    ],
)
def test_every_request_has_its_lane(method: str, path: str, expected: Lane) -> None:
    assert lane(method, path) == expected


def test_every_answer_is_out_before_its_customer_stops_waiting() -> None:
    assert CHECKOUT.limit_s < 2.0
    assert max(CUSTOMER.limit_s, BROWSE.limit_s) < 1.0


def test_looking_around_leaves_room_for_those_who_buy() -> None:
    assert BROWSE.room < CUSTOMER.room == CHECKOUT.room == 1.0
