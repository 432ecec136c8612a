"""Search's own picture of the products, made for finding them by their words."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote_plus

from kit import defects
from kit.postgres import Postgres

from search.models import Hit, HitPage, ProductChanged

# A picture that is empty is drawn anew from the first event on: `TRUNCATE products`, or the loss of the database,
# and a restart are all it takes.
SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    sku text PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    words tsvector NOT NULL
);
CREATE INDEX IF NOT EXISTS products_words ON products USING gin (words);
CREATE TABLE IF NOT EXISTS picture (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    begun uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO picture DEFAULT VALUES ON CONFLICT DO NOTHING;
UPDATE picture SET begun = gen_random_uuid() WHERE NOT EXISTS (SELECT FROM products);
"""
# A name says more than a category, and that more than a description.
_LEARN = """
INSERT INTO products (sku, version, name, words)
SELECT DISTINCT ON (sku) sku, version, name,
       setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', category), 'B')
       || setweight(to_tsvector('english', description), 'C')
FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[])
AS told (sku, version, name, category, description) ORDER BY sku, version DESC
ON CONFLICT (sku) DO UPDATE SET version = excluded.version, name = excluded.name, words = excluded.words
WHERE products.version < excluded.version
RETURNING true
"""
# websearch_to_tsquery takes anything that people type, and never finds fault with it.
_FIND = """
SELECT sku, name FROM products, websearch_to_tsquery('english', $1) AS wanted
WHERE words @@ wanted
ORDER BY ts_rank(words, wanted) DESC, sku
OFFSET $2 LIMIT $3
"""


class Index:
    """Learns products and finds them."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def begun(self) -> str:
        """Which picture this is; a new one has seen no event yet."""
        return str(await self._postgres.fetchval("SELECT begun FROM picture"))

    async def learn(self, event: ProductChanged) -> bool:
        """Take a product as it is in this event; False when a later one is known already, or this very one."""
        return bool(await self.learn_all([event]))

    async def learn_all(self, events: Sequence[ProductChanged]) -> int:
        """Take products as they are in these events; how many of which nothing later was known."""
        values = [(event.sku, event.version, event.name, event.category, event.description) for event in events]
        return len(await self._postgres.fetch(_LEARN, *map(list, zip(*values, strict=True))))

    async def find(self, query: str, after: int, limit: int) -> HitPage:
        """The products with all these words, past the first `after`, at most `limit`."""
        rows = await self._postgres.fetch(defects.spliced(_FIND, query), query, after, limit + 1)
        items = [Hit(sku=row["sku"], name=row["name"]) for row in rows[:limit]]
        more = len(rows) > limit
        following = f"/search?q={quote_plus(query)}&after={after + limit}&limit={limit}"
        return HitPage(items=items, next=following if more else None)
