"""The warehouse: all events in the order of their arrival, and the figures of each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

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
WITH {inbox.FIRSTS},
told AS (
    SELECT DISTINCT ON (event_id) * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::date[], $8::bigint[], $9::bigint[], $10::bigint[])
    WITH ORDINALITY AS t (event_id, name, occurred_at, order_id, sku, payload,
                          day, orders, revenue_cents, cancellations, place)
),
new AS (SELECT told.* FROM told JOIN first USING (event_id)),
stored AS (
    INSERT INTO events (event_id, name, occurred_at, order_id, sku, payload)
    SELECT event_id::text, name, occurred_at, order_id, sku, payload FROM new ORDER BY place
)
INSERT INTO days AS known (day, orders, revenue_cents, cancellations)
SELECT day, sum(orders), sum(revenue_cents), sum(cancellations) FROM new
WHERE (orders, revenue_cents, cancellations) <> (0, 0, 0) GROUP BY day ORDER BY day
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

    async def take(self, event: Event) -> None:
        """As `take_all`."""
        await self.take_all([event])

    async def take_all(self, events: Sequence[Event]) -> None:
        """Keep events and add them to their days, all or none; one that was taken before changes nothing."""
        await self._postgres.fetch(_TAKE, *map(list, zip(*map(_values, events), strict=True)))

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


def _values(event: Event) -> tuple[object, ...]:
    """What `_TAKE` is told of an event."""
    counts = event.counts
    return (
        event.event_id,
        type(event).__name__,
        event.occurred_at.isoformat(),
        event.order_id,
        event.sku,
        event.model_dump_json(exclude_unset=True),
        event.occurred_at.date(),
        counts.orders,
        counts.revenue_cents,
        counts.cancellations,
    )
