"""The customers' lists of their orders: a read model fed from the orders' histories, a moment behind them."""

from __future__ import annotations

import asyncio
import json
import logging

from kit.postgres import Connection, Postgres
from kit.trouble import Unavailable

from orders.models import MyOrder, MyOrderPage
from orders.saga import Saga, fold
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
# Transactions that are still running may yet commit events that come before others that are visible already: nothing
# is read past the oldest of them.
_NEW = """
SELECT p.version, p.transaction, p.seq, e.transaction AS to_transaction, e.seq AS to_seq, e.order_id::text
FROM projections AS p LEFT JOIN LATERAL (
    SELECT * FROM order_events AS e WHERE (e.transaction, e.seq) > (p.transaction, p.seq)
    AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY e.transaction, e.seq LIMIT $1
) AS e ON true
WHERE p.name = 'my_orders' ORDER BY e.transaction, e.seq
"""
# Whoever moves the place from where it was shows what was read there; an instance that is slower shows nothing.
_SHOW = """
WITH moved AS (
    UPDATE projections SET transaction = $4, seq = $5
    WHERE name = 'my_orders' AND version = $1 AND (transaction, seq) = ($2, $3) RETURNING true
)
INSERT INTO my_orders (order_id, seq, customer_id, version, status, total_cents, items, reason, placed_at)
SELECT order_id, (SELECT seq FROM order_events AS e WHERE e.order_id = s.order_id ORDER BY e.version LIMIT 1),
       customer_id, version, status, total_cents, items, reason, to_timestamp(accepted_at)
FROM moved, jsonb_to_recordset($6::jsonb) AS s (order_id uuid, customer_id uuid, version integer, status text,
                                               total_cents integer, items jsonb, reason text, accepted_at float8)
ON CONFLICT (order_id) DO UPDATE
SET version = excluded.version, status = excluded.status, total_cents = excluded.total_cents, reason = excluded.reason
WHERE my_orders.version < excluded.version
"""
_BEGIN_ANEW = """
INSERT INTO projections AS p (name, version) VALUES ('my_orders', $1)
ON CONFLICT (name) DO UPDATE SET version = $1, transaction = 0, seq = 0 WHERE p.version < $1 RETURNING true
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
        """Take over one batch of events; True when there may be more."""
        new = await self._postgres.fetch(_NEW, BATCH)
        if not new or new[0]["version"] < PROJECTION:
            return await self._postgres.transact(_begin_anew)
        if new[0]["version"] > PROJECTION or new[0]["order_id"] is None:
            return False
        rows = await self._postgres.fetch(
            f"SELECT {EVENT} FROM order_events WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, version",  # noqa: S608 -- a constant
            sorted({row["order_id"] for row in new}),
        )
        shown = [_shown(fold(order_id, history)) for order_id, history in histories(rows).items()]
        place = (new[0]["transaction"], new[0]["seq"], new[-1]["to_transaction"], new[-1]["to_seq"])
        await self._postgres.fetch(_SHOW, PROJECTION, *place, json.dumps(shown))
        return len(new) == BATCH

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


async def _begin_anew(connection: Connection) -> bool:
    """Drop what an older version has shown; False when another instance has done so."""
    begun = await connection.fetchval(_BEGIN_ANEW, PROJECTION)
    if begun:
        await connection.execute("DELETE FROM my_orders")
    return bool(begun)


def _shown(saga: Saga) -> dict[str, object]:
    """An order as the list shows it, for `_SHOW`."""
    return {
        "order_id": saga.order_id,
        "customer_id": saga.customer_id,
        "version": saga.version,
        "status": saga.status,
        "total_cents": saga.total_cents,
        "items": [item.model_dump() for item in saga.items],
        "reason": saga.reason,
        "accepted_at": saga.accepted_at,
    }
