"""Scores in fraud's own database, one an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from kit import defects, inbox
from kit.postgres import Postgres
from kit.trouble import conflict

from fraud.models import OrderPlaced, Score, ScoredOrder, ScorePage, ScoreRequest
from fraud.rules import RECENT_S, Facts, decision, score

SCHEMA = f"""
{inbox.SCHEMA}
CREATE TABLE IF NOT EXISTS scores (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    order_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    total_cents integer NOT NULL,
    score integer NOT NULL,
    source text NOT NULL,
    placed integer NOT NULL DEFAULT 0,
    scored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS scores_customer ON scores (customer_id, scored_at);
"""
_COLUMNS = "order_id::text, customer_id::text, total_cents, score, source, placed"
_READ = f"SELECT {_COLUMNS} FROM scores WHERE order_id = $1"  # noqa: S608 -- a constant
_FACTS = """
SELECT count(*) FILTER (WHERE scored_at > now() - make_interval(secs => $2)) AS recent,
       count(*) FILTER (WHERE placed > 0) = 0 AS new_customer
FROM (SELECT scored_at, placed FROM scores WHERE customer_id = $1 ORDER BY scored_at DESC LIMIT 100) AS latest
"""
_ADD = f"""
INSERT INTO scores (order_id, customer_id, total_cents, score, source) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608 -- a constant
_SCORED = "SELECT order_id::text FROM scores WHERE order_id = ANY($1::uuid[])"
_PLACED = f"""
WITH {inbox.FIRSTS},
told AS (SELECT DISTINCT ON (event_id) * FROM unnest($1::uuid[], $2::uuid[]) AS t (event_id, order_id)),
new AS (SELECT order_id, count(*) AS times FROM told JOIN first USING (event_id) GROUP BY order_id)
UPDATE scores SET placed = placed + times FROM new WHERE scores.order_id = new.order_id
"""  # noqa: S608 -- a constant


class Scores:
    """What was scored, and which of it was placed."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def ask(self, wanted: ScoreRequest) -> Score:
        """The score of an order, the same whenever it is asked for.

        Raises:
            Refused: 409, the order was scored with another customer or total.
        """
        row = await self._scored(wanted, "call")
        if (row["customer_id"], row["total_cents"]) != (wanted.customer_id, wanted.total_cents):
            raise conflict(f"order {wanted.order_id} was scored with another customer or total")
        return Score(order_id=wanted.order_id, score=row["score"], decision=decision(row["score"]))

    async def learn(self, event: OrderPlaced) -> None:
        """As `learn_all`."""
        await self.learn_all([event])

    async def learn_all(self, events: Sequence[OrderPlaced]) -> None:
        """Take note that orders were placed; those that nobody could ask about before are scored now."""
        order_ids = [event.order_id for event in events]
        scored = {row["order_id"] for row in await self._postgres.fetch(_SCORED, order_ids)}
        for event in events:
            if event.order_id not in scored:
                order = ScoreRequest(
                    order_id=event.order_id, customer_id=event.customer_id, total_cents=event.total_cents
                )
                await self._scored(order, "event")
        await self._postgres.fetch(defects.forgetful(_PLACED), [event.event_id for event in events], order_ids)

    async def page(self, after: int, limit: int) -> ScorePage:
        """The scores after this sequence number, at most `limit`."""
        rows = await self._postgres.fetch(
            f"SELECT seq, {_COLUMNS} FROM scores WHERE seq > $1 ORDER BY seq LIMIT $2",  # noqa: S608 -- a constant
            after,
            limit + 1,
        )
        more = f"/scores?after={rows[limit - 1]['seq']}&limit={limit}" if len(rows) > limit else None
        return ScorePage(items=[_item(row) for row in rows[:limit]], next=more)

    async def _scored(self, order: ScoreRequest, source: Literal["call", "event"]) -> Any:
        """The row of this order, made by the rules if there is none yet."""
        found = await self._postgres.fetchrow(_FACTS, order.customer_id, RECENT_S)
        facts = Facts(total_cents=order.total_cents, recent=found["recent"], new_customer=found["new_customer"])
        made = await self._postgres.fetchrow(
            _ADD, order.order_id, order.customer_id, order.total_cents, score(facts), source
        )
        return made or await self._postgres.fetchrow(_READ, order.order_id)


def _item(row: Any) -> ScoredOrder:
    values = {name: value for name, value in row.items() if name != "seq"}
    return ScoredOrder.model_validate({**values, "decision": decision(row["score"])})
