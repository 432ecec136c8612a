"""The products in the catalog's own database."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from kit import outbox
from kit.aside import Versioned
from kit.postgres import Connection, Postgres
from kit.trouble import Unavailable, not_found

from catalog.events import SUBJECT, product_changed
from catalog.models import Product, ProductPage, ProductText

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS products (
    sku text PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL,
    category text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now(),
    announced boolean NOT NULL DEFAULT false
);
INSERT INTO products (sku, name, description, category)
SELECT 'sku-' || lpad(n::text, 4, '0'),
       (ARRAY['Small','Sturdy','Quiet','Bright','Plain'])[n % 5 + 1] || ' '
           || (ARRAY['lamp','kettle','chair','radio','clock','basket','mirror'])[n % 7 + 1] || ' ' || n,
       'Product number ' || n || ' of the shop; it does what its name says.',
       (ARRAY['lighting','kitchen','furniture','audio','clocks','storage','mirrors'])[n % 7 + 1]
FROM generate_series(1, 300) AS n
ON CONFLICT DO NOTHING;
"""
    + outbox.SCHEMA
)
_COLUMNS = "sku, name, description, category"
_CHANGE = f"""
UPDATE products SET name = $2, description = $3, category = $4, version = version + 1, changed_at = now()
WHERE sku = $1 AND (name, description, category) IS DISTINCT FROM ($2, $3, $4)
RETURNING {_COLUMNS}, version, changed_at
"""  # noqa: S608 -- a constant
_ANNOUNCE = f"""
UPDATE products SET announced = true
WHERE sku IN (SELECT sku FROM products WHERE NOT announced ORDER BY sku LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}, version, changed_at
"""  # noqa: S608 -- a constant
ANNOUNCED_AT_ONCE = 100
"""At first; of what could not be had in time half is tried next, so that no machine is too slow ever to get on."""
PAUSE_S = 0.5
log = logging.getLogger(__name__)


class Products:
    """Reads and changes products."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def read(self, sku: str) -> Versioned[Product]:
        """The product, or Refused 404."""
        row = await self._postgres.fetchrow(f"SELECT {_COLUMNS}, version FROM products WHERE sku = $1", sku)  # noqa: S608 -- a constant
        if row is None:
            raise not_found(f"product {sku}")
        return Versioned(row["version"], _product(row))

    async def page(self, after: str, limit: int) -> ProductPage:
        """The products after this sku, at most `limit`."""
        rows = await self._postgres.fetch(
            f"SELECT {_COLUMNS} FROM products WHERE sku > $1 ORDER BY sku LIMIT $2",  # noqa: S608 -- a constant
            after,
            limit + 1,
        )
        items = [_product(row) for row in rows[:limit]]
        more = len(rows) > limit
        return ProductPage(items=items, next=f"/products?after={items[-1].sku}&limit={limit}" if more else None)

    async def change(self, sku: str, text: ProductText) -> Versioned[Product]:
        """Change a product and store the event of it, or Refused 404; the same text again changes nothing."""

        async def work(connection: Connection) -> Versioned[Product] | None:
            row = await connection.fetchrow(_CHANGE, sku, text.name, text.description, text.category)
            if row is None:
                return None
            changed = Versioned(row["version"], _product(row))
            await outbox.put(connection, SUBJECT, product_changed(changed.record, changed.version, row["changed_at"]))
            return changed

        return await self._postgres.transact(work) or await self.read(sku)

    async def announce(self) -> None:
        """Store the event of every product that was there before anybody listened, once."""

        async def work(connection: Connection) -> int:
            rows = await connection.fetch(_ANNOUNCE, at_once)
            events = [product_changed(_product(row), row["version"], row["changed_at"]) for row in rows]
            await outbox.put_all(connection, SUBJECT, events)
            return len(rows)

        more, at_once = 1, ANNOUNCED_AT_ONCE
        while more:
            try:
                more = await self._postgres.transact(work)
            except Unavailable as error:
                log.info("products wait to be announced: %s", error)
                at_once = max(1, at_once // 2)
                await asyncio.sleep(PAUSE_S)


def _product(row: Any) -> Product:
    return Product(sku=row["sku"], name=row["name"], description=row["description"], category=row["category"])
