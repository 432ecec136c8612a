from __future__ import annotations

import datetime as dt

import pytest
from catalog.app import names, tags
from catalog.events import product_changed
from catalog.models import Product

PRODUCT = Product(sku="sku-0001", name="Sturdy kettle", description="It boils water.", category="kitchen")
AT = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ('"7"', True),
        ('W/"7"', True),
        ('"6", "7"', True),
        ("*", True),
        ('"70"', False),
        ("7", False),
        ("", False),
        ('"6", *', False),
        ("\x80,,;", False),
    ],
)
def test_a_caller_has_what_its_tags_name(said: str, known: object) -> None:
    assert names(said, tags(7)["ETag"]) is known


def test_an_event_of_one_version_is_the_same_however_often_it_is_made() -> None:
    event = product_changed(PRODUCT, 7, AT)
    assert event == product_changed(PRODUCT, 7, AT)
    assert event.event_id != product_changed(PRODUCT, 8, AT).event_id
    assert event.event_id != product_changed(PRODUCT.model_copy(update={"sku": "sku-0002"}), 7, AT).event_id
    assert (event.occurred_at, event.version, event.name) == ("2026-01-02T03:04:05.678+00:00", 7, "Sturdy kettle")
