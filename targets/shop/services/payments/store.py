"""The ledger in payments' own database: charges are only ever added, refunds are entries beside them."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid

from kit import defects, outbox
from kit.postgres import Connection, Postgres
from kit.trouble import Refused, conflict, not_found

from payments.events import SUBJECT, payment_received
from payments.models import Charge, ChargeRequest, LedgerEntry, LedgerPage, Refund

DECLINED = "tok-declined"
"""Card tokens that begin like this are declined, always."""
# One command at a time for an order: neither a charge nor a refund may miss the other one. What follows in the same
# transaction sees what was committed before the lock was had.
_LOCK = "{} pg_advisory_xact_lock(hashtextextended({}, 0))"
SCHEMA = f"""
{outbox.SCHEMA}
CREATE TABLE IF NOT EXISTS charges (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    charge_id uuid PRIMARY KEY,
    order_id uuid NOT NULL UNIQUE,
    idempotency_key text NOT NULL UNIQUE,
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    card_token text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS refunds (
    order_id uuid PRIMARY KEY,
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    at timestamptz NOT NULL DEFAULT now()
);
CREATE OR REPLACE FUNCTION charge_once(
    uuid, uuid, text, integer, text, timestamptz, uuid, text, text, text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    {_LOCK.format("PERFORM", "$2::text")};
    INSERT INTO charges (charge_id, order_id, idempotency_key, amount_cents, card_token, at)
    SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT FROM refunds WHERE order_id = $2) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO {outbox.COLUMNS} VALUES ($7, $8, $9, $10) ON CONFLICT (event_id) DO NOTHING;
        RETURN true;
    END IF;
    RETURN false;
END $$;
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON charges EXECUTE FUNCTION refuse();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refunds EXECUTE FUNCTION refuse();
"""  # noqa: S608 -- constants
_CHARGE = "SELECT charge_once($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_LEDGER = """
SELECT c.seq, c.charge_id::text, c.order_id::text, c.amount_cents, c.idempotency_key, r.order_id IS NOT NULL AS refunded
FROM charges AS c LEFT JOIN refunds AS r USING (order_id)
"""


class Ledger:
    """Charges and refunds."""

    def __init__(self, postgres: Postgres, wake: asyncio.Event) -> None:
        self._postgres = postgres
        self._wake = wake

    async def charge(self, wanted: ChargeRequest, key: str) -> Charge:
        """Charge a card once per key and per order.

        Raises:
            Refused: 402 when the card is declined; 409 when the key or the order was charged otherwise, or refunded.
        """
        if wanted.card_token.startswith(DECLINED):
            raise Refused(402, "the card was declined")
        charge_id, at = str(uuid.uuid4()), dt.datetime.now(dt.UTC)
        event = payment_received(wanted.order_id, wanted.amount_cents, at)
        values = (wanted.order_id, key, wanted.amount_cents, wanted.card_token, at, *outbox.row(SUBJECT, event))
        if not await self._postgres.fetchval(_CHARGE, charge_id, *values):
            charge_id = await self._again(wanted, key)
        self._wake.set()
        return Charge(
            charge_id=charge_id, order_id=wanted.order_id, amount_cents=wanted.amount_cents, status="captured"
        )

    async def _again(self, wanted: ChargeRequest, key: str) -> str:
        """The charge that was made before by the same request."""
        row = await self._postgres.fetchrow(
            "SELECT charge_id::text, order_id::text, amount_cents, card_token FROM charges WHERE idempotency_key = $1",
            key,
        )
        if row is None:
            raise conflict(f"order {wanted.order_id} was charged by another key, or was refunded before")
        if (row["order_id"], row["amount_cents"], row["card_token"]) != (
            wanted.order_id,
            wanted.amount_cents,
            wanted.card_token,
        ):
            raise conflict("the idempotency key was used for another charge")
        charge_id: str = row["charge_id"]
        return charge_id

    async def refund(self, order_id: str) -> Refund:
        """Give back what was charged; for an order without a charge leave a mark, so that a late one is refused."""

        async def work(connection: Connection) -> Refund:
            await connection.execute(_LOCK.format("SELECT", "$1"), order_id)
            await connection.execute(
                "INSERT INTO refunds (order_id, amount_cents)"
                " VALUES ($1, COALESCE((SELECT amount_cents FROM charges WHERE order_id = $1), 0))"
                " ON CONFLICT DO NOTHING",
                order_id,
            )
            amount = await connection.fetchval("SELECT amount_cents FROM refunds WHERE order_id = $1", order_id)
            return Refund(order_id=order_id, refunded_cents=amount)

        return await self._postgres.transact(work)

    async def read(self, charge_id: str) -> LedgerEntry:
        """One charge, or Refused 404."""
        row = await self._postgres.fetchrow(f"{_LEDGER} WHERE c.charge_id = $1", charge_id)
        if row is None:
            raise not_found(f"charge {charge_id}")
        return _entry(row)

    async def page(self, after: int, limit: int) -> LedgerPage:
        """The charges after this sequence number, at most `limit`."""
        start = defects.either("overflow-500", "$1::bigint::integer", "$1")
        rows = await self._postgres.fetch(f"{_LEDGER} WHERE c.seq > {start} ORDER BY c.seq LIMIT $2", after, limit + 1)
        more = f"/charges?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return LedgerPage(items=[_entry(row) for row in rows[:limit]], next=more)


def _entry(row: dict[str, object]) -> LedgerEntry:
    return LedgerEntry.model_validate({name: value for name, value in row.items() if name != "seq"})
