"""What recommendations learns from, when orders publishes OrderPlaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from kit.bus import Bus
from nats.aio.msg import Msg
from pact import match
from recommendations.consumer import consumer
from recommendations.models import OrderPlaced
from recommendations.store import Together

from harness.contracts.recording import PactRecording

EVENT = "5b0c9f0e-0c57-4d0c-9a4e-7b1a1d7c2f10"


@dataclass
class Message:
    """As the bus's own: what the consumer reads of it."""

    data: bytes
    subject: str = "shop.orders.placed"


@dataclass
class FakeBus:
    """Remembers what became of each event."""

    answers: list[str] = field(default_factory=list)

    async def settle(self, _message: Message) -> None:
        self.answers.append("settled")

    async def put_aside(self, _message: Message) -> None:
        self.answers.append("put aside")


@dataclass
class Learner:
    """Remembers what was learnt."""

    learnt: list[OrderPlaced] = field(default_factory=list)

    async def learn(self, event: OrderPlaced) -> bool:
        self.learnt.append(event)
        return True


async def test_an_order_tells_which_products_were_bought_together(recording: PactRecording) -> None:
    bus, together = FakeBus(), Learner()
    learning = consumer(cast("Bus", bus), cast("Together", together))

    async def take(body: bytes, _metadata: Mapping[str, object]) -> None:
        await learning.take(cast("Msg", Message(data=body)))

    with recording.consumer("recommendations", "orders") as orders:
        orders.upon_message("an order was placed").with_body(
            {
                "event_id": match.like(EVENT),
                "items": match.each_like({"sku": match.regex("sku-0001", regex=r"^sku-\d{4}$")}),
            },
            content_type="application/json",
        )
        await orders.deliver(take)

        assert bus.answers == ["settled"]
        assert [(each.event_id, [item.sku for item in each.items]) for each in together.learnt] == [
            (EVENT, ["sku-0001"])
        ]
