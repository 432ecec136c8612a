"""PostgreSQL behind an unreliable line: nothing waits for ever, broken connections are dropped, trouble is a 503."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias, TypeVar

import asyncpg

from kit import deadline
from kit.breaker import Breaker, Rule
from kit.budget import jittered
from kit.trouble import Trouble, Unavailable

Result = TypeVar("Result")
Connection: TypeAlias = asyncpg.Connection
LIMIT_S = 1.0
"""The longest that one piece of work may take, with waiting for a connection and making one."""
CONNECTIONS = 6
REPLY_S = 0.015
"""What is kept of the request's time to tell the caller that the store is away."""
FAIR_S = 0.1
"""Work that had a connection for less time than this says nothing about the store when its time runs out."""
_SESSION = {
    "application_name": "shop",
    "jit": "off",
    # A backend whose client is cut off must not hold locks: the fault proxy may keep its connection open.
    "statement_timeout": "1500",
    "lock_timeout": "800",
    "idle_in_transaction_session_timeout": "1500",
}
_OURS = ("22", "23", "42")
"""Classes of SQLSTATE that tell of a mistake in the statement, not of trouble with the store."""
log = logging.getLogger(__name__)


class Postgres:
    """A service's own database: a small pool, a breaker, and one way to use both."""

    name = "postgres"

    def __init__(self, dsn: str, schema: str) -> None:
        self._dsn = dsn
        self._schema = schema
        self._idle: list[asyncpg.Connection] = []
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._breaker = Breaker(Rule(reset_s=0.5))
        self.prepared = False

    @property
    def away(self) -> bool:
        """Whether work would be refused at once, since the breaker is open."""
        return not self._breaker.admits

    async def prepare(self) -> None:
        """Create the tables and the seed, trying until it works."""
        attempt = 0
        while not self.prepared:
            try:
                await self._guarded(self._create, limit_s=10.0)
                self.prepared = True
            except (Trouble, asyncpg.PostgresError) as error:
                attempt += 1
                log.warning("the schema is not ready: %s", error)
                await asyncio.sleep(0.1 + jittered(attempt, first_s=0.1, most_s=0.5))

    async def _create(self, connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '8s'")
            # Two instances may start at once, and CREATE IF NOT EXISTS is not safe against that.
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
            await connection.execute(self._schema)

    async def close(self) -> None:
        """Drop all connections."""
        while self._idle:
            self._idle.pop().terminate()

    async def ready(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            Unavailable: it gives none.
        """
        await self.fetchval("SELECT 1")

    async def fetch(self, sql: str, *values: object) -> list[Any]:
        """The rows of one statement; raises Unavailable."""
        rows: list[Any] = await self.run(lambda connection: connection.fetch(sql, *values))
        return rows

    async def fetchrow(self, sql: str, *values: object) -> Any:
        """The first row of one statement or None; raises Unavailable."""
        return await self.run(lambda connection: connection.fetchrow(sql, *values))

    async def fetchval(self, sql: str, *values: object) -> Any:
        """The first value of one statement or None; raises Unavailable."""
        return await self.run(lambda connection: connection.fetchval(sql, *values))

    async def run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do some work, which must be safe to do twice: a connection that was lost is tried again once.

        Raises:
            Unavailable: the database can't be had within the request's deadline.
            Trouble: whatever of our own the work raises.
        """
        if not self.prepared:
            raise Unavailable(self.name, "its tables are not ready yet", sent=False)
        try:
            return await self._guarded(work, LIMIT_S)
        except LostConnection:
            return await self._guarded(work, LIMIT_S)

    async def transact(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """As `run`, all or nothing."""

        async def wrapped(connection: Connection) -> Result:
            async with connection.transaction():
                return await work(connection)

        return await self.run(wrapped)

    async def _guarded(self, work: Callable[[Connection], Awaitable[Result]], limit_s: float) -> Result:
        left_s = deadline.current(limit_s).left_s() - REPLY_S
        ticket = self._breaker.admit()
        if ticket is None:
            raise Unavailable(self.name, "the circuit breaker is open", sent=False)
        asked_at = None
        with ticket:
            try:
                async with asyncio.timeout(max(0.0, left_s)), self._slots:
                    asked_at = time.monotonic()
                    async with self._connection() as connection:
                        result = await work(connection)
            except Trouble:
                ticket.good()
                raise
            except TimeoutError:
                if asked_at is not None and time.monotonic() - asked_at >= FAIR_S:
                    ticket.bad()
                raise Unavailable(self.name, f"no answer within {left_s * 1000:.0f} ms", sent=True) from None
            except asyncpg.PostgresError as error:
                if (error.sqlstate or "").startswith(_OURS):
                    raise
                ticket.bad()
                raise _unavailable(error) from error
            except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, EOFError, ValueError) as error:
                ticket.bad()
                raise LostConnection(self.name, f"the connection failed ({type(error).__name__})", sent=True) from error
            ticket.good()
            return result

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that works as far as one can tell; after any error it is dropped, not repaired."""
        connection = await self._take()
        try:
            yield connection
        except Trouble:
            # Our own refusal inside of a transaction, which has been rolled back by now.
            self._put(connection)
            raise
        except BaseException:
            connection.terminate()
            raise
        self._put(connection)

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            with suppress(Exception):  # only to free what is left of a connection that is closed already
                connection.terminate()
        return await asyncpg.connect(
            self._dsn, ssl=False, timeout=LIMIT_S, command_timeout=2 * LIMIT_S, server_settings=_SESSION
        )

    def _put(self, connection: asyncpg.Connection) -> None:
        if connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        return {"breaker": self._breaker.state, "opened": self._breaker.opened, "prepared": self.prepared}


class LostConnection(Unavailable):
    """The connection was gone or broke under the work."""


def _unavailable(error: asyncpg.PostgresError) -> Unavailable:
    """Sort out what a new connection may cure from what it won't."""
    kind = LostConnection if isinstance(error, asyncpg.PostgresConnectionError) else Unavailable
    return kind("postgres", f"it said {type(error).__name__}", sent=True)
