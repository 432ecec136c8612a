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
MOVE = """
WITH wanted AS (SELECT key AS sku, value::int AS quantity FROM jsonb_each_text($1::jsonb)),
     locked AS (SELECT sku FROM stock WHERE sku IN (SELECT sku FROM wanted) ORDER BY sku FOR UPDATE)
UPDATE stock SET available = available + w.quantity * $2, reserved = reserved + w.quantity * $3,
                 sold = sold + w.quantity * $4
FROM locked JOIN wanted AS w USING (sku)
WHERE stock.sku = locked.sku AND available + w.quantity * $2 >= 0
RETURNING stock.sku
"""
HOLD = (-1, 1, 0)
SELL = (0, -1, 1)
RETURN_HELD = (1, -1, 0)
RETURN_SOLD = (1, 0, -1)

Step: TypeAlias = Literal["confirmed", "placed", "released", "expired"]
"""`placed` confirms too, but late as well: an order that has been paid is sold, whatever the time is."""
_TURN = (
    "UPDATE reservations SET status = '{}', version = version + 1 WHERE order_id = $1 AND version = $2{} RETURNING 1"
)
# One conditional statement decides between a confirmation and an expiry, by the database's clock.
TURN: dict[Step, str] = {
    "confirmed": _TURN.format("confirmed", " AND status = 'held' AND expires_at > clock_timestamp()"),
    "placed": _TURN.format("confirmed", ""),
    "released": _TURN.format("released", ""),
    "expired": _TURN.format("expired", " AND status = 'held' AND expires_at <= clock_timestamp()"),
}
