"""Mails in notifications' own database: first recorded, once per event, then written, however often it takes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kit import inbox
from kit.postgres import Postgres

from notifications.letters import Letter, letter
from notifications.models import Mail, MailPage, Told

_OWN = """
CREATE TABLE IF NOT EXISTS mails (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    event_id uuid PRIMARY KEY,
    event text NOT NULL,
    order_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    status text NOT NULL CHECK (status IN ('waiting', 'written', 'withheld'))
);
CREATE INDEX IF NOT EXISTS mails_waiting ON mails (seq) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS mails_cancelled ON mails (order_id) WHERE event = 'OrderCancelled';
"""
# A function, since each of its statements sees what was committed before it: one event of an order at a time, so that
# a cancellation is not missed because it is noted just now.
_RECORD_MAILS = f"""
CREATE OR REPLACE FUNCTION record_mails(uuid[], text[], uuid[], timestamptz[], text[], text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(key)
    FROM (SELECT DISTINCT hashtextextended(unnest($3)::text, 0) AS key ORDER BY key) AS orders;
    WITH {inbox.FIRSTS},
    told AS (
        SELECT DISTINCT ON (event_id) * FROM unnest($1, $2, $3, $4, $5, $6)
        WITH ORDINALITY AS t (event_id, event, order_id, occurred_at, subject, body, place) ORDER BY event_id, place
    )
    INSERT INTO mails (event_id, event, order_id, occurred_at, subject, body, status)
    SELECT event_id, event, order_id, occurred_at, subject, body,
           CASE WHEN EXISTS (SELECT FROM mails AS c WHERE c.order_id = told.order_id AND c.event = 'OrderCancelled')
                  OR EXISTS (SELECT FROM told AS c WHERE c.order_id = told.order_id AND c.event = 'OrderCancelled'
                                                     AND c.place < told.place)
                THEN 'withheld' ELSE 'waiting' END
    FROM told JOIN first USING (event_id) ORDER BY place;
END $$;
"""  # noqa: S608 -- constants
SCHEMA = _OWN + inbox.SCHEMA + _RECORD_MAILS
_LISTED = """
SELECT seq, event_id::text, event, order_id::text, subject, status,
       EXISTS (SELECT FROM mails AS c WHERE c.order_id = m.order_id AND c.event = 'OrderCancelled') AS order_cancelled
FROM mails AS m
"""
AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A mail that is to be written."""

    event_id: str
    order_id: str
    occurred_at: dt.datetime
    letter: Letter


class Mails:
    """Records what is to be mailed; once an order is cancelled, nothing but that is mailed about it any more."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.wake = asyncio.Event()
        """Set when there is something to write."""

    async def record(self, event: Told) -> None:
        """As `record_all`."""
        await self.record_all([event])

    async def record_all(self, events: Sequence[Told]) -> None:
        """Note the mails for events in their order, in the same transaction as the events themselves."""
        letters = [letter(event) for event in events]
        await self._postgres.fetch(
            "SELECT record_mails($1, $2, $3, $4, $5, $6)",
            [event.event_id for event in events],
            [type(event).__name__ for event in events],
            [event.order_id for event in events],
            [event.occurred_at for event in events],
            [content.subject for content in letters],
            [content.text for content in letters],
        )
        self.wake.set()

    async def waiting(self) -> list[Waiting]:
        """The next mails to be written, in the order in which they were recorded."""
        rows = await self._postgres.fetch(
            "SELECT event_id::text, order_id::text, occurred_at, subject, body FROM mails"
            " WHERE status = 'waiting' ORDER BY seq LIMIT $1",
            AT_ONCE,
        )
        return [
            Waiting(
                event_id=row["event_id"],
                order_id=row["order_id"],
                occurred_at=row["occurred_at"],
                letter=Letter(subject=row["subject"], text=row["body"]),
            )
            for row in rows
        ]

    async def written(self, event_ids: Sequence[str]) -> None:
        """These have been written."""
        await self._postgres.fetch(
            "UPDATE mails SET status = 'written' WHERE event_id = ANY($1::uuid[])", list(event_ids)
        )

    async def page(self, after: int, limit: int) -> MailPage:
        """The mails after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(f"{_LISTED} WHERE m.seq > $1 ORDER BY m.seq LIMIT $2", after, limit + 1)
        items = [Mail.model_validate({name: row[name] for name in Mail.model_fields}) for row in rows[:limit]]
        more = len(rows) > limit
        return MailPage(items=items, next=f"/mails?after={rows[limit - 1]['seq']}&limit={limit}" if more else None)
