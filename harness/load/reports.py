"""Reports on their way to whoever drives this process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from gevent.queue import Full, Queue

from harness.load.wire import Report, report_line

BACKLOG_LIMIT = 2_000
"""Reports that may wait for a driver that does not read; beyond, the process gives up loudly."""

_LOG = logging.getLogger("harness.load")


class Reports:
    """Whoever puts one never waits; they are sent one after the other by `write_all`."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self._waiting: Queue[bytes] = Queue(maxsize=BACKLOG_LIMIT)

    def put(self, report: Report) -> None:
        """Send it when its turn comes."""
        self.put_line(report_line(report))

    def put_line(self, line: bytes) -> None:
        """The same for one that is a line already."""
        try:
            self._waiting.put_nowait(line)
        except Full:
            die(f"{BACKLOG_LIMIT} reports wait and the driver reads none")

    def write_all(self) -> None:
        """Send them, until whoever reads has hung up: then this process ends."""
        try:
            while True:
                self._send(self._waiting.get())
        except OSError:
            os._exit(0)


def or_die(work: Callable[[], None]) -> None:
    """A generator without its pace must not look alive."""
    try:
        work()
    except Exception:  # noqa: BLE001 -- whatever it is, it ends this process, loudly
        _LOG.exception("the load generator is broken")
        die("see above")


def die(why: str) -> NoReturn:
    """End this process at once."""
    _LOG.error("the load generator ends: %s", why)
    sys.stderr.flush()
    os._exit(3)
