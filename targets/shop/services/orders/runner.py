"""Carries out sagas, many at a time; everything needed to go on after a crash is in the database."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine

from kit import trace
from kit.budget import jittered
from kit.trace import Kind, Span
from kit.trouble import Unavailable

from orders.facts import Fact, Step, TakenUp
from orders.saga import Saga, attempted, decide
from orders.steps import Providers
from orders.store import Orders, entry

AT_ONCE = 300
WAITING = 1000
"""Orders that are given to the runner and not begun; one more is found by the next sweep."""
SWEEP_S = 1.0
QUIET_S = 1.0
"""An order to which nothing has happened for so long may have been left by whoever was at it."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 0.8
log = logging.getLogger(__name__)


class Runner:
    """Sees orders to their end: those it is given at once, those left over from before by sweeping.

    Of two runners that come upon the same order only one can add its next fact; the other leaves it alone. Who takes
    up an order from the record first says so there: whoever was at it learns that by failing to add another fact, so
    that nobody who believes to know what was not done can act on it. `ended` is set when an order has news for others;
    `export` is given a span for each order, in the trace of whoever placed or cancelled it.
    """

    def __init__(
        self,
        orders: Orders,
        providers: Providers,
        name: str,
        ended: asyncio.Event,
        export: Callable[[Span], None] = lambda _: None,
    ) -> None:
        self._orders = orders
        self._providers = providers
        self._name = name
        self._new: asyncio.Queue[tuple[Saga, str | None]] = asyncio.Queue(WAITING)
        self._active: dict[str, asyncio.Task[None]] = {}
        self._ended = ended
        self._export = export

    def submit(self, saga: Saga) -> None:
        """Take on an order whose latest fact we have added ourselves."""
        if not self._new.full():
            self._new.put_nowait((saga, trace.traceparent()))

    @property
    def away(self) -> str | None:
        """A provider that checkout can't do without and whose breaker is open now, if there is one."""
        return self._providers.away

    async def run(self) -> None:
        """Work until cancelled; the tasks are begun here and not by requests, whose deadlines are not theirs."""
        try:
            while True:
                await self._sweep()
                sweep_at = time.monotonic() + SWEEP_S
                while (left := sweep_at - time.monotonic()) > 0:
                    try:
                        async with asyncio.timeout(left):
                            saga, told = await self._new.get()
                    except TimeoutError:
                        break
                    self._begin(saga.order_id, self._see_to(saga), told)
        finally:
            for task in self._active.values():
                task.cancel()
            await asyncio.gather(*self._active.values(), return_exceptions=True)

    async def _sweep(self) -> None:
        try:
            left = await self._orders.left(QUIET_S)
        except Unavailable as error:
            log.info("unfinished orders can't be read: %s", error)
            return
        for order_id in left:
            self._begin(order_id, self._take_up(order_id))

    def _begin(self, order_id: str, work: Coroutine[None, None, None], told: str | None = None) -> None:
        if order_id in self._active or len(self._active) >= AT_ONCE:
            work.close()
            return
        task = asyncio.create_task(self._traced(work, told))
        self._active[order_id] = task
        task.add_done_callback(lambda ended: self._end(order_id, ended))

    def _end(self, order_id: str, task: asyncio.Task[None]) -> None:
        """Forget a task; an order that it did not bring to its end is found by a later sweep."""
        self._active.pop(order_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("order %s is taken up again after a failure", order_id, exc_info=error)

    async def _traced(self, work: Coroutine[None, None, None], told: str | None) -> None:
        with trace.within(trace.begin("order", Kind.CONSUMER, told), self._export):
            await work

    async def _take_up(self, order_id: str) -> None:
        """Go on with an order of which only the record is known."""
        try:
            saga = await self._orders.saga(order_id)
        except Unavailable as error:
            log.info("order %s waits for the next sweep: %s", order_id, error)
            return
        if saga.step is not Step.DONE:
            taken = await self._record(saga, TakenUp(by=self._name))
            if taken is not None:
                await self._see_to(taken)

    async def _see_to(self, saga: Saga) -> None:
        """Take one order step by step to its end."""
        attempt = 0
        while saga.step is not Step.DONE:
            happening = await self._providers.perform(saga)
            saga = attempted(saga, happening)
            fact = decide(saga, happening, time.time())
            if fact is None:
                attempt += 1
                await asyncio.sleep(_pause_s(attempt))
                continue
            following = await self._record(saga, fact)
            if following is None:
                log.info("order %s was taken on by another, or cancelled", saga.order_id)
                return
            saga, attempt = following, 0
        self._ended.set()

    async def _record(self, saga: Saga, fact: Fact) -> Saga | None:
        """Put a fact on record, trying until the database says yes or no."""
        new = entry(fact)
        attempt = 0
        while True:
            try:
                return await self._orders.append(saga, new)
            except Unavailable as error:
                log.info("order %s waits for the database: %s", saga.order_id, error)
                attempt += 1
                await asyncio.sleep(_pause_s(attempt))


def _pause_s(attempt: int) -> float:
    return jittered(attempt, first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
