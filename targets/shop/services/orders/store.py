"""Orders as their histories, in orders' own database; each change is one statement, so all or nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kit import defects, outbox
from kit.postgres import Postgres
from kit.trouble import conflict, not_found

from orders import facts
from orders.events import news
from orders.facts import Fact, OrderAccepted
from orders.listing import Listed
from orders.models import Happened, History, Order, OrderPage, OrderRequest
from orders.saga import Recorded, Saga, after, begin, fold

# `order_events` is the only truth about an order; `orders` is what one looks up by something else than its id.
# `transaction` lets readers follow the events without missing those that commit later than their successors.
SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    order_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    payload_hash text NOT NULL,
    open boolean NOT NULL DEFAULT true,
    UNIQUE (customer_id, idempotency_key)
);
CREATE INDEX IF NOT EXISTS orders_open ON orders (seq) WHERE open;
CREATE TABLE IF NOT EXISTS order_events (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    fact_id uuid NOT NULL,
    order_id uuid NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    schema_version integer NOT NULL,
    payload jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, version)
);
CREATE INDEX IF NOT EXISTS order_events_followed ON order_events (transaction, seq);
"""
EVENT = "order_id::text, version, type, schema_version, payload, at"
_COLUMNS = "order_events (fact_id, order_id, version, type, schema_version, payload, at)"
_ADD = f"""
WITH added AS (
    INSERT INTO orders (order_id, customer_id, idempotency_key, payload_hash) VALUES ($2, $8, $9, $10)
    ON CONFLICT DO NOTHING RETURNING order_id
)
INSERT INTO {_COLUMNS} SELECT $1, order_id, $3, $4, $5, $6, $7 FROM added RETURNING true
"""  # noqa: S608 -- a constant
_APPEND = f"INSERT INTO {_COLUMNS} VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"  # noqa: S608 -- a constant
_APPEND_OPEN = (
    f"WITH added AS ({_APPEND} RETURNING order_id)"  # noqa: S608 -- a constant
    " UPDATE orders SET open = true FROM added WHERE orders.order_id = added.order_id RETURNING true"
)
_APPEND_CLOSE = (
    f"WITH added AS ({_APPEND} RETURNING order_id),"  # noqa: S608 -- constants
    " closed AS (UPDATE orders SET open = false FROM added WHERE orders.order_id = added.order_id)"
    f" INSERT INTO {outbox.COLUMNS} SELECT $8, $9, $10, $11 FROM added RETURNING true"
)
SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A fact to be put on record; its id tells it from another's fact of the same version."""

    fact_id: str
    fact: Fact
    at: float


def entry(fact: Fact) -> Entry:
    """A fact of now."""
    return Entry(fact_id=str(uuid.uuid4()), fact=fact, at=time.time())


