"""What each consumer of each event reads of it: the service's own topics take the event, and its own code uses it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from kit.bus import Bus
from kit.cache import Cache
from kit.consumer import Consumer
from kit.host import Host
from kit.postgres import Postgres
from kit.settings import Settings
from nats.aio.msg import Msg
from pact import match

from contracts.consumers.agreeing import CUSTOMER as CUSTOMER_ID
from contracts.consumers.agreeing import JSON, OTHER_ID, SKU, a_sku, an_id
from contracts.consumers.agreeing import ORDER as ORDER_ID
from harness.contracts.recording import PactRecording

EVENTS = Path(__file__).parents[1] / "events"
EVENT_ID = "5b0c9f0e-0c57-4d0c-9a4e-7b1a1d7c2f10"
MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"
EVENT = {"event_id": an_id(EVENT_ID)}
DATED = EVENT | {"occurred_at": match.regex("2026-01-01T12:00:00.000+00:00", regex=MOMENT)}
ORDER = {"order_id": an_id(ORDER_ID)}
CUSTOMER = {"customer_id": an_id(CUSTOMER_ID)}
TOTAL = {"total_cents": match.int(3998)}
AMOUNT = {"amount_cents": match.int(3998), "currency": match.like("EUR")}
SHIPMENT = {"shipment_id": an_id(OTHER_ID)}
PRODUCT = {"sku": a_sku()}
WORDS = {name: match.like("kettle") for name in ("name", "description", "category")} | {"version": match.int(2)}
LINES = {"items": match.each_like({"sku": a_sku(), "quantity": match.int(2)})}
PRODUCTS = {"items": match.each_like({"sku": a_sku()})}

RELIES_ON: dict[str, dict[str, dict[str, object]]] = {
    "OrderPlaced": {
        "inventory": EVENT | ORDER | LINES,
        "shipping": EVENT | ORDER,
        "fraud": EVENT | ORDER | CUSTOMER | TOTAL,
        "notifications": DATED | ORDER | LINES | TOTAL | {"currency": match.like("EUR")},
        "analytics": DATED | ORDER | TOTAL,
        "recommendations": EVENT | ORDER | PRODUCTS,
    },
    "OrderCancelled": {
        "inventory": EVENT | ORDER,
        "shipping": EVENT | ORDER,
        "notifications": DATED | ORDER | {"reason": match.like("the card was declined")},
        "analytics": DATED | ORDER,
        "recommendations": EVENT | ORDER,
    },
    "PaymentReceived": {"notifications": DATED | ORDER | AMOUNT, "analytics": DATED | ORDER},
    "ShipmentDispatched": {"notifications": DATED | ORDER | SHIPMENT, "analytics": DATED | ORDER},
    "DeliveryConfirmed": {"notifications": DATED | ORDER | SHIPMENT, "analytics": DATED | ORDER},
    "ProductChanged": {
        "catalog": EVENT | PRODUCT,
        "search": EVENT | PRODUCT | WORDS,
        "analytics": DATED | PRODUCT,
    },
    "PriceChanged": {"pricing": EVENT | PRODUCT, "analytics": DATED | PRODUCT},
}
SAID = {
    "OrderPlaced": "an order was placed",
    "OrderCancelled": "an order was cancelled",
    "PaymentReceived": "an order was paid",
    "ShipmentDispatched": "a shipment has left",
    "DeliveryConfirmed": "a shipment has arrived",
    "ProductChanged": "a product has changed",
    "PriceChanged": "a price has changed",
}
PAIRS = [(event, consumer) for event, consumers in RELIES_ON.items() for consumer in consumers]
ROW = {
    "sku": SKU,
    "name": "Sturdy kettle 1",
    "description": "It boils water.",
    "category": "kitchen",
    "amount_cents": 1999,
    "version": 2,
    "status": "released",
    "items": "{}",
    "late": False,
    "recent": 0,
    "new_customer": False,
    "customer_id": CUSTOMER_ID,
    "total_cents": 3998,
    "score": 10,
}
"""What every table holds, as far as somebody who takes an event looks at it."""
NOT_YET_SCORED = "FROM scores WHERE order_id"


@dataclass
class Stores:
    """Stands for a service's database and its cache, and remembers what was asked of them."""

    asked: list[object] = field(default_factory=list)

    async def fetch(self, _sql: str, *values: object) -> list[dict[str, object]]:
        self.asked += values
        return []

    async def fetchrow(self, sql: str, *values: object) -> dict[str, object] | None:
        self.asked += values
        return None if NOT_YET_SCORED in sql else ROW

    async def fetchval(self, _sql: str, *values: object) -> str:
        self.asked += values
        return "cancelled"

    async def execute(self, _sql: str, *values: object) -> None:
        self.asked += values

    async def eval(self, _script: str, _keys: int, *values: object) -> int:
        self.asked += values
        return 1

    async def prepare(self) -> None: ...

    async def work(self, work: Callable[[Stores], Awaitable[object]]) -> object:
        return await work(self)

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on every service uses these."""
        for name in ("fetch", "fetchrow", "fetchval", "prepare"):
            # An attribute of the instance `self`, not a method of the class: what it stands in for is left out.
            method = getattr(self, name)
            monkeypatch.setattr(Postgres, name, _without_self(method))
        monkeypatch.setattr(Postgres, "transact", _without_self(self.work))
        monkeypatch.setattr(Cache, "run", _without_self(self.work))


def _without_self(method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    async def standing_in(_self: object, *values: object) -> object:
        return await method(*values)

    return standing_in


@dataclass
class Message:
    """As the bus's own: what the consumer reads of it."""

    data: bytes
    subject: str
    headers: dict[str, str] | None = None


