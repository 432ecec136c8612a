"""Stock and reservations in inventory's own database; every command may be repeated."""

from __future__ import annotations

import json
import uuid

from kit.postgres import Connection, Postgres
from kit.trouble import conflict, not_found
from kit.words import merged

from inventory.models import Reservation, ReservationRequest, ReservationState, Stock, StockPage

# The last five products are sold out from the start, so that there is something to refuse.
SCHEMA = """
CREATE TABLE IF NOT EXISTS stock (
    sku text PRIMARY KEY,
    initial integer NOT NULL CHECK (initial >= 0),
    available integer NOT NULL CHECK (available >= 0),
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    CHECK (initial = available + reserved + sold)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS reservations (
    order_id uuid PRIMARY KEY,
    reservation_id uuid NOT NULL,
    idempotency_key text,
    items jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('held', 'confirmed', 'released'))
);
INSERT INTO stock (sku, initial, available)
SELECT 'sku-' || lpad(n::text, 4, '0'), stocked, stocked
FROM generate_series(1, 200) AS n, LATERAL (SELECT CASE WHEN n > 195 THEN 0 ELSE 1000000 END AS stocked) AS s
ON CONFLICT DO NOTHING;
"""
_STOCK = "SELECT sku, initial, available, reserved, sold FROM stock"
# Rows are locked in the order of their skus, so that two orders never wait for one another.
_MOVE = """
WITH wanted AS (SELECT key AS sku, value::int AS quantity FROM jsonb_each_text($1::jsonb)),
     locked AS (SELECT sku FROM stock WHERE sku IN (SELECT sku FROM wanted) ORDER BY sku FOR UPDATE)
UPDATE stock SET available = available + w.quantity * $2, reserved = reserved + w.quantity * $3,
                 sold = sold + w.quantity * $4
FROM locked JOIN wanted AS w USING (sku)
WHERE stock.sku = locked.sku AND available + w.quantity * $2 >= 0
RETURNING stock.sku
"""
_HOLD = (-1, 1, 0)
_SELL = (0, -1, 1)
_RETURN_HELD = (1, -1, 0)
_RETURN_SOLD = (1, 0, -1)


class Inventory:
    """Holds, sells and returns stock."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def read(self, sku: str) -> Stock:
        """The stock of one product, or Refused 404."""
        row = await self._postgres.fetchrow(f"{_STOCK} WHERE sku = $1", sku)
        if row is None:
            raise not_found(f"stock of {sku}")
        return Stock(**row)

    async def page(self, after: str, limit: int) -> StockPage:
        """The stock of the products after this sku, at most `limit`."""
        rows = await self._postgres.fetch(f"{_STOCK} WHERE sku > $1 ORDER BY sku LIMIT $2", after, limit + 1)
        items = [Stock(**row) for row in rows[:limit]]
        more = len(rows) > limit
        return StockPage(items=items, next=f"/stock?after={items[-1].sku}&limit={limit}" if more else None)

    async def reserve(self, wanted: ReservationRequest, key: str) -> Reservation:
        """Hold stock for an order, all of it or nothing; Refused 409 when it's short, or the order was released."""
        items = merged(wanted.items)

        async def work(connection: Connection) -> Reservation:
            row = await connection.fetchrow(
                "INSERT INTO reservations (order_id, reservation_id, idempotency_key, items, status)"
                " VALUES ($1, $2, $3, $4, 'held') ON CONFLICT DO NOTHING RETURNING reservation_id::text",
                wanted.order_id,
                uuid.uuid4(),
                key,
                json.dumps(items),
            )
            if row is None:
                return await self._again(connection, wanted.order_id, items)
            await self._move(connection, items, _HOLD)
            return Reservation(reservation_id=row["reservation_id"], order_id=wanted.order_id, status="held")

        return await self._postgres.transact(work)

    async def _again(self, connection: Connection, order_id: str, items: dict[str, int]) -> Reservation:
        """The answer for an order that was here before."""
        row = await connection.fetchrow(
            "SELECT reservation_id::text, items, status FROM reservations WHERE order_id = $1", order_id
        )
        if row["status"] == "released":
            raise conflict(f"the reservation of order {order_id} was released")
        if json.loads(row["items"]) != items:
            raise conflict(f"order {order_id} has reserved something else")
        return Reservation(reservation_id=row["reservation_id"], order_id=order_id, status="held")

    async def confirm(self, order_id: str) -> ReservationState:
        """Sell what is held; Refused 404 when there is nothing, 409 when it was released."""

        async def work(connection: Connection) -> ReservationState:
            row = await self._locked(connection, order_id)
            if row is None:
                raise not_found(f"reservation of order {order_id}")
            status, items = row
            if status == "released":
                raise conflict(f"the reservation of order {order_id} was released")
            if status == "held":
                await self._move(connection, items, _SELL)
                await self._mark(connection, order_id, "confirmed")
            return ReservationState(order_id=order_id, status="confirmed")

        return await self._postgres.transact(work)

    async def release(self, order_id: str) -> ReservationState:
        """Return what is held or sold; for an unknown order leave a mark, so that a late reservation is refused."""

        async def work(connection: Connection) -> ReservationState:
            await connection.execute(
                "INSERT INTO reservations (order_id, reservation_id, items, status)"
                " VALUES ($1, $2, '{}', 'released') ON CONFLICT DO NOTHING",
                order_id,
                uuid.uuid4(),
            )
            row = await self._locked(connection, order_id)
            status, items = row or ("released", {})
            if status != "released":
                await self._move(connection, items, _RETURN_HELD if status == "held" else _RETURN_SOLD)
                await self._mark(connection, order_id, "released")
            return ReservationState(order_id=order_id, status="released")

        return await self._postgres.transact(work)

    async def _locked(self, connection: Connection, order_id: str) -> tuple[str, dict[str, int]] | None:
        row = await connection.fetchrow(
            "SELECT status, items FROM reservations WHERE order_id = $1 FOR UPDATE", order_id
        )
        return None if row is None else (row["status"], json.loads(row["items"]))

    async def _mark(self, connection: Connection, order_id: str, status: str) -> None:
        await connection.execute("UPDATE reservations SET status = $2 WHERE order_id = $1", order_id, status)

    async def _move(self, connection: Connection, items: dict[str, int], how: tuple[int, int, int]) -> None:
        """Move stock between available, reserved and sold; Refused 409 (and so nothing) when any of it is short."""
        moved = await connection.fetch(_MOVE, json.dumps(items), *how)
        if len(moved) < len(items):
            short = sorted(set(items) - {row["sku"] for row in moved})
            raise conflict(f"out of stock: {', '.join(short)}")
