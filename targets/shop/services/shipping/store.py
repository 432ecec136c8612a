"""Shipments in shipping's own database; every command may be repeated, and may come after what takes it back."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from kit import inbox, outbox
from kit.postgres import Connection, Postgres
from kit.trouble import conflict
from kit.words import Line

from shipping.events import DELIVERED, DISPATCHED, delivered, dispatched
from shipping.models import (
    Cancellation,
    ListedShipment,
    OrderCancelled,
    OrderPlaced,
    Shipment,
    ShipmentPage,
    ShipmentRequest,
)

# A shipment leaves some time after its order was placed; what was cancelled never does, whatever is heard first.
SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS shipments (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    order_id uuid PRIMARY KEY,
    shipment_id uuid NOT NULL,
    idempotency_key text UNIQUE,
    items jsonb NOT NULL,
    label text,
    status text NOT NULL CHECK (status IN ('created', 'dispatched', 'delivered', 'cancelled', 'recalled')),
    placed_at timestamptz,
    dispatched_at timestamptz
);
CREATE INDEX IF NOT EXISTS shipments_waiting ON shipments (placed_at) WHERE status = 'created';
CREATE INDEX IF NOT EXISTS shipments_under_way ON shipments (dispatched_at) WHERE status = 'dispatched';
"""
    + inbox.SCHEMA
    + outbox.SCHEMA
)
_PLACED = f"""
WITH {inbox.FIRSTS},
told AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS t (event_id, order_id))
UPDATE shipments SET placed_at = now() FROM told JOIN first USING (event_id)
WHERE shipments.order_id = told.order_id AND placed_at IS NULL
"""  # noqa: S608 -- a constant
_NEXT = """
(SELECT order_id::text, shipment_id::text, status, extract(epoch FROM placed_at - now())::float8 + $1 AS wait_s,
        now() AS at
 FROM shipments WHERE status = 'created' AND placed_at IS NOT NULL ORDER BY placed_at LIMIT $3)
UNION ALL
(SELECT order_id::text, shipment_id::text, status, extract(epoch FROM dispatched_at - now())::float8 + $2,
        now()
 FROM shipments WHERE status = 'dispatched' ORDER BY dispatched_at LIMIT $3)
ORDER BY wait_s
"""
# Only what is still as it was read moves, and only the event of what has moved is told.
_MOVE = f"""
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])
    AS w (order_id, was, becomes, event_id, subject, payload)
), moved AS (
    UPDATE shipments SET status = becomes,
                         dispatched_at = CASE WHEN becomes = 'dispatched' THEN now() ELSE dispatched_at END
    FROM wanted WHERE shipments.order_id = wanted.order_id AND status = was
    RETURNING event_id, subject, payload
)
INSERT INTO {outbox.COLUMNS} SELECT event_id, subject, payload, NULL FROM moved ON CONFLICT (event_id) DO NOTHING
RETURNING true
"""  # noqa: S608 -- a constant
MOVED_AT_ONCE = 100
TAKEN_BACK = frozenset({"cancelled", "recalled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A shipment that will leave or arrive in so many seconds, as it was at that moment."""

    order_id: str
    shipment_id: str
    status: str
    wait_s: float
    at: dt.datetime


class Shipments:
    """Makes, moves and takes back shipments."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.wake = asyncio.Event()
        """Set when there is something that will leave."""

    async def make(self, wanted: ShipmentRequest, key: str) -> Shipment:
        """Make an order's shipment once.

        The name on the label is that of the first request: whoever asks again may have learnt it, or not find it.

        Raises:
            Refused: 409 when the order's shipment was cancelled, or key or order were used for another one.
        """
        items = json.dumps([item.model_dump() for item in wanted.items])
        shipment_id = str(uuid.uuid4())
        row = await self._postgres.fetchrow(
            "INSERT INTO shipments (order_id, shipment_id, idempotency_key, items, label, status)"
            " VALUES ($1, $2, $3, $4, $5, 'created') ON CONFLICT DO NOTHING"
            " RETURNING shipment_id::text, label, status",
            wanted.order_id,
            shipment_id,
            key,
            items,
            _label(shipment_id, wanted.recipient),
        )
        if row is None:
            row = await self._again(wanted.order_id, key, items)
        return Shipment(
            shipment_id=row["shipment_id"], order_id=wanted.order_id, label=row["label"], status=row["status"]
        )

    async def _again(self, order_id: str, key: str, items: str) -> dict[str, str]:
        """The shipment that was made before by the same request."""
        row: dict[str, str] | None = await self._postgres.fetchrow(
            "SELECT shipment_id::text, label, status, idempotency_key = $2 AND items = $3::jsonb AS same"
            " FROM shipments WHERE order_id = $1",
            order_id,
            key,
            items,
        )
        if row is None:
            raise conflict("the idempotency key was used for another order")
        if row["status"] in TAKEN_BACK:
            raise conflict(f"the shipment of order {order_id} was cancelled")
        if not row["same"]:
            raise conflict(f"the shipment of order {order_id} was made by another request")
        return row

    async def cancel(self, order_id: str) -> Cancellation:
        """Keep a shipment here, or call it back; for an unknown order leave a mark, so that a late one is refused."""
        return await self._postgres.transact(lambda connection: _cancel(connection, order_id))

    async def page(self, after: int, limit: int) -> ShipmentPage:
        """The shipments after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(
            "SELECT seq, shipment_id::text, order_id::text, idempotency_key, items, label, status FROM shipments"
            " WHERE seq > $1 ORDER BY seq LIMIT $2",
            after,
            limit + 1,
        )
        items = [
            ListedShipment(
                shipment_id=row["shipment_id"],
                order_id=row["order_id"],
                idempotency_key=row["idempotency_key"],
                items=[Line(**item) for item in json.loads(row["items"])],
                label=row["label"],
                status=row["status"],
                cancelled=row["status"] in TAKEN_BACK,
            )
            for row in rows[:limit]
        ]
        more = f"/shipments?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return ShipmentPage(items=items, next=more)

    async def placed(self, event: OrderPlaced) -> None:
        """As `all_placed`."""
        await self.all_placed([event])

    async def all_placed(self, events: Sequence[OrderPlaced]) -> None:
        """The orders are placed: their shipments may leave, unless they were cancelled."""
        order_ids = [event.order_id for event in events]
        await self._postgres.fetch(_PLACED, [event.event_id for event in events], order_ids)
        self.wake.set()

    async def cancelled(self, event: OrderCancelled) -> None:
        """The order is no more: nor is its shipment, if there is one or will be."""

        async def work(connection: Connection) -> None:
            if await inbox.first_time(connection, event.event_id):
                await _cancel(connection, event.order_id)

        await self._postgres.transact(work)

    async def waiting(self, *, dispatch_s: float, delivery_s: float) -> list[Waiting]:
        """What will leave or arrive next, the first due first: so long after it was placed, or has left."""
        rows = await self._postgres.fetch(_NEXT, dispatch_s, delivery_s, MOVED_AT_ONCE)
        return [Waiting(**row) for row in rows]

    async def move(self, due: Sequence[Waiting]) -> None:
        """Let shipments leave and arrive, unless they were cancelled meanwhile."""
        moves = [(DISPATCHED, dispatched) if each.status == "created" else (DELIVERED, delivered) for each in due]
        events = [make(each.order_id, each.shipment_id, each.at) for (_, make), each in zip(moves, due, strict=True)]
        await self._postgres.fetch(
            _MOVE,
            [each.order_id for each in due],
            [each.status for each in due],
            ["dispatched" if each.status == "created" else "delivered" for each in due],
            [event.event_id for event in events],
            [subject for subject, _ in moves],
            [event.model_dump_json() for event in events],
        )


async def _cancel(connection: Connection, order_id: str) -> Cancellation:
    await connection.execute(
        "INSERT INTO shipments (order_id, shipment_id, items, status) VALUES ($1, $2, '[]', 'cancelled')"
        " ON CONFLICT DO NOTHING",
        order_id,
        uuid.uuid4(),
    )
    status = await connection.fetchval(
        "UPDATE shipments SET status ="
        " CASE WHEN status IN ('created', 'cancelled') THEN 'cancelled' ELSE 'recalled' END"
        " WHERE order_id = $1 RETURNING status",
        order_id,
    )
    return Cancellation(order_id=order_id, status=status)


def _label(shipment_id: str, recipient: str | None) -> str:
    """What stands on the parcel: its number, and a name if there is one."""
    number = shipment_id[:8].upper()
    return f"{number} {recipient}" if recipient else number
