"""What recommendations learns from, when orders publishes OrderPlaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from kit.bus import Bus
from kit.consumer import Consumer
from nats.aio.msg import Msg
from pact import match
from recommendations.app import topics
from recommendations.models import OrderPlaced
from recommendations.orders import Orders

from harness.contracts.recording import PactRecording

EVENT = "5b0c9f0e-0c57-4d0c-9a4e-7b1a1d7c2f10"
ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


@dataclass
class Message:
    """As the bus's own: what the consumer reads of it."""

    data: bytes
    subject: str = "shop.orders.placed"
    headers: dict[str, str] | None = None


@dataclass
class SomeBus:
    """Remembers whether each event was usable."""

    settled: list[bool] = field(default_factory=list)

    async def settle(self, _message: Message) -> None:
        self.settled.append(True)

    async def put_aside(self, _message: Message) -> None:
        self.settled.append(False)


@dataclass
class Learner:
    """Remembers what was learnt."""

    learnt: list[OrderPlaced] = field(default_factory=list)

    async def placed(self, event: OrderPlaced) -> bool:
        self.learnt.append(event)
        return True

    async def cancelled(self, _event: object) -> bool:
        return True


async def test_an_order_tells_which_products_were_bought_together(recording: PactRecording) -> None:
    bus, learner = SomeBus(), Learner()
    consumer = Consumer(cast("Bus", bus), "recommendations", topics(cast("Orders", learner)))

    async def take(body: bytes, _metadata: Mapping[str, object]) -> None:
        await consumer.take(cast("Msg", Message(data=body)))

    with recording.consumer("recommendations", "orders") as orders:
        orders.upon_message("an order was placed").with_body(
            {
                "event_id": match.like(EVENT),
                "order_id": match.regex(ORDER, regex=UUID),
                "items": match.each_like({"sku": match.regex("sku-0001", regex=r"^sku-\d{4}$")}),
            },
            content_type="application/json",
        )
        await orders.deliver(take)

        assert bus.settled == [True]
        assert [(each.event_id, each.order_id, [item.sku for item in each.items]) for each in learner.learnt] == [
            (EVENT, ORDER, ["sku-0001"])
        ]
