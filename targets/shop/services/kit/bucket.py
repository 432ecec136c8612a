"""A replicated key-value bucket on several NATS nodes: any node that answers will do, a majority must agree."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from kit import deadline
from kit.breaker import Breaker, Rule
from kit.trouble import Trouble, Unavailable

Result = TypeVar("Result")
LIMIT_S = 1.0
"""The longest that one piece of work may take, on however many nodes it is tried."""
ATTEMPT_S = 0.25
"""The longest wait for one node to connect, and for its answer; then the next one is asked."""
LONGEST_S = 10.0
PEEK_S = 0.3
"""The longest wait for any one replica, when there is no leader."""
MOST_PAUSE_S = 0.01
"""The longest pause before somebody who was too late tries again."""
SHARE_OF_ONE_NODE = 0.45
"""Whoever has less time than usual must be able to ask a second node too."""
PAUSE_S = 0.03
"""Between two attempts: a cluster without a leader says so at once, and would be asked in a tight loop."""
MAKING_S = 1.0
"""The longest wait for the cluster to make the bucket on its nodes."""
REPLY_S = 0.015
"""What is kept of the request's time to tell the caller that the bucket is away."""
SHORT_OF_TIME_S = 0.1
"""Work that was given less time than this says nothing about the bucket when it runs out."""
WRONG_REVISION = (10071, 10164)
_TROUBLES = (nats.errors.Error, OSError, TimeoutError, EOFError, ValueError)
log = logging.getLogger(__name__)