class Orders:
    """Reads and writes the histories of orders."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._listed = Listed()

    async def add(self, customer_id: str, wanted: OrderRequest, key: str) -> tuple[Saga, bool]:
        """Put a new order on record, or find the one that this key made; tells whether it's new.

        Raises:
            Refused: 409 when the customer has used the key for another order.
            Unavailable: the database is away; the order may be on record.
        """
        fingerprint = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()
        order_id = str(uuid.uuid4())
        accepted = OrderAccepted(
            customer_id=customer_id, items=tuple(wanted.items), card_token=wanted.card_token, currency="EUR"
        )
        new = entry(accepted)
        values = _values(order_id, 1, new)
        if await self._postgres.fetchval(_ADD, *values, customer_id, key, fingerprint):
            return begin(order_id, Recorded(version=1, at=new.at, fact=accepted)), True
        row = await self._postgres.fetchrow(
            "SELECT order_id::text, payload_hash FROM orders WHERE customer_id = $1 AND idempotency_key = $2",
            customer_id,
            key,
        )
        if row is None or (row["payload_hash"] != fingerprint and not defects.on("key-other-payload")):
            raise conflict("the idempotency key was used for another order")
        # It may be ours after all, when the answer to its insertion was lost.
        return await self.saga(row["order_id"]), row["order_id"] == order_id

    async def knows(self, customer_id: str, key: str) -> bool:
        """Whether the customer has made an order by this key."""
        sql = "SELECT true FROM orders WHERE customer_id = $1 AND idempotency_key = $2"
        return bool(await self._postgres.fetchval(sql, customer_id, key))

    async def saga(self, order_id: str, customer_id: str | None = None) -> Saga:
        """An order as it is now; Refused 404 when there is none, or not of that customer."""
        history = await self._history(order_id)
        saga = fold(order_id, [recorded(row) for row in history]) if history else None
        if saga is None or customer_id not in {None, saga.customer_id}:
            raise not_found(f"order {order_id}")
        return saga

    async def read(self, order_id: str, customer_id: str | None) -> Order:
        """One order, or Refused 404."""
        saga = await self.saga(order_id, customer_id)
        return Order(
            order_id=order_id,
            customer_id=saga.customer_id,
            status=saga.status,
            reason=saga.reason,
            total_cents=saga.total_cents,
            items=list(saga.items),
            degraded=list(saga.without),
        )

    async def history(self, order_id: str, customer_id: str | None) -> History:
        """All that happened to one order, or Refused 404."""
        await self.saga(order_id, customer_id)
        rows = await self._history(order_id)
        return History(order_id=order_id, items=[_happened(row) for row in rows])

    async def page(self, after_seq: int, limit: int) -> OrderPage:
        """The orders after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(
            "SELECT seq, order_id::text, (SELECT max(version) FROM order_events AS e"
            " WHERE e.order_id = orders.order_id) AS version FROM orders WHERE seq > $1 ORDER BY seq LIMIT $2",
            after_seq,
            limit + 1,
        )
        versions = {row["order_id"]: row["version"] for row in rows[:limit]}
        listed = self._listed.as_of(versions)
        new = histories(await self._events([order_id for order_id in versions if order_id not in listed]))
        listed |= {order_id: self._listed.keep(order_id, history) for order_id, history in new.items()}
        more = f"/orders?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return OrderPage(items=[listed[order_id] for order_id in versions], next=more)

    async def left(self, quiet_s: float) -> list[str]:
        """The oldest orders that have not come to their end, and to which nothing has happened for so long."""
        rows = await self._postgres.fetch(
            "SELECT order_id::text FROM orders WHERE open AND NOT EXISTS (SELECT FROM order_events AS e"
            " WHERE e.order_id = orders.order_id AND e.at > $1) ORDER BY seq LIMIT $2",
            _moment(time.time() - quiet_s),
            SWEPT_AT_ONCE,
        )
        return [row["order_id"] for row in rows]

    async def append(self, saga: Saga, new: Entry) -> Saga | None:
        """Put the next fact on record, with the event for the others when it is the last; safe to repeat.

        Gives the state after it, or None when somebody else has added another fact.
        """
        now = after(saga, Recorded(version=saga.version + 1, at=new.at, fact=new.fact))
        values = _values(saga.order_id, now.version, new)
        event = news(now)
        if event is not None:
            added = await self._postgres.fetchval(_APPEND_CLOSE, *values, *outbox.row(*event))
        elif news(saga) is not None:
            added = await self._postgres.fetchval(_APPEND_OPEN, *values)
        else:
            added = await self._postgres.fetchval(f"{_APPEND} RETURNING true", *values)
        return now if added or await self._is_ours(saga.order_id, now.version, new) else None

    async def _is_ours(self, order_id: str, version: int, new: Entry) -> bool:
        """Whether that version was added by ourselves, when the answer was lost."""
        sql = "SELECT fact_id = $3 FROM order_events WHERE order_id = $1 AND version = $2"
        return bool(await self._postgres.fetchval(sql, order_id, version, new.fact_id))

    async def _history(self, order_id: str) -> list[Any]:
        return await self._postgres.fetch(
            f"SELECT {EVENT} FROM order_events WHERE order_id = $1 ORDER BY version",  # noqa: S608 -- a constant
            order_id,
        )

    async def _events(self, order_ids: list[str]) -> list[Any]:
        return await self._postgres.fetch(
            f"SELECT {EVENT} FROM order_events WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, version",  # noqa: S608 -- a constant
            order_ids,
        )


def recorded(row: Any) -> Recorded:
    """A fact from its row."""
    fact = facts.read(row["type"], row["schema_version"], row["payload"])
    return Recorded(version=row["version"], at=row["at"].timestamp(), fact=fact)


def histories(rows: Iterable[Any]) -> dict[str, list[Recorded]]:
    """The histories of orders from the rows of their facts, sorted by order and version."""
    by_order = groupby(rows, key=lambda row: str(row["order_id"]))
    return {order_id: [recorded(row) for row in history] for order_id, history in by_order}


def _values(order_id: str, version: int, new: Entry) -> tuple[object, ...]:
    name, schema_version, payload = facts.stored(new.fact)
    return new.fact_id, order_id, version, name, schema_version, payload, _moment(new.at)


def _moment(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, tz=dt.UTC)


def _happened(row: Any) -> Happened:
    """A fact for people; the card's token stays here."""
    fact = recorded(row).fact
    detail = None
    match fact:
        case facts.OrderGivenUp():
            detail = f"{fact.reason}; to be undone: {', '.join(fact.undo) or 'nothing'}"
        case facts.OrderFlagged():
            detail = fact.why
        case facts.TakenUp():
            detail = fact.by
        case facts.StepDone() if fact.without:
            detail = f"without {', '.join(fact.without)}"
        case _:
            pass
    return Happened(
        version=row["version"],
        at=row["at"].isoformat(timespec="milliseconds"),
        type=row["type"],
        schema_version=row["schema_version"],
        step=fact.step if isinstance(fact, facts.StepDone | facts.StepUndone) else None,
        detail=detail,
    )
