"""The prices in pricing's own database."""

from __future__ import annotations

from collections.abc import Iterable

from kit import outbox
from kit.aside import Versioned
from kit.postgres import Connection, Postgres
from kit.trouble import not_found

from pricing.events import SUBJECT, price_changed
from pricing.models import Price, PriceChange

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS prices (
    sku text PRIMARY KEY,
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    version integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO prices (sku, amount_cents)
SELECT 'sku-' || lpad(n::text, 4, '0'), 199 + (n * 7919) % 22000
FROM generate_series(1, 300) AS n
ON CONFLICT DO NOTHING;
"""
    + outbox.SCHEMA
)
_CHANGE = """
UPDATE prices SET amount_cents = $2, version = version + 1, changed_at = now()
WHERE sku = $1 AND amount_cents <> $2
RETURNING version, changed_at
"""


class Prices:
    """Reads and changes prices."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def read(self, sku: str) -> Versioned[Price]:
        """The price of one product, or Refused 404."""
        row = await self._postgres.fetchrow("SELECT amount_cents, version FROM prices WHERE sku = $1", sku)
        if row is None:
            raise not_found(f"price of {sku}")
        return Versioned(row["version"], Price(sku=sku, amount_cents=row["amount_cents"], currency="EUR"))

    async def amounts(self, skus: Iterable[str]) -> dict[str, int]:
        """The prices of some products as they are now, or Refused 404 when one has none."""
        wanted = sorted(set(skus))
        rows = await self._postgres.fetch("SELECT sku, amount_cents FROM prices WHERE sku = ANY($1::text[])", wanted)
        amounts = {row["sku"]: row["amount_cents"] for row in rows}
        for sku in wanted:
            if sku not in amounts:
                raise not_found(f"price of {sku}")
        return amounts

    async def change(self, sku: str, wanted: PriceChange) -> Versioned[Price]:
        """Change a price and store the event of it, or Refused 404; the same price again changes nothing."""

        async def work(connection: Connection) -> Versioned[Price] | None:
            row = await connection.fetchrow(_CHANGE, sku, wanted.amount_cents)
            if row is None:
                return None
            price = Price(sku=sku, amount_cents=wanted.amount_cents, currency=wanted.currency)
            await outbox.put(connection, SUBJECT, price_changed(price, row["version"], row["changed_at"]))
            return Versioned(row["version"], price)

        return await self._postgres.transact(work) or await self.read(sku)
