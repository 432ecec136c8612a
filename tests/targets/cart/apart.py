"""Instances of the cart on one bucket, of which a test says what each can reach just now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from cart.log import Log
from cart.merge import Cart
from cart.store import Carts, Found
from kit.bucket import Bucket, Entry
from kit.trouble import Unavailable

WHOSE = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"


@dataclass
class Store:
    """All that a majority has ever taken, of one cart."""

    values: list[bytes] = field(default_factory=list)

    def entry(self, behind: int = 0) -> Entry | None:
        """The latest, or as it was so many changes ago."""
        revision = len(self.values) - behind
        return Entry(value=self.values[revision - 1], revision=revision) if revision > 0 else None

    @property
    def cart(self) -> Cart:
        return Cart.load(self.values[-1] if self.values else None)


@dataclass
class Way:
    """One instance's way to the store, as much of a `Bucket` as carts use."""

    store: Store
    majority: bool = True
    deaf: bool = False
    """Changes are taken, and nobody says so."""
    replica: bool = True
    behind: int = 0
    """How many changes the replica lacks that can be asked without a majority."""

    async def get(self, _: str) -> Entry | None:
        if not self.majority or self.deaf:
            raise Unavailable("bucket", "no majority", sent=True)
        return self.store.entry()

    async def peek(self, _: str) -> Entry | None:
        if not self.replica:
            raise Unavailable("bucket", "no replica", sent=True)
        return self.store.entry(self.behind)

    async def change(self, _: str, to: Callable[[bytes | None], bytes]) -> Entry:
        if not self.majority:
            raise Unavailable("bucket", "no majority", sent=True)
        self.store.values.append(to(self.store.values[-1] if self.store.values else None))
        if self.deaf:
            raise Unavailable("bucket", "no answer", sent=True)
        return cast("Entry", self.store.entry())


class Kept:
    """A log that keeps what it is given in memory."""

    def __init__(self) -> None:
        self.pending: dict[str, Cart] = {}

    async def add(self, customer_id: str, cart: Cart) -> None:
        self.pending[customer_id] = cart

    async def settle(self, customer_id: str) -> None:
        self.pending.pop(customer_id, None)


class Instance:
    """One instance, its way to the store, and its clock, which a test moves."""

    def __init__(self, store: Store, number: int, log: Log | None = None) -> None:
        self.now_ms = 1
        self.way = Way(store)
        self.log = log or cast("Log", Kept())
        self.carts = Carts(cast("Bucket", self.way), self.log, f"cart-{number}", lambda: self.now_ms)

    async def put(self, sku: str, quantity: int, at_least: int) -> Found:
        return await self.carts.put(WHOSE, sku, quantity, at_least)

    async def read(self, at_least: int) -> Found:
        return await self.carts.read(WHOSE, at_least)

    async def flush(self) -> None:
        """Bring what waits to the store, if that can be had."""
        flushing = asyncio.create_task(self.carts.flush())
        async with asyncio.timeout(5):
            while self.log.pending and self.way.majority and not self.way.deaf:  # noqa: ASYNC110 -- it says nothing
                await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
