"""NATS JetStream behind an unreliable line: a connection that fails is dropped, and made anew by the next use."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Sequence
from contextlib import suppress

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError

from kit.trouble import Unavailable

STREAM = StreamConfig(
    name="SHOP", subjects=["shop.>"], duplicate_window=300, max_bytes=256 * 1024 * 1024, max_age=7 * 24 * 3600
)
WAIT_S = 1.0
"""The longest wait for any one answer of the bus."""
POLL_S = 1.0
"""After so much silence the bus gives a sign of life."""
AT_ONCE = 50
"""Events that are under way to a listener, at most; what it holds when it dies is delivered again to another."""
GATHER_S = 0.03
"""Events are awaited for so long after the first one: many at once cost little more than one."""
YIELD_S = 0.1
"""The same while yet more wait on the bus: customers are served before what has waited anyway."""
ACK_WAIT_S = 5
"""An event that is not acknowledged for so long is delivered again."""
EXPIRES_POLLS = 30
"""How many signs of life it takes until the bus is asked anew."""
_ALIVE, _EXPIRED = "100", "408"
_FAILURES = (nats.errors.Error, OSError, TimeoutError, EOFError, ValueError)
log = logging.getLogger(__name__)


class Bus:
    """One connection to the bus; a method raises Unavailable when the bus can't be had, after some seconds."""

    name = "bus"

    def __init__(self, url: str, client_name: str) -> None:
        self._url = url
        self._client_name = client_name
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self.losses = 0

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as one can tell without using it."""
        return self._client is not None and self._client.is_connected

    async def publish(self, subject: str, payload: bytes, event_id: str, traceparent: str | None = None) -> None:
        """Publish an event, with the trace it belongs to; the bus forgets repetitions of the same `event_id`."""
        headers = {"Nats-Msg-Id": event_id} | ({} if traceparent is None else {"traceparent": traceparent})
        try:
            stream = await self._connect()
            await stream.publish(subject, payload, timeout=WAIT_S, headers=headers)
        except _FAILURES as error:
            raise self._lost(error) from error

    async def subscribe(self, subjects: Sequence[str], durable: str) -> Listening:
        """A durable consumer of these subjects; the same name goes on where it stopped, even with other subjects."""
        config = ConsumerConfig(
            name=durable,
            durable_name=durable,
            filter_subjects=list(subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=-1,
        )
        try:
            stream = await self._connect()
            client = self._client
            if client is None:
                raise nats.errors.ConnectionClosedError
            await stream.add_consumer(str(STREAM.name), config)
            inbox = client.new_inbox()
            return Listening(client, await client.subscribe(inbox), inbox, durable)
        except _FAILURES as error:
            raise self._lost(error) from error

    async def fetch(self, listening: Listening) -> list[Msg]:
        """The next events, at most `AT_ONCE`; none after a second of silence, which on a dead connection is found out.

        Soon after the first one has come: those that follow it closely are given with it.
        """
        try:
            first = await listening.next()
            if first is None:
                return []
            await asyncio.sleep(YIELD_S if first.metadata.num_pending else GATHER_S)
            return [first, *await listening.arrived()]
        except _FAILURES as error:
            raise self._lost(error) from error

    async def settle(self, message: Msg) -> None:
        """Acknowledge an event that has taken effect."""
        await self._answer(message.ack())

    async def later(self, message: Msg, pause_s: float) -> None:
        """Ask for an event again after a pause."""
        await self._answer(message.nak(pause_s))

    async def put_aside(self, message: Msg) -> None:
        """Never ask again for an event that can't be used; the stream still holds it."""
        await self._answer(message.term())

    async def _answer(self, answer: Awaitable[None]) -> None:
        try:
            await answer
        except _FAILURES as error:
            raise self._lost(error) from error

    async def close(self) -> None:
        """Close the connection."""
        self._drop()
        for task in list(self._closing):
            await task

    async def _connect(self) -> JetStreamContext:
        # Of two who need a connection the second uses that of the first, and doesn't drop it half-made.
        async with self._one_at_a_time:
            if self._client is not None and self._client.is_connected and self._stream is not None:
                return self._stream
            return await self._connect_anew()

    async def _connect_anew(self) -> JetStreamContext:
        self._drop()
        client = Client()
        self._client = client
        async with asyncio.timeout(2 * WAIT_S):
            # Reconnecting is done here: the library's own waits are long, and it would follow the addresses that
            # the server tells it, past the one we were given.
            await client.connect(
                self._url,
                name=self._client_name,
                allow_reconnect=False,
                connect_timeout=1,
                error_cb=_ignore,
                ping_interval=5,
            )
            stream = client.jetstream(timeout=WAIT_S)
            try:
                await stream.stream_info(str(STREAM.name))
            except NotFoundError:
                await stream.add_stream(STREAM)
            self._stream = stream
            return stream

    def _lost(self, error: BaseException) -> Unavailable:
        self.losses += 1
        self._drop()
        return Unavailable(self.name, type(error).__name__, sent=True)

    def _drop(self) -> None:
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            task = asyncio.create_task(_close(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        return {"connected": self.connected, "losses": self.losses}


class Listening:
    """What a durable consumer hears: one request asks for several events, and each is sent as soon as there is one.

    The library's own `fetch` asks anew for each, or holds back the first of several until their time is up.
    """

    def __init__(self, client: Client, heard: Subscription, inbox: str, durable: str) -> None:
        self._client = client
        self._heard = heard
        self._inbox = inbox
        self._asked_at = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM.name}.{durable}"
        self._under_way = 0

    async def next(self) -> Msg | None:
        """The next event, None after some silence; raises what the library raises."""
        if self._under_way <= 0:
            await self._ask()
        try:
            message = await self._heard.next_msg(timeout=1.5 * POLL_S)
        except TimeoutError:
            # The bus has lost our request, or is lost itself, which this finds out.
            await self._client.flush(timeout=1)
            self._under_way = 0
            return None
        return self._read(message)

    async def arrived(self) -> list[Msg]:
        """What else is here already."""
        here = [await self._heard.next_msg() for _ in range(self._heard.pending_msgs)]
        return [event for event in map(self._read, here) if event is not None]

    def _read(self, message: Msg) -> Msg | None:
        """An event; None for a word about the request for events."""
        status = (message.headers or {}).get("Status")
        if status is None:
            self._under_way -= 1
            return message
        if status == _EXPIRED:
            self._under_way = 0
        elif status != _ALIVE:
            raise nats.errors.Error(f"expected events, found the status {status}")
        return None

    async def close(self) -> None:
        """Hear no more: otherwise what was asked for would still be sent here, and be lost to others for a while."""
        with suppress(*_FAILURES):
            await self._heard.unsubscribe()

    async def _ask(self) -> None:
        """Ask for some events, as they come; the bus gives signs of life meanwhile."""
        wanted = {"batch": AT_ONCE, "expires": int(EXPIRES_POLLS * POLL_S * 1e9), "idle_heartbeat": int(POLL_S * 1e9)}
        self._under_way = AT_ONCE
        await self._client.publish(self._asked_at, json.dumps(wanted).encode(), reply=self._inbox)


async def _close(client: Client) -> None:
    """Close a connection that may be dead: it is given a moment, whatever it says is of no interest any more."""
    with suppress(*_FAILURES, AttributeError):
        async with asyncio.timeout(WAIT_S):
            await client.close()


async def _ignore(error: Exception) -> None:
    """Every error also reaches the call that it belongs to; those without one are told in debug logs only."""
    log.debug("the bus's connection says %r", error)
