"""Shipments in shipping's own database; every command may be repeated, and may come after what takes it back."""

from __future__ import annotations

import json
import uuid

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
_DISPATCH = """
UPDATE shipments SET status = 'dispatched', dispatched_at = now() WHERE order_id IN (
    SELECT order_id FROM shipments WHERE status = 'created' AND placed_at <= now() - make_interval(secs => $1)
    ORDER BY placed_at LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING order_id::text, shipment_id::text, now() AS at
"""
_DELIVER = """
UPDATE shipments SET status = 'delivered' WHERE order_id IN (
    SELECT order_id FROM shipments WHERE status = 'dispatched' AND dispatched_at <= now() - make_interval(secs => $1)
    ORDER BY dispatched_at LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING order_id::text, shipment_id::text, now() AS at
"""
MOVED_AT_ONCE = 100
TAKEN_BACK = frozenset({"cancelled", "recalled"})


class Shipments:
    """Makes, moves and takes back shipments."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

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
        """The order is placed: its shipment may leave, unless it was cancelled."""

        async def work(connection: Connection) -> None:
            if await inbox.first_time(connection, event.event_id):
                await connection.execute(
                    "UPDATE shipments SET placed_at = now() WHERE order_id = $1 AND placed_at IS NULL", event.order_id
                )

        await self._postgres.transact(work)

    async def cancelled(self, event: OrderCancelled) -> None:
        """The order is no more: nor is its shipment, if there is one or will be."""

        async def work(connection: Connection) -> None:
            if await inbox.first_time(connection, event.event_id):
                await _cancel(connection, event.order_id)

        await self._postgres.transact(work)

    async def dispatch(self, after_s: float) -> bool:
        """Send off what has waited for so long since its order was placed; False when there was nothing."""

        async def work(connection: Connection) -> bool:
            left = await connection.fetch(_DISPATCH, after_s, MOVED_AT_ONCE)
            for row in left:
                await outbox.put(connection, DISPATCHED, dispatched(row["order_id"], row["shipment_id"], row["at"]))
            return bool(left)

        return await self._postgres.transact(work)

    async def deliver(self, after_s: float) -> bool:
        """Deliver what has been under way for so long; False when there was nothing."""

        async def work(connection: Connection) -> bool:
            arrived = await connection.fetch(_DELIVER, after_s, MOVED_AT_ONCE)
            for row in arrived:
                await outbox.put(connection, DELIVERED, delivered(row["order_id"], row["shipment_id"], row["at"]))
            return bool(arrived)

        return await self._postgres.transact(work)


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
