"""The products in the catalog's own database."""

from __future__ import annotations

from kit.postgres import Postgres
from kit.trouble import not_found

from catalog.models import Product, ProductPage

SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    sku text PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL
);
INSERT INTO products (sku, name, description)
SELECT 'sku-' || lpad(n::text, 4, '0'),
       (ARRAY['Small','Sturdy','Quiet','Bright','Plain'])[n % 5 + 1] || ' '
           || (ARRAY['lamp','kettle','chair','radio','clock','basket','mirror'])[n % 7 + 1] || ' ' || n,
       'Product number ' || n || ' of the shop; it does what its name says.'
FROM generate_series(1, 200) AS n
ON CONFLICT DO NOTHING;
"""


class Products:
    """Reads products."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def read(self, sku: str) -> Product:
        """The product, or Refused 404."""
        row = await self._postgres.fetchrow("SELECT sku, name, description FROM products WHERE sku = $1", sku)
        if row is None:
            raise not_found(f"product {sku}")
        return Product(**row)

    async def page(self, after: str, limit: int) -> ProductPage:
        """The products after this sku, at most `limit`."""
        rows = await self._postgres.fetch(
            "SELECT sku, name, description FROM products WHERE sku > $1 ORDER BY sku LIMIT $2", after, limit + 1
        )
        items = [Product(**row) for row in rows[:limit]]
        more = len(rows) > limit
        return ProductPage(items=items, next=f"/products?after={items[-1].sku}&limit={limit}" if more else None)
