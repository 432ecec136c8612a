"""Carries out sagas, many at a time; everything needed to go on after a crash is in the database."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import assert_never

from kit.budget import jittered
from kit.trouble import Refused, Unavailable

from orders.clients import InventoryClient, PaymentsClient, PricingClient
from orders.saga import Done, Happening, No, Saga, Step, Trouble, decide
from orders.store import Orders

AT_ONCE = 300
SWEEP_S = 1.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 0.8
log = logging.getLogger(__name__)


class Runner:
    """Sees orders to their end: those it is given at once, those left over from before by sweeping."""

    def __init__(
        self, orders: Orders, pricing: PricingClient, inventory: InventoryClient, payments: PaymentsClient
    ) -> None:
        self._orders = orders
        self._pricing = pricing
        self._inventory = inventory
        self._payments = payments
        self._new: asyncio.Queue[Saga] = asyncio.Queue()
        self._active: dict[str, asyncio.Task[None]] = {}
        self.confirmed = asyncio.Event()
        """Set when there is something for the outbox's relay."""

    def submit(self, saga: Saga) -> None:
        """Take on an order that is on record."""
        self._new.put_nowait(saga)

    @property
    def away(self) -> str | None:
        """A provider that checkout can't do without and whose breaker is open now, if there is one."""
        clients = (self._pricing, self._inventory, self._payments)
        return next((client.edge.provider for client in clients if client.edge.away), None)

    async def run(self) -> None:
        """Work until cancelled; the tasks are begun here and not by requests, whose deadlines are not theirs."""
        try:
            while True:
                await self._sweep()
                sweep_at = time.monotonic() + SWEEP_S
                while (left := sweep_at - time.monotonic()) > 0:
                    try:
                        async with asyncio.timeout(left):
                            self._begin(await self._new.get())
                    except TimeoutError:
                        break
        finally:
            for task in self._active.values():
                task.cancel()
            await asyncio.gather(*self._active.values(), return_exceptions=True)

    async def _sweep(self) -> None:
        try:
            unfinished = await self._orders.unfinished()
        except Unavailable as error:
            log.info("unfinished orders can't be read: %s", error)
            return
        for saga in unfinished:
            self._begin(saga)

    def _begin(self, saga: Saga) -> None:
        if saga.order_id in self._active or len(self._active) >= AT_ONCE:
            return
        task = asyncio.create_task(self._see_to(saga))
        self._active[saga.order_id] = task
        task.add_done_callback(lambda ended: self._end(saga.order_id, ended))

    def _end(self, order_id: str, task: asyncio.Task[None]) -> None:
        """Forget a task; an order that it did not bring to its end is found by the next sweep."""
        self._active.pop(order_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("order %s is taken up again after a failure", order_id, exc_info=error)

    async def _see_to(self, saga: Saga) -> None:
        """Take one order step by step to its end; a state that can't be recorded is read again, and its step redone."""
        attempt = 0
        while saga.step is not Step.DONE:
            happening = await self._perform(saga)
            after = decide(saga, happening, time.time())
            try:
                if after.step is not saga.step:
                    recorded = await self._orders.change(saga, after)
                    saga = after if recorded else await self._orders.saga(saga.order_id)
                    attempt = 0
                    continue
                saga = after
            except Unavailable as error:
                log.info("order %s waits for the database: %s", saga.order_id, error)
            attempt += 1
            await asyncio.sleep(jittered(attempt, first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S))
        if saga.status == "confirmed":
            self.confirmed.set()

    async def _perform(self, saga: Saga) -> Happening:
        try:
            return await self._step(saga)
        except Refused as error:
            if saga.undoing:
                log.error("order %s: %s was refused: %s", saga.order_id, saga.step, error)  # noqa: TRY400 -- no trace
            return No(reason=error.detail)
        except Unavailable as error:
            return Trouble(reason=f"{error.provider} is unavailable", sent=error.sent)

    async def _step(self, saga: Saga) -> Done:
        order, items = saga.order_id, list(saga.items)
        match saga.step:
            case Step.QUOTE:
                return Done(total_cents=(await self._pricing.quote(items)).total_cents)
            case Step.RESERVE:
                await self._inventory.reserve(order, items)
            case Step.CHARGE:
                await self._payments.charge(order, saga.total_cents or 0, saga.card_token)
            case Step.CONFIRM:
                await self._inventory.confirm(order)
            case Step.REFUND:
                await self._payments.refund(order)
            case Step.RELEASE:
                await self._inventory.release(order)
            case Step.DONE:
                pass
            case _:
                assert_never(saga.step)
        return Done()
