"""Item-to-item similarity: products are alike when they are bought in the same orders.

After Linden, Smith, York: "Amazon.com Recommendations: Item-to-Item Collaborative Filtering", IEEE Internet
Computing 7(1), 2003. Each product is a vector with one dimension per order, 1 where the order holds it. The cosine of
two such vectors is the number of orders that hold both, divided by the geometric mean of the numbers of orders that
hold each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import sqrt


def similar(
    sku: str,
    together: Mapping[str, int],
    orders: Mapping[str, int],
    *,
    existing: Collection[str] | None,
    most: int,
) -> list[str]:
    """The products most similar to this one, the best first.

    Args:
        sku: The product.
        together: In how many orders each other product stands beside it.
        orders: In how many orders each product stands at all.
        existing: The products that may be named, all if None.
        most: How many, at most.
    """
    ranked = sorted(
        (-count / sqrt(orders[sku] * orders[other]), -count, other)
        for other, count in together.items()
        if count > 0 and orders.get(sku, 0) > 0 and orders.get(other, 0) > 0 and (existing is None or other in existing)
    )
    return [other for _, _, other in ranked[:most]]


def popular(orders: Mapping[str, int], *, existing: Collection[str] | None, most: int) -> list[str]:
    """What is bought most often, for products that nobody has bought with another yet."""
    ranked = sorted((-count, sku) for sku, count in orders.items() if count > 0)
    return [sku for _, sku in ranked if existing is None or sku in existing][:most]
