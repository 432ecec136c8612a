"""The customers' lists of their orders: a read model fed from the orders' histories, a moment behind them."""

from __future__ import annotations

import asyncio
import json
import logging

from kit.postgres import Connection, Postgres
from kit.trouble import Unavailable

from orders.models import MyOrder, MyOrderPage
from orders.saga import fold
from orders.store import EVENT, histories

PROJECTION = 1
"""Add one when the read model changes: the first instance that knows it builds it anew."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS my_orders (
    order_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    customer_id uuid NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    total_cents integer,
    items jsonb NOT NULL,
    reason text,
    placed_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS my_orders_of ON my_orders (customer_id, seq);
CREATE TABLE IF NOT EXISTS projections (
    name text PRIMARY KEY,
    version integer NOT NULL DEFAULT 0,
    transaction bigint NOT NULL DEFAULT 0,
    seq bigint NOT NULL DEFAULT 0
);
"""
_BEHIND = """
SELECT COALESCE((
    SELECT p.version < $1 OR EXISTS (
        SELECT FROM order_events AS e WHERE (e.transaction, e.seq) > (p.transaction, p.seq)
    ) FROM projections AS p WHERE p.name = 'my_orders'
), true)
"""
# Transactions that are still running may yet commit events that come before others that are visible already: nothing
# is read past the oldest of them.
_NEW = """
SELECT e.transaction, e.seq, e.order_id::text FROM order_events AS e
WHERE (e.transaction, e.seq) > ($1, $2) AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY e.transaction, e.seq LIMIT $3
"""
_SHOW = """
INSERT INTO my_orders (order_id, seq, customer_id, version, status, total_cents, items, reason, placed_at)
SELECT $1, (SELECT seq FROM order_events WHERE order_id = $1 ORDER BY version LIMIT 1), $2, $3, $4, $5, $6, $7,
       to_timestamp($8)
ON CONFLICT (order_id) DO UPDATE
SET version = excluded.version, status = excluded.status, total_cents = excluded.total_cents, reason = excluded.reason
WHERE my_orders.version < excluded.version
"""
POLL_S = 0.4
PAUSE_S = 0.5
BATCH = 200
log = logging.getLogger(__name__)


class MyOrders:
    """Keeps the lists, and reads them."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def run(self) -> None:
        """Follow the histories until cancelled."""
        while True:
            try:
                if not await self.advance():
                    await asyncio.sleep(POLL_S)
            except Unavailable as error:
                log.info("the lists of orders wait: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def advance(self) -> bool:
        """Take over one batch of events; False when there was nothing new, or another instance is at it."""
        behind = await self._postgres.fetchval(_BEHIND, PROJECTION)
        if not behind:
            return False
        return await self._postgres.transact(_advance)

    async def page(self, customer_id: str, after: int, limit: int) -> MyOrderPage:
        """A customer's orders after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(
            "SELECT seq, order_id::text, status, total_cents, items, reason, placed_at FROM my_orders"
            " WHERE customer_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            customer_id,
            after,
            limit + 1,
        )
        items = [
            MyOrder(
                order_id=row["order_id"],
                status=row["status"],
                total_cents=row["total_cents"],
                items=json.loads(row["items"]),
                reason=row["reason"],
                placed_at=row["placed_at"].isoformat(timespec="milliseconds"),
            )
            for row in rows[:limit]
        ]
        more = f"/orders/mine?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return MyOrderPage(items=items, next=more)


async def _advance(connection: Connection) -> bool:
    await connection.execute("INSERT INTO projections (name) VALUES ('my_orders') ON CONFLICT DO NOTHING")
    place = await connection.fetchrow(
        "SELECT version, transaction, seq FROM projections WHERE name = 'my_orders' FOR UPDATE SKIP LOCKED"
    )
    if place is None or place["version"] > PROJECTION:
        return False
    position = (place["transaction"], place["seq"])
    if place["version"] < PROJECTION:
        await connection.execute("DELETE FROM my_orders")
        position = (0, 0)
    new = await connection.fetch(_NEW, *position, BATCH)
    changed = sorted({row["order_id"] for row in new})
    rows = await connection.fetch(
        f"SELECT {EVENT} FROM order_events WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, version",  # noqa: S608 -- a constant
        changed,
    )
    for order_id, history in histories(rows).items():
        saga = fold(order_id, history)
        items = json.dumps([item.model_dump() for item in saga.items])
        await connection.execute(
            _SHOW,
            order_id,
            saga.customer_id,
            saga.version,
            saga.status,
            saga.total_cents,
            items,
            saga.reason,
            saga.accepted_at,
        )
    last = (new[-1]["transaction"], new[-1]["seq"]) if new else position
    await connection.execute(
        "UPDATE projections SET version = $1, transaction = $2, seq = $3 WHERE name = 'my_orders'", PROJECTION, *last
    )
    return bool(new)
