from __future__ import annotations

import pytest
from kit.words import Line, PageSize, merged
from pydantic import TypeAdapter, ValidationError


def test_lines_of_the_same_product_are_one_in_the_order_of_skus() -> None:
    lines = [Line(sku=sku, quantity=n) for sku, n in (("sku-0002", 1), ("sku-0001", 2), ("sku-0002", 20))]
    assert list(merged(lines).items()) == [("sku-0001", 2), ("sku-0002", 21)]


@pytest.mark.parametrize("quantity", [0, 21, -1, True, "1", 1.5, float("inf"), float("nan"), 2**70, None])
def test_what_is_no_quantity_is_refused(quantity: object) -> None:
    with pytest.raises(ValidationError):
        Line.model_validate({"sku": "sku-0001", "quantity": quantity})


def test_a_whole_float_is_an_integer_as_json_schema_has_it() -> None:
    assert Line.model_validate({"sku": "sku-0001", "quantity": 12.0}).quantity == 12


@pytest.mark.parametrize("sku", ["", "sku-1", "sku-00001", "SKU-0001", "sku-000\u0661", "sku-0001\n", "sku-0001\x00"])
def test_what_is_no_sku_is_refused(sku: str) -> None:
    with pytest.raises(ValidationError):
        Line(sku=sku, quantity=1)


@pytest.mark.parametrize("text", ["0", "501", "-1", " 1", "1.0", "1_0", "\u0661", "", "9" * 5000])
def test_what_is_no_page_size_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PageSize).validate_python(text)


def test_digits_are_a_page_size() -> None:
    assert TypeAdapter(PageSize).validate_python("500") == 500
