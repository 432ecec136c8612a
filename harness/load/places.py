"""A greenlet for each of the pool's places, which does one journey after the other."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context

import gevent
from gevent.queue import SimpleQueue

from harness.load.arrivals import Arrival
from harness.load.customers import Seat


class Place:
    """A seat and its greenlet, begun with its first journey: a greenlet for each journey costs five times as much.

    A journey still has a context of its own, so that no variable of the one before is seen in it.
    """

    def __init__(self, seat: Seat, travel: Callable[[Seat, Arrival], None], free: Callable[[Place], None]) -> None:
        self._seat = seat
        self._travel = travel
        self._free = free
        self._coming: SimpleQueue[Arrival] = SimpleQueue()
        self._begun = False

    def go(self, arrival: Arrival) -> None:
        """Begin a journey, soon; to be asked of a free place."""
        self._coming.put(arrival)
        if not self._begun:
            self._begun = True
            gevent.spawn(self._stay)

    def _stay(self) -> None:
        outside = copy_context()
        while True:
            arrival = self._next()
            context: Context = outside.copy()
            context.run(self._travel, self._seat, arrival)
            self._free(self)

    def _next(self) -> Arrival:
        """The next journey, whatever is thrown in meanwhile: a time-out that a task has left behind is nobody's now."""
        while True:
            try:
                arrival: Arrival = self._coming.get()
            except gevent.GreenletExit:
                raise
            except BaseException:  # noqa: BLE001, S112 -- gevent.Timeout is one, and there is no journey that it could end
                continue
            return arrival
