"""An event loop in a thread of its own, for callers that are synchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")

CANCEL_WITHIN_S = 10.0
"""How long work gets to end once it was cancelled."""


class Background:
    """Runs coroutines on a loop that goes on between them; close it when done."""

    def __init__(self) -> None:
        # The factory keeps the loop out of the way of whoever uses asyncio in this thread.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._thread = Thread(target=self._loop.run_forever, name="harness-testing", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the work's result; when the caller is interrupted, cancel it and wait until it has ended."""
        ended = Event()

        async def watched() -> T:
            try:
                return await work
            finally:
                ended.set()

        future: Future[T] = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait(CANCEL_WITHIN_S)
            raise

    def close(self) -> None:
        """Stop the loop; what still runs on it is cancelled."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._runner.close()
