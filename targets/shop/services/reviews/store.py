"""Reviews and their summaries in reviews' own database."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from kit.aside import Versioned
from kit.postgres import Postgres
from kit.trouble import conflict

from reviews.models import Review, ReviewPage, ReviewRequest, Summary

# Every third product has one to four reviews from the start, by people who will not come back.
SCHEMA = """
CREATE TABLE IF NOT EXISTS reviews (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    review_id uuid PRIMARY KEY,
    sku text NOT NULL,
    customer_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    text text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    summed boolean NOT NULL DEFAULT false,
    UNIQUE (customer_id, sku),
    UNIQUE (customer_id, idempotency_key)
);
CREATE INDEX IF NOT EXISTS reviews_of_product ON reviews (sku, seq);
CREATE INDEX IF NOT EXISTS reviews_to_sum ON reviews (sku) WHERE NOT summed;
CREATE TABLE IF NOT EXISTS summaries (
    sku text PRIMARY KEY,
    count integer NOT NULL,
    total integer NOT NULL
) WITH (fillfactor = 50);
INSERT INTO reviews (review_id, sku, customer_id, idempotency_key, rating, text, written_at)
SELECT md5('review ' || n || ' ' || k)::uuid, 'sku-' || lpad(n::text, 4, '0'), md5('reader ' || k)::uuid,
       'seed-' || lpad(n::text, 4, '0'), 1 + (n + k * k) % 5,
       (ARRAY['Not for me.','It could be better.','It does what it should.','I like it.','The best I have had.'])
           [1 + (n + k * k) % 5],
       timestamptz '2026-01-01 12:00:00+00' + make_interval(hours => n + k)
FROM generate_series(3, 300, 3) AS n, generate_series(1, 1 + n % 4) AS k
ORDER BY n, k
ON CONFLICT DO NOTHING;
"""
_COLUMNS = "seq, review_id::text, sku, customer_id::text, rating, text, written_at"
_ADD = f"""
INSERT INTO reviews (review_id, sku, customer_id, idempotency_key, rating, text) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608 -- a constant
# One statement sees one state: each review is either in the summary or still to be added to it.
_SUMMARY = """
SELECT sum(count)::int AS count, sum(total)::int AS total FROM (
    SELECT count, total FROM summaries WHERE sku = $1
    UNION ALL
    SELECT count(*), coalesce(sum(rating), 0) FROM reviews WHERE sku = $1 AND NOT summed
) AS parts
"""
_SUM_UP = """
WITH taken AS (
    UPDATE reviews SET summed = true
    WHERE review_id IN (SELECT review_id FROM reviews WHERE NOT summed LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING sku, rating
), added AS (
    INSERT INTO summaries (sku, count, total)
    SELECT sku, count(*), sum(rating) FROM taken GROUP BY sku ORDER BY sku
    ON CONFLICT (sku) DO UPDATE SET count = summaries.count + excluded.count, total = summaries.total + excluded.total
)
SELECT count(*) FROM taken
"""
SUMMED_AT_ONCE = 500


class Reviews:
    """Reads and writes reviews."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, customer_id: str, wanted: ReviewRequest, key: str) -> Review:
        """Put a review on record, or find the one that this key made.

        Raises:
            Refused: 409 when the key was used for another one, or the customer has reviewed this product before.
            Unavailable: the database is away; the review may be on record.
        """
        values = (wanted.sku, customer_id, key, wanted.rating, wanted.text)
        row = await self._postgres.fetchrow(_ADD, uuid.uuid4(), *values)
        if row is not None:
            return _review(row)
        row = await self._postgres.fetchrow(
            f"SELECT {_COLUMNS} FROM reviews WHERE customer_id = $1 AND idempotency_key = $2",  # noqa: S608 -- a constant
            customer_id,
            key,
        )
        if row is None:
            raise conflict(f"this customer has reviewed {wanted.sku} before")
        if (row["sku"], row["rating"], row["text"]) != (wanted.sku, wanted.rating, wanted.text):
            raise conflict("this idempotency key was used for another review")
        return _review(row)

    async def page(self, sku: str | None, after: int, limit: int) -> ReviewPage:
        """The reviews of one product, or of all, in the order in which they were written."""
        rows = await self._postgres.fetch(
            f"SELECT {_COLUMNS} FROM reviews WHERE seq > $1 AND ($2::text IS NULL OR sku = $2) ORDER BY seq LIMIT $3",  # noqa: S608 -- a constant
            after,
            sku,
            limit + 1,
        )
        items = [_review(row) for row in rows[:limit]]
        of = "" if sku is None else f"sku={sku}&"
        following = f"/reviews?{of}after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return ReviewPage(items=items, next=following)

    async def summary(self, sku: str) -> Versioned[Summary]:
        """The summary of a product's reviews, all of them; reviews are only ever added, so their count is a version."""
        row = await self._postgres.fetchrow(_SUMMARY, sku)
        return Versioned(row["count"], Summary(count=row["count"], total=row["total"]))

    async def sum_up(self) -> int:
        """Add reviews to their products' summaries, each once; how many that were."""
        return int(await self._postgres.fetchval(_SUM_UP, SUMMED_AT_ONCE))


def _review(row: Any) -> Review:
    fields = {name: row[name] for name in ("review_id", "sku", "customer_id", "rating", "text")}
    written_at = row["written_at"].astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return Review(**fields, written_at=written_at)
