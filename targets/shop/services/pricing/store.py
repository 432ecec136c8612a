"""The prices in pricing's own database."""

from __future__ import annotations

from kit.postgres import Postgres
from kit.trouble import not_found
from kit.words import Line

from pricing.models import Price, Quote, QuoteLine

# The dearest product costs 221.97 EUR, so that the largest basket (20 lines of 20) stays below the largest amount.
SCHEMA = """
CREATE TABLE IF NOT EXISTS prices (
    sku text PRIMARY KEY,
    amount_cents integer NOT NULL CHECK (amount_cents > 0)
);
INSERT INTO prices (sku, amount_cents)
SELECT 'sku-' || lpad(n::text, 4, '0'), 199 + (n * 7919) % 22000
FROM generate_series(1, 200) AS n
ON CONFLICT DO NOTHING;
"""


class Prices:
    """Reads prices and prices baskets."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def read(self, sku: str) -> Price:
        """The price of one product, or Refused 404."""
        amount = await self._postgres.fetchval("SELECT amount_cents FROM prices WHERE sku = $1", sku)
        if amount is None:
            raise not_found(f"price of {sku}")
        return Price(sku=sku, amount_cents=amount, currency="EUR")

    async def quote(self, items: list[Line]) -> Quote:
        """The price of a basket, or Refused 404 when it holds an unknown product."""
        rows = await self._postgres.fetch(
            "SELECT sku, amount_cents FROM prices WHERE sku = ANY($1::text[])", [item.sku for item in items]
        )
        amounts = {row["sku"]: row["amount_cents"] for row in rows}
        for item in items:
            if item.sku not in amounts:
                raise not_found(f"price of {item.sku}")
        lines = [
            QuoteLine(sku=item.sku, quantity=item.quantity, amount_cents=amounts[item.sku] * item.quantity)
            for item in items
        ]
        return Quote(total_cents=sum(line.amount_cents for line in lines), currency="EUR", lines=lines)
