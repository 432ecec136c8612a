"""The warehouse: all events in the order of their arrival, and the figures of each day."""

from __future__ import annotations

import datetime as dt

from kit import inbox
from kit.postgres import Postgres

from analytics.events import Event
from analytics.models import Figures, StoredEvent, StoredEvents

SCHEMA = f"""{inbox.SCHEMA}
CREATE TABLE IF NOT EXISTS events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    name text NOT NULL,
    occurred_at text NOT NULL,
    order_id text,
    sku text,
    payload text NOT NULL
);
CREATE TABLE IF NOT EXISTS days (
    day date PRIMARY KEY,
    orders bigint NOT NULL,
    revenue_cents bigint NOT NULL,
    cancellations bigint NOT NULL
);
"""
_TAKE = f"""
WITH {inbox.FIRST},
stored AS (
    INSERT INTO events (event_id, name, occurred_at, order_id, sku, payload)
    SELECT $1::uuid::text, $2, $3, $4, $5, $6 FROM first
)
INSERT INTO days AS known (day, orders, revenue_cents, cancellations)
SELECT $7::date, $8::bigint, $9::bigint, $10::bigint FROM first WHERE ($8, $9, $10) <> (0, 0, 0)
ON CONFLICT (day) DO UPDATE SET orders = known.orders + excluded.orders,
    revenue_cents = known.revenue_cents + excluded.revenue_cents,
    cancellations = known.cancellations + excluded.cancellations
"""  # noqa: S608 -- constants
_PAGE = """
SELECT seq, event_id, name, occurred_at, order_id, sku, payload FROM events WHERE seq > $1 ORDER BY seq LIMIT $2
"""


class Warehouse:
    """Takes events, once each, and answers questions about them."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def take(self, name: str, event: Event) -> None:
        """Keep an event and add it to its day, both or neither; one that was taken before changes nothing."""
        counts = event.counts
        await self._postgres.fetch(
            _TAKE,
            event.event_id,
            name,
            event.occurred_at.isoformat(),
            event.order_id,
            event.sku,
            event.model_dump_json(exclude_unset=True),
            event.occurred_at.date(),
            counts.orders,
            counts.revenue_cents,
            counts.cancellations,
        )

    async def page(self, after: int, limit: int) -> StoredEvents:
        """The events that arrived after this one, at most `limit`."""
        rows = await self._postgres.fetch(_PAGE, after, limit + 1)
        items = [StoredEvent(**{key: row[key] for key in StoredEvent.model_fields}) for row in rows[:limit]]
        more = f"/events?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return StoredEvents(items=items, next=more)

    async def figures(self, day: dt.date) -> Figures:
        """What happened on that day; nothing, when it isn't known."""
        row = await self._postgres.fetchrow("SELECT orders, revenue_cents, cancellations FROM days WHERE day = $1", day)
        return Figures(day=day, **(row or {"orders": 0, "revenue_cents": 0, "cancellations": 0}))
