"""Shadow reads: what the new shop answered is compared with what the old one would have said."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, get_args

from kit.trouble import Refused, Unavailable
from prometheus_client import CollectorRegistry, Counter

from gateway.answers import LegacyProduct
from gateway.models import ProductPage

AT_ONCE = 2
"""So many shadow reads at a time, and no more, are a part of the monolith's bulkhead that customers don't miss."""
LARGEST_QUEUE = 50
SHOWN_CHARS = 80
Outcome = Literal["match", "differs", "failed", "dropped"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Difference = dict[str, tuple[str, str]]
"""What the new and the old shop say, by field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The fields that both shops know."""

    sku: str
    name: str
    description: str
    price_cents: int


def shown(page: ProductPage) -> Shown:
    """As much of a page as the old shop knows, too."""
    return Shown(sku=page.sku, name=page.name, description=page.description, price_cents=page.price.amount_cents)


def compare(new: Shown, old: LegacyProduct | None) -> Difference:
    """The fields in which they differ; None stands for a product that the old shop doesn't have."""
    if old is None:
        return {"sku": (new.sku, "")}
    fields: Difference = {
        "sku": (new.sku, old.sku),
        "name": (new.name, old.name),
        "description": (new.description, old.description),
        "price_cents": (str(new.price_cents), str(old.price_cents)),
    }
    return {name: both for name, both in fields.items() if both[0] != both[1]}


def counter(registry: CollectorRegistry) -> Callable[[Outcome], None]:
    """Counts the shadow reads for /metrics."""
    reads = Counter("gateway_shadow_reads", "Shadow reads, by how they compared", ["outcome"], registry=registry)
    children = {outcome: reads.labels(outcome) for outcome in OUTCOMES}
    return lambda outcome: children[outcome].inc()


class Shadow:
    """Reads from the monolith what was answered already, a share of it; whatever comes of that, no customer waits."""

    def __init__(
        self,
        read: Callable[[str], Awaitable[LegacyProduct]],
        share: Callable[[], float],
        *,
        count: Callable[[Outcome], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._read = read
        self._share = share
        self._count = count
        self._chance = chance
        self._waiting: asyncio.Queue[Shown] = asyncio.Queue(LARGEST_QUEUE)
        self._outcomes: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        self._last: dict[str, object] | None = None

    async def offer(self, page: ProductPage) -> None:
        """Take an answer that was sent into the comparison, if it falls to the share and there is room."""
        if self._chance() >= self._share():
            return
        try:
            self._waiting.put_nowait(shown(page))
        except asyncio.QueueFull:
            self._note("dropped")

    async def run(self) -> None:
        """Compare until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self.compare(await self._waiting.get())

    async def compare(self, new: Shown) -> None:
        """Read the old shop's answer and note how it compares."""
        old: LegacyProduct | None = None
        try:
            old = await self._read(new.sku)
        except Unavailable:
            self._note("failed")
            return
        except Refused:
            old = None
        difference = compare(new, old)
        if not difference:
            self._note("match")
            return
        self._note("differs")
        self._last = {
            "sku": new.sku,
            "fields": {
                name: {"new": ours[:SHOWN_CHARS], "old": theirs[:SHOWN_CHARS]}
                for name, (ours, theirs) in difference.items()
            },
        }

    def _note(self, outcome: Outcome) -> None:
        self._outcomes[outcome] += 1
        self._count(outcome)

    async def close(self) -> None:
        """Nothing to let go of: the edge to the monolith is a part of its own."""

    def health(self) -> dict[str, object]:
        """How many matched, and the last difference, for people and for checks."""
        return {
            "share": self._share(),
            "waiting": self._waiting.qsize(),
            **dict(self._outcomes.items()),
            "last_difference": self._last,
        }
