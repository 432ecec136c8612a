"""Takes events from the bus: at least once each, in any order, while the bus and the stores come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nats.aio.msg import Msg
from pydantic import ValidationError

from kit import trace
from kit.bus import Bus
from kit.trace import Kind, Span
from kit.trouble import Unavailable
from kit.words import Tolerant

PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
MOST_FAILURES = 10
"""After so many deliveries, an event that our own code fails on is put aside."""
log = logging.getLogger(__name__)


class EventModel(Tolerant):
    """The part of an event that a consumer reads; whatever else it holds is the producer's to add."""

    event_id: str


Heard = TypeVar("Heard", bound=EventModel)


@dataclass(frozen=True, slots=True)
class Topic(Generic[Heard]):
    """Events of one subject, how they are read, and what they do; `take` may see an event twice."""

    subject: str
    model: type[Heard]
    take: Callable[[Heard], Awaitable[object]]


class Consumer:
    """Takes the events of its topics one by one; under the same durable name it goes on where it stopped.

    `export` is given a span for each event, in the trace of whoever caused it.
    """

    def __init__(
        self,
        bus: Bus,
        durable: str,
        topics: Sequence[Topic[Any]],
        export: Callable[[Span], None] = lambda _: None,
    ) -> None:
        self._bus = bus
        self._export = export
        self._durable = durable
        self._topics = {topic.subject: topic for topic in topics}

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            try:
                listening = await self._bus.subscribe(tuple(self._topics), self._durable)
                try:
                    while True:
                        message = await self._bus.fetch(listening)
                        if message is not None:
                            await self.take(message)
                finally:
                    await listening.close()
            except Unavailable as error:
                log.info("events wait on the bus: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def take(self, message: Msg) -> None:
        """Let one event take effect, then acknowledge it; raises Unavailable only for the bus itself."""
        topic = self._topics[message.subject]
        try:
            event = topic.model.model_validate_json(message.data)
        except ValidationError as error:
            log.error("an event on %s can't be read and is put aside: %s", message.subject, _places(error))  # noqa: TRY400 -- no trace needed
            await self._bus.put_aside(message)
            return
        told = (message.headers or {}).get(trace.HEADER)
        span = trace.begin(f"consume {topic.subject}", Kind.CONSUMER, told)
        try:
            with trace.within(span, self._export):
                await topic.take(event)
        except Unavailable as error:
            log.info("event %s waits: %s", event.event_id, error)
            await self._bus.later(message, _pause_s(message))
        except Exception:
            log.exception("event %s on %s could not be used", event.event_id, message.subject)
            if message.metadata.num_delivered >= MOST_FAILURES:
                log.error("event %s is put aside", event.event_id)  # noqa: TRY400 -- the trace has just been logged
                await self._bus.put_aside(message)
            else:
                await self._bus.later(message, _pause_s(message))
        else:
            await self._bus.settle(message)


def _pause_s(message: Msg) -> float:
    """Longer with every delivery."""
    return float(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(message.metadata.num_delivered - 1, 8)))


def _places(error: ValidationError) -> str:
    """Where and what, without the values, which may be personal."""
    found = error.errors(include_input=False, include_url=False)[:5]
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