class Conflict(Trouble):
    """Somebody else has written this key meanwhile; read it again."""

    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What stands under a key, and the revision that says when it was written."""

    value: bytes
    revision: int


class Bucket:
    """A bucket, made when first used; each method raises Unavailable when no majority answers in time.

    The nodes are asked in the given order, own zone first; it stays with the one that answers. Only the given
    addresses are used, never those that the nodes tell of one another. A read is answered by the leader and may still
    be old for a moment after an election: only `create` and `update`, which compare revisions, can be relied on.
    """

    name = "bucket"

    def __init__(  # noqa: PLR0913 -- the last two have defaults
        self,
        urls: Sequence[str],
        bucket: str,
        client_name: str,
        replicas: int = 3,
        *,
        limit_s: float = LIMIT_S,
        share: float = 1.0,
    ) -> None:
        """No piece of work takes longer than `limit_s`, nor than this share of the time that its request has left."""
        self._limit_s = limit_s
        self._share = share
        self._urls = tuple(urls)
        self._client_name = client_name
        self._subjects = f"$KV.{bucket}."
        self._config = StreamConfig(
            name=f"KV_{bucket}",
            subjects=[f"{self._subjects}>"],
            num_replicas=replicas,
            storage=StorageType.FILE,
            max_msgs_per_subject=1,
            max_bytes=64 * 1024 * 1024,
            max_msg_size=64 * 1024,
            duplicate_window=30,
            allow_direct=True,
        )
        self._breaker = Breaker(Rule(calls=6, least=3, reset_s=0.5))
        self._node = 0
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._connecting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self.made = False
        self.moves = 0
        self.conflicts = 0

    async def get(self, key: str) -> Entry | None:
        """What stands under a key, or None."""
        return await self._run(lambda stream: self._read(stream, key, direct=False))

    async def peek(self, key: str) -> Entry | None:
        """What some replica has under a key, perhaps an old value: for when there is no leader."""
        limit_s = min(PEEK_S, deadline.current(PEEK_S).left_s() * self._share)
        try:
            return await self._within(limit_s, lambda stream: self._read(stream, key, direct=True))
        except TimeoutError:
            raise Unavailable(self.name, f"no replica within {limit_s * 1000:.0f} ms", sent=True) from None

    async def change(self, key: str, to: Callable[[bytes | None], bytes]) -> Entry:
        """Write what `to` makes of the present value, again from the start whenever somebody else was faster."""

        async def work(stream: JetStreamContext) -> Entry:
            while True:
                found = await self._read(stream, key, direct=False)
                value = to(None if found is None else found.value)
                if found is not None and found.value == value:
                    return found
                try:
                    written = await self._write(stream, key, value, 0 if found is None else found.revision)
                except Conflict:
                    self.conflicts += 1
                    await asyncio.sleep(random.random() * MOST_PAUSE_S)  # noqa: S311 -- not a secret
                else:
                    return Entry(value=value, revision=written)

        return await self._run(work)

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that has no value yet; the revision, or Conflict."""
        return await self.update(key, value, 0)

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key that still has this revision; the new one, or Conflict."""
        # The same id on every node: an attempt that succeeded without our knowing isn't taken for somebody else's.
        message_id = uuid.uuid4().hex
        return await self._run(lambda stream: self._write(stream, key, value, revision, message_id))

    async def _read(self, stream: JetStreamContext, key: str, *, direct: bool) -> Entry | None:
        try:
            found = await stream.get_msg(str(self._config.name), subject=self._subjects + key, direct=direct)
        except NotFoundError:
            return None
        return Entry(value=found.data or b"", revision=found.seq or 0)

    async def _write(
        self, stream: JetStreamContext, key: str, value: bytes, revision: int, message_id: str | None = None
    ) -> int:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
        if message_id is not None:
            headers["Nats-Msg-Id"] = message_id
        try:
            written = await stream.publish(self._subjects + key, value, timeout=ATTEMPT_S, headers=headers)
        except BadRequestError as error:
            if error.err_code in WRONG_REVISION:
                raise Conflict(f"{key} is no longer at revision {revision}") from error
            raise
        return written.seq

    async def delete(self, key: str) -> None:
        """Remove a key and what stood under it."""
        await self._run(lambda stream: stream.purge_stream(str(self._config.name), subject=self._subjects + key))

    async def keys(self) -> list[str]:
        """All keys, sorted."""

        async def work(stream: JetStreamContext) -> list[str]:
            info = await stream.stream_info(str(self._config.name), subjects_filter=f"{self._subjects}>")
            return sorted(subject.removeprefix(self._subjects) for subject in info.state.subjects or {})

        return await self._run(work)

    async def ready(self) -> None:
        """Ask for a sign of life; raises Unavailable."""
        await self._run(lambda stream: stream.stream_info(str(self._config.name)))

    async def close(self) -> None:
        """Close the connection."""
        self._drop()
        for task in list(self._closing):
            await task

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        return {
            "breaker": self._breaker.state,
            "opened": self._breaker.opened,
            "connected": self._client is not None and self._client.is_connected,
            "node": self._node + 1,
            "moves": self.moves,
            "conflicts": self.conflicts,
            "made": self.made,
        }

    async def _run(self, work: Callable[[JetStreamContext], Awaitable[Result]]) -> Result:
        """Do some work on any node, within the request's deadline; it must be safe to do twice."""
        left_s = min(self._limit_s, deadline.current(LONGEST_S).left_s() * self._share) - REPLY_S
        ticket = self._breaker.admit()
        if ticket is None:
            raise Unavailable(self.name, "the circuit breaker is open", sent=False)
        with ticket:
            try:
                result = await self._within(left_s, work)
            except TimeoutError:
                if left_s >= SHORT_OF_TIME_S:
                    ticket.bad()
                raise Unavailable(self.name, f"no majority within {left_s * 1000:.0f} ms", sent=True) from None
            except Trouble:
                ticket.good()
                raise
            ticket.good()
            return result

    async def _within(self, limit_s: float, work: Callable[[JetStreamContext], Awaitable[Result]]) -> Result:
        """Ask one node after the other; TimeoutError when none has answered in time."""
        attempt_s = min(ATTEMPT_S, limit_s * SHARE_OF_ONE_NODE)
        async with asyncio.timeout(max(0.0, limit_s)) as limit:
            while not limit.expired():  # the library may take our being cancelled for its own doing, and go on
                try:
                    client, stream = await self._connected()
                    try:
                        async with asyncio.timeout(attempt_s):
                            return await work(stream)
                    except _TROUBLES:
                        self._move(client)
                        raise
                except _TROUBLES as error:
                    log.debug("a node of the bucket: %r", error)
                await asyncio.sleep(PAUSE_S)
        raise TimeoutError

    async def _connected(self) -> tuple[Client, JetStreamContext]:
        """The connection that there is, or a new one to the node whose turn it is."""
        async with self._connecting:
            if self._client is not None and self._client.is_connected and self._stream is not None:
                return self._client, self._stream
            self._drop()
            client = self._client = Client()
            try:
                self._stream = await self._connect(client)
            except BaseException:
                self._move(client)
                raise
            return client, self._stream

    async def _connect(self, client: Client) -> JetStreamContext:
        async with asyncio.timeout(ATTEMPT_S):
            # Reconnecting is done here: the library's own waits are long, and it would follow the addresses that
            # the nodes tell it, past the ones we were given.
            await client.connect(
                self._urls[self._node],
                name=self._client_name,
                allow_reconnect=False,
                connect_timeout=1,
                error_cb=_ignore,
                ping_interval=5,
            )
        if not self.made:
            await self._make(client.jetstream(timeout=MAKING_S))
        return client.jetstream(timeout=ATTEMPT_S)

    async def _make(self, stream: JetStreamContext) -> None:
        """Make the bucket unless it is there; others may do so at the same time."""
        try:
            await stream.stream_info(str(self._config.name))
        except NotFoundError:
            await stream.add_stream(self._config)
        self.made = True

    def _move(self, failed: Client) -> None:
        """Go to the next node, unless another call, which failed on the same connection, has done so already."""
        if failed is self._client:
            self._drop()
            self._node = (self._node + 1) % len(self._urls)
            self.moves += 1

    def _drop(self) -> None:
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            task = asyncio.create_task(_close(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def own_zone_first(urls: Sequence[str], zone: str) -> tuple[str, ...]:
    """The nodes, given in the order of the zones a, b, c, turned round so that the one in this zone comes first."""
    start = max(0, "abc".find(zone)) % max(1, len(urls))
    return (*urls[start:], *urls[:start])


async def _close(client: Client) -> None:
    """Close a connection that may be dead: it is given a moment, whatever it says is of no interest any more."""
    with suppress(*_TROUBLES, AttributeError):
        async with asyncio.timeout(ATTEMPT_S):
            await client.close()


async def _ignore(error: Exception) -> None:
    """Every error also reaches the call that it belongs to; those without one are told in debug logs only."""
    log.debug("the bucket's connection says %r", error)
