"""What recommendations learns from, when orders publishes OrderPlaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pact import match
from recommendations.consumer import Consumer
from recommendations.models import OrderPlaced

from harness.contracts.recording import PactRecording

EVENT = "5b0c9f0e-0c57-4d0c-9a4e-7b1a1d7c2f10"


@dataclass
class Message:
    """As the bus's own: what the consumer reads of it."""

    data: bytes
    subject: str = "shop.orders.placed"


@dataclass
class Bus:
    """Remembers whether each event was usable."""

    settled: list[bool] = field(default_factory=list)

    async def settle(self, _message: Message, *, usable: bool = True) -> None:
        self.settled.append(usable)


@dataclass
class Together:
    """Remembers what was learnt."""

    learnt: list[OrderPlaced] = field(default_factory=list)

    async def learn(self, event: OrderPlaced) -> bool:
        self.learnt.append(event)
        return True


async def test_an_order_tells_which_products_were_bought_together(recording: PactRecording) -> None:
    bus, together = Bus(), Together()
    consumer = Consumer(bus, together)

    async def take(body: bytes, _metadata: Mapping[str, object]) -> None:
        await consumer._take(Message(data=body))  # noqa: SLF001 -- its one entrance for an event; run() loops for ever

    with recording.consumer("recommendations", "orders") as orders:
        orders.upon_message("an order was placed").with_body(
            {
                "event_id": match.like(EVENT),
                "items": match.each_like({"sku": match.regex("sku-0001", regex=r"^sku-\d{4}$")}),
            },
            content_type="application/json",
        )
        await orders.deliver(take)

        assert bus.settled == [True]
        assert [(each.event_id, [item.sku for item in each.items]) for each in together.learnt] == [
            (EVENT, ["sku-0001"])
        ]
