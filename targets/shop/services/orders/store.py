"""Orders, their sagas and the outbox in orders' own database; each change is one statement, so all or nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
import uuid
from dataclasses import dataclass

from kit.postgres import Postgres
from kit.trouble import conflict, not_found
from kit.words import Line

from orders.models import ListedOrder, Order, OrderPage, OrderPlaced, OrderRequest
from orders.saga import Saga, Step

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    order_id uuid PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    payload_hash text NOT NULL,
    items jsonb NOT NULL,
    card_token text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'confirmed', 'refused')),
    reason text,
    total_cents integer,
    step text NOT NULL DEFAULT 'quote',
    step_since double precision NOT NULL,
    version integer NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS orders_pending ON orders (seq) WHERE status = 'pending';
CREATE TABLE IF NOT EXISTS outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    payload text NOT NULL,
    published boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (seq) WHERE NOT published;
"""
_SAGA = "SELECT order_id::text, items, card_token, step, step_since, version, total_cents, reason FROM orders"
_ORDER = "SELECT seq, order_id::text, status, reason, total_cents, items FROM orders"
_CHANGE = """
UPDATE orders SET status = $3, step = $4, step_since = $5, version = $6, total_cents = $7, reason = $8
WHERE order_id = $1 AND version = $2
"""
_CHANGE_WITH_EVENT = (
    f"WITH changed AS ({_CHANGE} RETURNING order_id)"  # noqa: S608 -- two constants
    " INSERT INTO outbox (event_id, payload) SELECT $9, $10 FROM changed RETURNING true"
)
SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An event that isn't known to be published."""

    seq: int
    event_id: str
    payload: str


class Orders:
    """Reads and writes orders."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, wanted: OrderRequest, key: str) -> Saga:
        """Put a new order on record, or find the one that this key made.

        Raises:
            Refused: 409 when the key was used for another order.
            Unavailable: the database is away; the order may be on record.
        """
        fingerprint = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()
        saga = Saga(
            order_id=str(uuid.uuid4()),
            items=tuple(wanted.items),
            card_token=wanted.card_token,
            step_since=time.time(),
        )
        added = await self._postgres.fetchval(
            "INSERT INTO orders (order_id, idempotency_key, payload_hash, items, card_token, step_since)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (idempotency_key) DO NOTHING RETURNING true",
            saga.order_id,
            key,
            fingerprint,
            json.dumps([item.model_dump() for item in wanted.items]),
            saga.card_token,
            saga.step_since,
        )
        return saga if added else await self._known(key, fingerprint)

    async def _known(self, key: str, fingerprint: str) -> Saga:
        row = await self._postgres.fetchrow(
            f"{_SAGA} WHERE idempotency_key = $1 AND payload_hash = $2", key, fingerprint
        )
        if row is None:
            raise conflict("the idempotency key was used for another order")
        return _saga(row)

    async def knows(self, key: str) -> bool:
        """Whether this key has made an order."""
        return bool(await self._postgres.fetchval("SELECT true FROM orders WHERE idempotency_key = $1", key))

    async def read(self, order_id: str) -> Order:
        """One order, or Refused 404."""
        row = await self._postgres.fetchrow(f"{_ORDER} WHERE order_id = $1", order_id)
        if row is None:
            raise not_found(f"order {order_id}")
        return Order(
            order_id=row["order_id"],
            status=row["status"],
            reason=row["reason"],
            total_cents=row["total_cents"],
            items=_lines(row["items"]),
            degraded=[],
        )

    async def page(self, after: int, limit: int) -> OrderPage:
        """The orders after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(f"{_ORDER} WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit + 1)
        items = [
            ListedOrder(
                order_id=row["order_id"],
                status=row["status"],
                total_cents=row["total_cents"],
                items=_lines(row["items"]),
                reason=row["reason"],
            )
            for row in rows[:limit]
        ]
        more = f"/orders?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return OrderPage(items=items, next=more)

    async def unfinished(self) -> list[Saga]:
        """The oldest orders that have not come to their end; of what was last tried with them nothing is known."""
        rows = await self._postgres.fetch(f"{_SAGA} WHERE status = 'pending' ORDER BY seq LIMIT $1", SWEPT_AT_ONCE)
        return [_saga(row) for row in rows]

    async def saga(self, order_id: str) -> Saga:
        """One saga as it is on record."""
        return _saga(await self._postgres.fetchrow(f"{_SAGA} WHERE order_id = $1", order_id))

    async def change(self, before: Saga, after: Saga) -> bool:
        """Record the next state, with its event when the order is confirmed; False when another runner was faster."""
        values = (
            before.order_id,
            before.version,
            after.status,
            after.step.value,
            after.step_since,
            after.version,
            after.total_cents,
            after.reason,
        )
        if after.status != "confirmed":
            return bool(await self._postgres.fetchval(f"{_CHANGE} RETURNING true", *values))
        event = order_placed(after)
        return bool(await self._postgres.fetchval(_CHANGE_WITH_EVENT, *values, event.event_id, event.model_dump_json()))

    async def waiting(self) -> list[Waiting]:
        """The oldest events that are not known to be published."""
        rows = await self._postgres.fetch(
            "SELECT seq, event_id::text, payload FROM outbox WHERE NOT published ORDER BY seq LIMIT 50"
        )
        return [Waiting(**row) for row in rows]

    async def published(self, seqs: list[int]) -> None:
        """Note that these events are on the bus."""
        await self._postgres.fetch("UPDATE outbox SET published = true WHERE seq = ANY($1::bigint[])", seqs)


def order_placed(saga: Saga) -> OrderPlaced:
    """The event of a confirmed order; its id follows from the order's, so that it stays the same when made twice."""
    if saga.total_cents is None:
        message = "expected a confirmed order to have a total"
        raise ValueError(message)
    return OrderPlaced(
        event_id=str(uuid.uuid5(uuid.UUID(saga.order_id), "OrderPlaced")),
        order_id=saga.order_id,
        occurred_at=dt.datetime.fromtimestamp(saga.step_since, tz=dt.UTC).isoformat(timespec="milliseconds"),
        items=list(saga.items),
        total_cents=saga.total_cents,
        currency="EUR",
    )


def _lines(text: str) -> list[Line]:
    return [Line(**item) for item in json.loads(text)]


def _saga(row: dict[str, object]) -> Saga:
    """A saga from its record; whoever left it there may have tried its step."""
    fields = dict(row.items())
    step = Step(str(fields.pop("step")))
    items = tuple(_lines(str(fields.pop("items"))))
    return Saga(**fields, step=step, items=items, tainted=True)  # type: ignore[arg-type]  # the row's columns are its fields
