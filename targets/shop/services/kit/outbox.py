"""The outbox: an event is stored with the change it tells of, and brought to the bus afterwards, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from kit import defects, trace
from kit.bus import Bus
from kit.postgres import Connection, Postgres
from kit.trouble import Unavailable
from kit.words import Strict, Uuid

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    subject text NOT NULL,
    payload text NOT NULL,
    traceparent text,
    published_at timestamptz
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (seq) WHERE published_at IS NULL;
"""
COLUMNS = "outbox (event_id, subject, payload, traceparent)"
"""What `row` fills, for those who store a change and its event in one statement."""
# One statement notes what went out and reads what comes next: each is a round trip.
_NEXT = """
WITH noted AS (UPDATE outbox SET published_at = now() WHERE seq = ANY($1::bigint[]))
SELECT seq, event_id::text, subject, payload, traceparent FROM outbox
WHERE published_at IS NULL AND seq <> ALL($1::bigint[]) ORDER BY seq LIMIT $2
"""
BATCH = 50
POLL_S = 1.0
PAUSE_S = 0.5
GENTLE_BATCH = 5
GENTLE_PAUSE_S = 0.25
"""What has waited for the bus goes out at this pace at first: each event makes work for several services, which
customers would have to wait for."""
TWICE_AS_FAST_S = 10.0
"""The pauses are half as long after each such time, so that all goes out in the end, whatever comes meanwhile."""
KEEP_S = 3600
"""How long a published event is kept, for those who wonder what was sent."""
PRUNE_EVERY_S = 60.0
PRUNED_AT_ONCE = 1000
log = logging.getLogger(__name__)


class Event(Strict):
    """What every event begins with; its id follows from what happened, so that it is the same when made twice."""

    event_id: Uuid
    occurred_at: str


def row(subject: str, event: Event) -> tuple[str, str, str, str | None]:
    """The values of `COLUMNS` for an event, which belongs to the trace of the work at hand."""
    return event.event_id, subject, event.model_dump_json(exclude=defects.lost()), trace.traceparent()


async def put(connection: Connection, subject: str, event: Event) -> None:
    """Store an event in the caller's transaction; once that is committed, set the outbox's `wake`."""
    await connection.execute(
        f"INSERT INTO {COLUMNS} VALUES ($1, $2, $3, $4) ON CONFLICT (event_id) DO NOTHING",  # noqa: S608 -- a constant
        *row(subject, event),
    )


async def put_all(connection: Connection, subject: str, events: Sequence[Event]) -> None:
    """As `put`, with one round trip for however many there are."""
    if not events:
        return
    await connection.execute(
        f"INSERT INTO {COLUMNS} SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])"  # noqa: S608 -- constants
        " ON CONFLICT (event_id) DO NOTHING",
        *map(list, zip(*(row(subject, event) for event in events), strict=True)),
    )


class Pace:
    """How fast events go out: all that wait, unless the bus was away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._been = False
        """Whether the bus was ever there: a start is no outage."""
        self._gentle = False
        self._since: float | None = None
        """When the first went out after the bus was away."""

    @property
    def batch(self) -> int:
        """How many go out at once."""
        return GENTLE_BATCH if self._gentle else BATCH

    def held_up(self) -> None:
        """The bus can't be had any more; what waits for it may be much by the time that it can."""
        self._gentle, self._since = self._been, None

    def sent(self) -> None:
        """Something went out."""
        self._been = True

    def pause_s(self, *, more: bool) -> float:
        """The pause after a batch that went out; with no more of them, what had waited is out."""
        if not self._gentle or not more:
            self._gentle = False
            return 0.0
        now = self._clock()
        self._since = now if self._since is None else self._since
        return float(GENTLE_PAUSE_S * 0.5 ** ((now - self._since) / TWICE_AS_FAST_S))


class Outbox:
    """Publishes what waits: at least once; of two relays at work, the bus ignores the slower.

    In order, unless the bus fails in the middle of a batch.
    """

    def __init__(self, postgres: Postgres, bus: Bus) -> None:
        self._postgres = postgres
        self._pace = Pace()
        self._bus = bus
        self._prune_at = 0.0
        self._published: list[int] = []
        """What is on the bus, and not yet noted to be."""
        self.wake = asyncio.Event()
        """Set it when there is something to publish; otherwise it's found a second later."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.wake.clear()
            try:
                more = await self._publish()
                await self._prune()
            except Unavailable as error:
                log.info("events wait in the outbox: %s", error)
                self._pace.held_up()
                await asyncio.sleep(PAUSE_S)
                continue
            await asyncio.sleep(self._pace.pause_s(more=more))
            if not more:
                try:
                    async with asyncio.timeout(POLL_S):
                        await self.wake.wait()
                except TimeoutError:
                    continue

    async def _publish(self) -> bool:
        """Note what the last batch has published and publish the next; True when there may be more.

        Whatever was published and not noted, because of a crash, is published again: the bus knows it by its id.
        """
        at_most = self._pace.batch
        waiting = await self._postgres.fetch(_NEXT, self._published, at_most)
        self._published = [event["seq"] for event in waiting] if defects.on("lost-event") else []
        sent = await asyncio.gather(*map(self._send, waiting), return_exceptions=True)
        for event, failed in zip(waiting, sent, strict=True):
            if failed is not None:
                raise failed
            self._published.append(event["seq"])
            self._pace.sent()
        return len(waiting) == at_most

    async def _send(self, event: Any) -> None:
        await self._bus.publish(event["subject"], event["payload"].encode(), event["event_id"], event["traceparent"])

    async def _prune(self) -> None:
        """Now and then forget what was published long ago."""
        if time.monotonic() < self._prune_at:
            return
        await self._postgres.fetch(
            "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox"
            " WHERE published_at < now() - make_interval(secs => $1) ORDER BY seq LIMIT $2)",
            KEEP_S,
            PRUNED_AT_ONCE,
        )
        self._prune_at = time.monotonic() + PRUNE_EVERY_S
