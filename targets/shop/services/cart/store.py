"""Carts in the replicated bucket, usable while it has no leader, and never older for a customer than she has seen."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from kit import defects
from kit.bucket import Bucket, Entry
from kit.trouble import Trouble, Unavailable, conflict

from cart.log import Log
from cart.merge import MAJORITY, Cart, When, merge
from cart.models import MOST_ITEMS

MOST_COPIES = 10_000
"""How many carts are remembered as they were last seen."""
STRIPES = 256
LATER_S = (0.0, 0.02, 0.05, 0.1)
"""The pauses before a cart is looked at again that lacks something its customer has seen."""
PAUSE_S = 0.2
IDLE_S = 1.0
Change: TypeAlias = Callable[[Cart, When], Cart]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cart, and whether a majority of the store stands behind it."""

    cart: Cart
    agreed: bool


class Behind(Trouble):
    """This copy of a cart lacks something that its customer has seen: it may be neither shown nor changed."""


class Carts:
    """Reads, changes and merges carts.

    A customer is not served from a copy that doesn't include the version `at_least`, which she saw last.
    """

    def __init__(
        self, bucket: Bucket, waiting: Log, instance: str, now_ms: Callable[[], int] = lambda: time.time_ns() // 10**6
    ) -> None:
        self._bucket = bucket
        self._waiting = waiting
        self._instance = instance
        self._now_ms = now_ms
        self._seen: OrderedDict[str, Entry] = OrderedDict()
        self._locks = [asyncio.Lock() for _ in range(STRIPES)]
        self._wake = asyncio.Event()

    async def put(self, customer_id: str, sku: str, quantity: int, at_least: int) -> Found:
        """So many of a product, none to remove it; Refused 409 when the cart is full."""

        def change(cart: Cart, when: When) -> Cart:
            if quantity and sku not in cart.items and len(cart.items) >= MOST_ITEMS:
                raise conflict(f"the cart holds {MOST_ITEMS} different products already")
            return cart.put(sku, quantity, when)

        return await self._soon(at_least, lambda: self._change(customer_id, change, at_least))

    async def clear(self, customer_id: str, at_least: int) -> Found:
        """Nothing, whatever was in it."""
        return await self._soon(at_least, lambda: self._change(customer_id, Cart.clear, at_least))

    async def read(self, customer_id: str, at_least: int) -> Found:
        """The cart; raises Unavailable when it can't be told."""
        return await self._soon(at_least, lambda: self._look(customer_id, at_least))

    async def flush(self) -> None:
        """Bring what was accepted without a majority to the bucket, until cancelled."""
        while True:
            self._wake.clear()
            try:
                for customer_id in list(self._waiting.pending):
                    async with self._lock(customer_id):
                        if customer_id in self._waiting.pending:
                            await self._agree(customer_id, Cart.touched, 0)
            except Unavailable as error:
                log.info("%d carts wait for a majority: %s", len(self._waiting.pending), error)
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _soon(self, at_least: int, attempt: Callable[[], Awaitable[Found]]) -> Found:
        """Try until there is a copy that includes this version; Unavailable when it doesn't arrive."""
        for pause_s in LATER_S:
            await asyncio.sleep(pause_s)
            with suppress(Behind):
                return await attempt()
        raise Unavailable("cart", f"version {at_least} has not arrived at {self._instance}", sent=False)

    async def _change(self, customer_id: str, change: Change, at_least: int) -> Found:
        async with self._lock(customer_id):
            try:
                return Found(cart=await self._agree(customer_id, change, at_least), agreed=True)
            except Unavailable:
                cart = self._with_waiting(customer_id, await self._last_seen(customer_id) or Cart())
                return Found(cart=await self._keep(customer_id, change, _including(at_least, cart)), agreed=False)

    async def _agree(self, customer_id: str, change: Change, at_least: int) -> Cart:
        """Change the cart of which a majority knows, merged with what waits here."""

        def to(stored: bytes | None) -> bytes:
            cart = _including(at_least, self._with_waiting(customer_id, Cart.load(stored)))
            return change(cart, cart.next(self._now_ms(), MAJORITY)).dump()

        entry = await self._bucket.change(customer_id, to)
        self._note(customer_id, entry)
        await self._waiting.settle(customer_id)
        return Cart.load(entry.value)

    async def _keep(self, customer_id: str, change: Change, cart: Cart) -> Cart:
        """Change this copy of the cart, of which no majority knows, and keep it until one does."""
        changed = change(cart, cart.next(self._now_ms(), self._instance))
        await self._waiting.add(customer_id, changed)
        self._wake.set()
        return changed

    async def _look(self, customer_id: str, at_least: int) -> Found:
        agreed = True
        try:
            newest: Cart | None = _cart(self._note(customer_id, await self._bucket.get(customer_id)))
        except Unavailable:
            agreed = False
            newest = await self._last_seen(customer_id)
            if newest is None and customer_id not in self._waiting.pending:
                raise
        return Found(cart=await self._shown(customer_id, newest or Cart(), at_least), agreed=agreed)

    async def _shown(self, customer_id: str, newest: Cart, at_least: int) -> Cart:
        """The newest of which others know, merged with what waits here.

        What is like neither of the two becomes what waits, with an event of its own: its version means all of it.
        """
        cart = _including(at_least, self._with_waiting(customer_id, newest))
        if self._is_either(customer_id, cart, newest):
            return cart
        async with self._lock(customer_id):
            cart = self._with_waiting(customer_id, newest)
            if self._is_either(customer_id, cart, newest):
                return _including(at_least, cart)
            return await self._keep(customer_id, Cart.touched, cart)

    def _is_either(self, customer_id: str, cart: Cart, newest: Cart) -> bool:
        return cart in (newest, self._waiting.pending.get(customer_id))

    async def _last_seen(self, customer_id: str) -> Cart | None:
        """The newest that can be had without a leader; None when nothing is known, not even that there is nothing."""
        try:
            newest = self._note(customer_id, await self._bucket.peek(customer_id))
        except Unavailable:
            newest = self._seen.get(customer_id)
            return None if newest is None else _cart(newest)
        return _cart(newest)

    def _note(self, customer_id: str, entry: Entry | None) -> Entry | None:
        """Remember the newest; the bucket itself doesn't promise that a later read isn't older."""
        known = self._seen.get(customer_id)
        newest = known if entry is None or (known is not None and known.revision > entry.revision) else entry
        if newest is not None:
            self._seen[customer_id] = newest
            self._seen.move_to_end(customer_id)
        while len(self._seen) > MOST_COPIES:
            self._seen.popitem(last=False)
        return newest

    def _with_waiting(self, customer_id: str, cart: Cart) -> Cart:
        waiting = self._waiting.pending.get(customer_id)
        if waiting is None:
            return cart
        both = merge(cart, waiting)
        if defects.on("lost-update"):
            return replace(max(cart, waiting, key=lambda copy: copy.version), known=both.known)
        return both

    def _lock(self, customer_id: str) -> asyncio.Lock:
        return self._locks[hash(customer_id) % STRIPES]


def _including(at_least: int, cart: Cart) -> Cart:
    if not cart.includes(at_least):
        raise Behind(f"this copy lacks version {at_least}")
    return cart


def _cart(entry: Entry | None) -> Cart:
    return Cart.load(None if entry is None else entry.value)
