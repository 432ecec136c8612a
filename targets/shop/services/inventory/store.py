"""Stock and reservations in inventory's own database; every command and every event may be repeated."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit import defects, inbox
from kit.postgres import Connection, Postgres
from kit.trouble import Trouble, Unavailable, conflict, not_found
from kit.words import Line, merged

from inventory.models import (
    ListedReservation,
    OrderCancelled,
    OrderPlaced,
    Reservation,
    ReservationPage,
    ReservationRequest,
    ReservationState,
    ReservedLine,
    Stock,
    StockPage,
)
from inventory.schema import (
    CONFIRM,
    HOLD,
    MOVE,
    RESERVATION,
    RESERVE,
    RETURN_HELD,
    RETURN_SOLD,
    SELL,
    STOCK,
    TURN,
    Step,
)

RACES = 5
"""How often a reservation may be changed by others between our reading and writing it, before we give up."""
SWEPT_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class _Found:
    """A reservation as it was when it was read."""

    status: str
    items: dict[str, int]
    version: int
    late: bool
    """Whether it is held although its time is up, since nobody has swept it away yet."""


class Inventory:
    """Holds, sells and returns stock."""

    def __init__(self, postgres: Postgres, reservation_s: float) -> None:
        self._postgres = postgres
        self._reservation_s = reservation_s

    async def read(self, sku: str) -> Stock:
        """The stock of one product, or Refused 404."""
        row = await self._postgres.fetchrow(f"{STOCK} WHERE sku = $1", sku)
        if row is None:
            raise not_found(f"stock of {sku}")
        return Stock(**row)

    async def page(self, after: str, limit: int) -> StockPage:
        """The stock of the products after this sku, at most `limit`."""
        rows = await self._postgres.fetch(f"{STOCK} WHERE sku > $1 ORDER BY sku LIMIT $2", after, limit + 1)
        items = [Stock(**row) for row in rows[:limit]]
        more = len(rows) > limit
        return StockPage(items=items, next=f"/stock?after={items[-1].sku}&limit={limit}" if more else None)

    async def reservations(self, after: int, limit: int) -> ReservationPage:
        """The reservations after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(f"{RESERVATION} WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit + 1)
        more = f"/reservations?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return ReservationPage(
            items=[
                ListedReservation(
                    order_id=row["order_id"],
                    status=row["status"],
                    items=[ReservedLine(sku=sku, quantity=count) for sku, count in json.loads(row["items"]).items()],
                    expires_at=None if row["expires_at"] is None else row["expires_at"].isoformat(),
                    overdue=row["late"],
                    version=row["version"],
                )
                for row in rows[:limit]
            ],
            next=more,
        )

    async def reserve(self, wanted: ReservationRequest, key: str) -> Reservation:
        """Hold stock for an order, all of it or nothing; Refused 409 when it's short, or the order is through."""
        items = merged(wanted.items)
        reservation_id = str(uuid.uuid4())
        values = (wanted.order_id, reservation_id, key, json.dumps(items), self._reservation_s)
        row = await self._postgres.fetchrow(RESERVE, *values)
        if row is None:
            row = await self._again(wanted.order_id, items)
        return Reservation(
            reservation_id=row["reservation_id"],
            order_id=wanted.order_id,
            status="held",
            expires_at=row["expires_at"].isoformat(),
        )

    async def _again(self, order_id: str, items: dict[str, int]) -> Any:
        """What was answered for an order that was here before; otherwise its products must have been short."""
        row = await self._postgres.fetchrow(
            "SELECT reservation_id::text, items, status, expires_at FROM reservations WHERE order_id = $1", order_id
        )
        if row is None:
            raise await self._short(items)
        if row["status"] in {"released", "expired"}:
            raise _through(order_id, row["status"])
        if json.loads(row["items"]) != items:
            raise conflict(f"order {order_id} has reserved something else")
        return row

    async def _short(self, items: dict[str, int]) -> Trouble:
        """Why there was no stock; it may have come back meanwhile."""
        rows = await self._postgres.fetch(f"{STOCK} WHERE sku = ANY($1)", list(items))
        available = {row["sku"]: row["available"] for row in rows}
        short = sorted(sku for sku, quantity in items.items() if available.get(sku, 0) < quantity)
        return conflict(f"out of stock: {', '.join(short or items)}")

    async def confirm(self, order_id: str) -> ReservationState:
        """Sell what is held; Refused 404 when there is nothing, 409 when it was released or has expired."""
        if not await self._postgres.fetchval(CONFIRM, order_id):
            status = await self._postgres.fetchval("SELECT status FROM reservations WHERE order_id = $1", order_id)
            if status is None:
                raise not_found(f"reservation of order {order_id}")
            if status != "confirmed":
                raise _through(order_id, status)
        return ReservationState(order_id=order_id, status="confirmed")

    async def release(self, order_id: str) -> ReservationState:
        """Return what is held or sold; for an unknown order leave a mark, so that a late reservation is refused."""
        await self._postgres.transact(lambda connection: self._release(connection, order_id))
        return ReservationState(order_id=order_id, status="released")

    async def _release(self, connection: Connection, order_id: str) -> None:
        await connection.execute(
            "INSERT INTO reservations (order_id, reservation_id, items, status)"
            " VALUES ($1, $2, '{}', 'released') ON CONFLICT DO NOTHING",
            order_id,
            uuid.uuid4(),
        )
        for _ in range(RACES):
            found = await self._find(connection, order_id)
            if found is None or found.status == "released":
                return
            if await self._turn(connection, order_id, found, "released"):
                if found.status != "expired":
                    await self._move(connection, found.items, RETURN_HELD if found.status == "held" else RETURN_SOLD)
                return
        raise _too_busy(order_id)

    async def sold(self, event: OrderPlaced) -> None:
        """As `all_sold`."""
        await self.all_sold([event])

    async def all_sold(self, events: Sequence[OrderPlaced]) -> None:
        """Make sure that confirmed orders' products are sold, whatever became of their reservations meanwhile."""
        rows = await self._postgres.fetch(
            "SELECT order_id::text FROM reservations"
            " WHERE order_id = ANY($1::uuid[]) AND status IN ('confirmed', 'released')",
            [event.order_id for event in events],
        )
        # Nearly always all of them: there is nothing left to do, nor will there be.
        done = {row["order_id"] for row in rows}
        for event in events:
            if event.order_id not in done:
                await self._sell(event)

    async def _sell(self, event: OrderPlaced) -> None:
        async def work(connection: Connection) -> None:
            if not await inbox.first_time(connection, event.event_id):
                return
            items = merged([Line.model_construct(sku=line.sku, quantity=line.quantity) for line in event.items])
            await connection.execute(
                "INSERT INTO reservations (order_id, reservation_id, items, status, expires_at)"
                " VALUES ($1, $2, $3, 'expired', clock_timestamp()) ON CONFLICT DO NOTHING",
                event.order_id,
                uuid.uuid4(),
                json.dumps(items),
            )
            for _ in range(RACES):
                found = await self._find(connection, event.order_id)
                if found is None or found.status in {"confirmed", "released"}:
                    return
                if await self._turn(connection, event.order_id, found, "placed"):
                    if found.status == "expired":
                        await self._move(connection, found.items, HOLD)
                    await self._move(connection, found.items, SELL)
                    return
            raise _too_busy(event.order_id)

        await self._postgres.transact(work)

    async def returned(self, event: OrderCancelled) -> None:
        """Make sure that an order that is off holds nothing, even if it is heard of before it was placed."""
        if defects.on("reservation-leak"):
            return

        async def work(connection: Connection) -> None:
            if await inbox.first_time(connection, event.event_id):
                await self._release(connection, event.order_id)

        await self._postgres.transact(work)

    async def sweep(self) -> int:
        """Let go of reservations whose time is up; how many there were, at most some at once."""
        rows = await self._postgres.fetch(
            f"{RESERVATION} WHERE status = 'held' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1",
            SWEPT_AT_ONCE,
        )
        for row in rows:
            await self._expire(row["order_id"])
        return len(rows)

    async def _expire(self, order_id: str) -> None:
        async def work(connection: Connection) -> None:
            found = await self._find(connection, order_id)
            if (
                found is not None
                and found.status == "held"
                and await self._turn(connection, order_id, found, "expired")
            ):
                await self._move(connection, found.items, RETURN_HELD)

        await self._postgres.transact(work)

    async def _find(self, connection: Connection, order_id: str) -> _Found | None:
        row = await connection.fetchrow(f"{RESERVATION} WHERE order_id = $1", order_id)
        return None if row is None else _Found(row["status"], json.loads(row["items"]), row["version"], row["late"])

    async def _turn(self, connection: Connection, order_id: str, found: _Found, to: Step) -> bool:
        """Change a reservation if it is still as it was found; False when somebody was faster, or its time is up."""
        return bool(await connection.fetchval(TURN[to], order_id, found.version))

    async def _move(self, connection: Connection, items: dict[str, int], how: tuple[int, int, int]) -> None:
        """Move stock between available, reserved and sold; Refused 409 (and so nothing) when any of it is short."""
        moved = await connection.fetch(MOVE, json.dumps(items), *how)
        if len(moved) < len(items):
            short = sorted(set(items) - {row["sku"] for row in moved})
            raise conflict(f"out of stock: {', '.join(short)}")


def _through(order_id: str, status: str) -> Exception:
    return conflict(f"the reservation of order {order_id} {'was released' if status == 'released' else 'has expired'}")


def _too_busy(order_id: str) -> Exception:
    return Unavailable("postgres", f"the reservation of order {order_id} changes too often", sent=False)
