"""The inbox: which events have taken effect, noted with the effect itself, so that each has it once."""

from __future__ import annotations

from kit.postgres import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
    event_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS inbox_age ON inbox (at);
"""
REMEMBER_S = 8 * 24 * 3600
"""How long an event is known; a day longer than the bus keeps it."""
# Each event that is added takes up to two with it that are too old: the table stays bounded without a job for that.
_FIRST = f"""
old AS (
    SELECT event_id FROM inbox WHERE at < now() - interval '{REMEMBER_S} seconds'
    ORDER BY at LIMIT {{}} FOR UPDATE SKIP LOCKED
), forgotten AS (DELETE FROM inbox USING old WHERE inbox.event_id = old.event_id),
first AS (INSERT INTO inbox (event_id) {{}} ON CONFLICT DO NOTHING RETURNING event_id)
"""  # noqa: S608 -- a constant
FIRST = _FIRST.format(2, "VALUES ($1)")
"""Begins the `WITH` of a statement that notes the event `$1` and takes effect at once, if it selects from `first`."""
FIRSTS = _FIRST.format("2 * cardinality($1::uuid[])", "SELECT DISTINCT unnest($1::uuid[]) ORDER BY 1")
"""As `FIRST`, for the events `$1`; each that is new is in `first`, once though it may have come twice."""
_FIRST_TIME = f"WITH {FIRST} SELECT true FROM first"  # noqa: S608 -- a constant


async def first_time(connection: Connection, event_id: str) -> bool:
    """Note an event in the consumer's transaction; False when it has taken effect before."""
    return bool(await connection.fetchval(_FIRST_TIME, event_id))
