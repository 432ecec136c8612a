from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kit import bus as buses
from kit.bus import Bus
from kit.consumer import Consumer, EventModel, Topic
from kit.trouble import Unavailable

from harness.model.system import Store, StoreKind
from tests.targets.stores import Stores, running_stores

pytestmark = pytest.mark.loopback
NATS = StoreKind.NATS
FIRST, SECOND = "shop.tests.first", "shop.tests.second"
WITHIN_S = 15.0


class Happened(EventModel):
    number: int


class Heard:
    """Consumes in the background, and remembers."""

    def __init__(self, bus: Bus, durable: str, *subjects: str) -> None:
        self.numbers: list[int] = []
        self._topics: list[Topic[Any]] = [Topic(subject, Happened, self._take) for subject in subjects]
        self._consumer = Consumer(bus, durable, self._topics)

    async def _take(self, event: Happened) -> None:
        self.numbers.append(event.number)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._consumer.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def until(self, *numbers: int) -> None:
        async with asyncio.timeout(WITHIN_S):
            while set(self.numbers) != set(numbers):  # noqa: ASYNC110 -- only looking tells
                await asyncio.sleep(0.01)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with running_stores(tmp_path / "stores", Store(kind=NATS)) as stores:
        yield stores


@pytest.fixture
async def bus(stores: Stores) -> AsyncIterator[Bus]:
    bus = Bus(stores.url(NATS), "tests")
    yield bus
    await bus.close()


async def tell(bus: Bus, number: int, subject: str = FIRST, event_id: str | None = None) -> None:
    event_id = event_id or str(uuid.uuid4())
    payload = json.dumps({"event_id": event_id, "number": number}).encode()
    async with asyncio.timeout(WITHIN_S):
        while True:
            with contextlib.suppress(Unavailable):
                await bus.publish(subject, payload, event_id)
                return
            await asyncio.sleep(0.05)


async def test_the_bus_forgets_repetitions_and_each_durable_hears_all(bus: Bus) -> None:
    one, other = Heard(bus, "one", FIRST), Heard(bus, "other", FIRST, SECOND)
    for _ in range(3):
        await tell(bus, 1, event_id="the-same-event")
    await tell(bus, 2, SECOND)
    async with one.running(), other.running():
        await one.until(1)
        await other.until(1, 2)
    assert (one.numbers, other.numbers) == ([1], [1, 2])


async def test_an_event_is_heard_at_once_not_when_a_batch_is_full(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buses, "POLL_S", 60.0)
    heard = Heard(bus, "one", FIRST)
    async with heard.running():
        await tell(bus, 1)
        await heard.until(1)
        await tell(bus, 2)
        await heard.until(1, 2)


async def test_a_durable_goes_on_where_it_stopped_also_with_other_subjects(bus: Bus) -> None:
    before, after = Heard(bus, "one", FIRST), Heard(bus, "one", FIRST, SECOND)
    async with before.running():
        await tell(bus, 1)
        await before.until(1)
    await tell(bus, 2)
    await tell(bus, 3, SECOND)
    async with after.running():
        await after.until(2, 3)


async def test_a_bus_that_is_killed_has_lost_nothing_when_it_is_back(stores: Stores, bus: Bus) -> None:
    heard = Heard(bus, "one", FIRST)
    async with heard.running():
        await tell(bus, 1)
        await heard.until(1)
        await stores.kill(NATS)
        with pytest.raises(Unavailable):
            await bus.publish(FIRST, b"{}", "unheard")
        await stores.start(NATS)
        await tell(bus, 2)
        await heard.until(1, 2)


async def test_a_bus_that_is_frozen_is_given_up_in_time_and_found_again(stores: Stores, bus: Bus) -> None:
    await tell(bus, 1)
    await stores.pause(NATS)
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await bus.publish(FIRST, b"{}", "unheard")
    assert asyncio.get_running_loop().time() - began < 3 * buses.WAIT_S
    await stores.resume(NATS)
    await tell(bus, 2)


async def test_addresses_that_the_bus_tells_are_not_followed() -> None:
    """A server that tells of another one, and breaks off: the other one is never asked."""
    asked: list[str] = []

    async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("other")
        writer.close()

    elsewhere = await asyncio.start_server(other, "127.0.0.1", 0)
    told = {
        "server_id": "A",
        "version": "2.11.0",
        "max_payload": 1048576,
        "headers": True,
        "jetstream": True,
        "connect_urls": [f"127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}"],
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("one")
        writer.write(b"INFO " + json.dumps(told).encode() + b"\r\n")
        await reader.readline()
        await reader.readline()
        writer.write(b"PONG\r\n")
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    bus = Bus(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", "tests")
    for _ in range(3):
        with pytest.raises(Unavailable):
            await bus.publish(FIRST, b"{}", "an-event")
    await bus.close()
    server.close()
    elsewhere.close()
    assert set(asked) == {"one"}