@dataclass
class SomeBus:
    """Remembers what became of each event."""

    fates: list[str] = field(default_factory=list)

    async def settle(self, _message: Message) -> None:
        self.fates.append("taken")

    async def put_aside(self, _message: Message) -> None:
        self.fates.append("put aside")

    async def later(self, _message: Message, _pause_s: float) -> None:
        self.fates.append("wanted later")


async def consumer_of(service: str, bus: SomeBus, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    """The consumer with which the service itself would listen, at another bus."""
    begun: list[Consumer] = []

    async def run(self: Consumer) -> None:
        begun.append(self)

    monkeypatch.setattr(Consumer, "run", run)
    works: list[Callable[[], Awaitable[None]]] = []
    host = Host(Settings(service=service, instance=f"{service}-1"))
    monkeypatch.setattr(host, "background", works.append)
    importlib.import_module(f"{service}.app").parts(host)
    for work in works:
        # search begins to listen once it knows which picture it draws; all others at once.
        if isinstance(getattr(work, "__self__", None), Consumer) or getattr(work, "__name__", "") == "listen":
            await work()
    await host.stop()
    [consumer] = begun
    monkeypatch.setattr(consumer, "_bus", cast("Bus", bus))
    return consumer


def schema(event: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads((EVENTS / f"{event}.json").read_text(encoding="utf-8"))
    return document


def test_every_event_of_the_shop_has_its_consumers() -> None:
    assert RELIES_ON.keys() == SAID.keys() == {file.stem for file in EVENTS.glob("*.json")}


@pytest.mark.parametrize("service", sorted({consumer for _, consumer in PAIRS}))
async def test_no_consumer_listens_to_more_than_it_has_agreed_on(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Stores().stand_in(monkeypatch)
    consumer = await consumer_of(service, SomeBus(), monkeypatch)

    agreed = {schema(event)["x-subject"] for event, name in PAIRS if name == service}

    assert agreed == set(consumer._topics)  # noqa: SLF001 -- what it listens to is told to nobody else


@pytest.mark.parametrize(("event", "name"), PAIRS)
async def test_a_consumer_takes_an_event_and_uses_it(
    recording: PactRecording, event: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, bus = Stores(), SomeBus()
    stores.stand_in(monkeypatch)
    consumer = await consumer_of(name, bus, monkeypatch)
    told = schema(event)

    async def take(body: bytes, _metadata: Mapping[str, object]) -> None:
        await consumer.take([cast("Msg", Message(data=body, subject=told["x-subject"]))])

    with recording.consumer(name, told["x-producer"]) as producer:
        producer.upon_message(SAID[event]).with_body(RELIES_ON[event][name], content_type=JSON)
        await producer.deliver(take)

        assert bus.fates == ["taken"]
        about = SKU if "sku" in RELIES_ON[event][name] else ORDER_ID
        assert any(about in str(value) for value in stores.asked)
