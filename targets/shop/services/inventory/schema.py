"""Inventory's tables, and the statements by which stock and reservations change."""

from __future__ import annotations

from typing import Literal, TypeAlias

from kit import inbox

# The last five products are sold out from the start, so that there is something to refuse.
_OWN = """
CREATE TABLE IF NOT EXISTS stock (
    sku text PRIMARY KEY,
    initial integer NOT NULL CHECK (initial >= 0),
    available integer NOT NULL CHECK (available >= 0),
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    sold integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    CHECK (initial = available + reserved + sold)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS reservations (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    order_id uuid PRIMARY KEY,
    reservation_id uuid NOT NULL,
    idempotency_key text,
    items jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('held', 'confirmed', 'released', 'expired')),
    version integer NOT NULL DEFAULT 1,
    expires_at timestamptz CHECK (expires_at IS NOT NULL OR status <> 'held')
);
CREATE INDEX IF NOT EXISTS reservations_held ON reservations (expires_at) WHERE status = 'held';
INSERT INTO stock (sku, initial, available)
SELECT 'sku-' || lpad(n::text, 4, '0'), stocked, stocked
FROM generate_series(1, 300) AS n, LATERAL (SELECT CASE WHEN n > 295 THEN 0 ELSE 1000000 END AS stocked) AS s
ON CONFLICT DO NOTHING;
"""
SCHEMA = _OWN + inbox.SCHEMA
STOCK = "SELECT sku, initial, available, reserved, sold FROM stock"
RESERVATION = """
SELECT seq, order_id::text, status, items, version, expires_at,
       COALESCE(status = 'held' AND expires_at <= clock_timestamp(), false) AS late
FROM reservations
"""
# Rows are locked in the order of their skus, so that two orders never wait for one another.
_LOCKED = "locked AS (SELECT sku, available FROM stock WHERE sku IN (SELECT sku FROM wanted) ORDER BY sku FOR UPDATE)"
MOVE = f"""
WITH wanted AS (SELECT key AS sku, value::int AS quantity FROM jsonb_each_text($1::jsonb)),
{_LOCKED}
UPDATE stock SET available = stock.available + w.quantity * $2, reserved = reserved + w.quantity * $3,
                 sold = sold + w.quantity * $4
FROM locked JOIN wanted AS w USING (sku)
WHERE stock.sku = locked.sku AND stock.available + w.quantity * $2 >= 0
RETURNING stock.sku
"""  # noqa: S608 -- a constant
# Nearly all reservations and confirmations: one statement each, which does nothing at all when anything is in the way.
RESERVE = f"""
WITH wanted AS (SELECT key AS sku, value::int AS quantity FROM jsonb_each_text($4::jsonb)),
{_LOCKED},
made AS (
    INSERT INTO reservations (order_id, reservation_id, idempotency_key, items, status, expires_at)
    SELECT $1, $2, $3, $4, 'held', clock_timestamp() + make_interval(secs => $5)
    WHERE NOT EXISTS (SELECT FROM wanted LEFT JOIN locked USING (sku) WHERE locked.sku IS NULL OR available < quantity)
    ON CONFLICT DO NOTHING RETURNING reservation_id::text, expires_at
),
moved AS (
    UPDATE stock SET available = stock.available - quantity, reserved = reserved + quantity
    FROM made, locked JOIN wanted USING (sku) WHERE stock.sku = locked.sku
)
SELECT reservation_id, expires_at FROM made
"""  # noqa: S608 -- a constant
# One conditional statement decides between a confirmation and an expiry, by the database's clock.
CONFIRM = f"""
WITH turned AS (
    UPDATE reservations SET status = 'confirmed', version = version + 1
    WHERE order_id = $1 AND status = 'held' AND expires_at > clock_timestamp() RETURNING items
),
wanted AS (SELECT key AS sku, value::int AS quantity FROM turned, jsonb_each_text(items)),
{_LOCKED},
moved AS (
    UPDATE stock SET reserved = reserved - quantity, sold = sold + quantity
    FROM locked JOIN wanted USING (sku) WHERE stock.sku = locked.sku
)
SELECT true FROM turned
"""  # noqa: S608 -- a constant
HOLD = (-1, 1, 0)
SELL = (0, -1, 1)
RETURN_HELD = (1, -1, 0)
RETURN_SOLD = (1, 0, -1)

Step: TypeAlias = Literal["placed", "released", "expired"]
"""`placed` confirms, however late it is: an order that has been paid is sold."""
_TURN = (
    "UPDATE reservations SET status = '{}', version = version + 1 WHERE order_id = $1 AND version = $2{} RETURNING 1"
)
TURN: dict[Step, str] = {
    "placed": _TURN.format("confirmed", ""),
    "released": _TURN.format("released", ""),
    "expired": _TURN.format("expired", " AND status = 'held' AND expires_at <= clock_timestamp()"),
}
