from __future__ import annotations

from pathlib import Path

import pytest
from kit.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "catalog-1=http://127.0.0.1:1,catalog-2=http://127.0.0.1:2/",
            {"catalog-1": "http://127.0.0.1:1", "catalog-2": "http://127.0.0.1:2"},
        ),
        ("http://127.0.0.1:1, http://h/?a=b", {"catalog-1": "http://127.0.0.1:1", "catalog-2": "http://h/?a=b"}),
        ("", {}),
        (" , ", {}),
    ],
)
def test_instances_have_names_and_addresses(text: str, expected: dict[str, str]) -> None:
    assert Settings.read("cart", {"CATALOG_INSTANCES": text}).instances("catalog") == expected


def test_what_the_environment_does_not_say_has_a_sensible_value() -> None:
    bare = Settings.read("cart", {})
    assert (bare.instance, bare.zone, bare.version, bare.owner) == ("cart-1", "a", "1.0.0", "cart")
    assert (bare.data_dir, bare.operator_token, bare.client_secret) == (None, None, None)
    assert bare.instances("catalog") == {}
    assert bare.number("AT_ONCE", 64) == 64


def test_what_the_environment_says_counts() -> None:
    told = Settings.read(
        "cart",
        {
            "VERSION": "1.1.0",
            "OWNER": "cart-team",
            "DATA_DIR": "/data/cart-1",
            "CART_STORE_URLS": "nats://cart:pw@127.0.0.1:1,nats://cart:pw@127.0.0.1:2",
            "OPERATOR_TOKEN": "letmein",
            "AT_ONCE": "7",
        },
    )
    assert (told.version, told.owner, told.data_dir) == ("1.1.0", "cart-team", Path("/data/cart-1"))
    assert told.cart_store_urls == ("nats://cart:pw@127.0.0.1:1", "nats://cart:pw@127.0.0.1:2")
    assert (told.operator_token, told.number("AT_ONCE", 64)) == ("letmein", 7)
