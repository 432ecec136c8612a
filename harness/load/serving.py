"""The load generator's end of the wire: commands in, reports out."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, assert_never

import gevent
from gevent.queue import Full, Queue

from harness.errors import LoadError
from harness.load import customers
from harness.load.generator import Generator
from harness.load.operations import OperationsWriter
from harness.load.wire import (
    Begin,
    Command,
    Done,
    Drive,
    Exchanged,
    Flush,
    Pay,
    Quiesce,
    Ready,
    Refused,
    Report,
    TakeDistinct,
    connect,
    read_command,
    report_line,
)

BACKLOG_LIMIT = 2_000
"""Reports that may wait for a driver that does not read; beyond, the generator gives up loudly."""

_LOG = logging.getLogger("harness.load")


def serve(directory: str) -> int:
    """Obey the driver that listens in `directory` until it hangs up; gives the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    connection = connect(Path(directory))
    lines = connection.makefile("rb")
    reports = _Reports(connection)
    begin = read_command(lines.readline())
    if not isinstance(begin, Begin):
        _LOG.error("expected the driver to begin, found %r", begin)
        return 2
    try:
        generator = _generator(begin, reports)
    except LoadError as error:
        _LOG.error("%s", error)
        connection.sendall(report_line(Refused(reason=str(error))))
        return 2
    gevent.spawn(reports.write_all)
    gevent.spawn(_or_die, generator.run)
    reports.put(Ready())
    for line in lines:
        _obey(read_command(line), generator, reports)
    # The driver has hung up: end at once, without waiting for journeys in flight.
    sys.stderr.flush()
    os._exit(0)


class _Reports:
    """Reports on their way to the driver; whoever puts one never waits."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting: Queue[bytes] = Queue(maxsize=BACKLOG_LIMIT)

    def put(self, report: Report) -> None:
        try:
            self._waiting.put_nowait(report_line(report))
        except Full:
            _die(f"{BACKLOG_LIMIT} reports wait and the driver reads none")

    def write_all(self) -> None:
        try:
            while True:
                self._connection.sendall(self._waiting.get())
        except OSError:
            os._exit(0)  # the driver has hung up


def _generator(begin: Begin, reports: _Reports) -> Generator:
    if begin.steps:
        loaded = customers.load_steps(
            begin.steps,
            hosts=begin.hosts,
            deadlines=begin.deadlines,
            degraded=begin.degraded,
            headers=begin.headers,
        )
    else:
        loaded = customers.load(
            Path(begin.locustfile),
            hosts=begin.hosts,
            journeys=begin.journeys,
            deadlines=begin.deadlines,
            path=begin.path,
            headers=begin.headers,
        )
    return Generator(loaded, begin, writer=OperationsWriter(Path(begin.history)), send=reports.put)


def _obey(command: Command, generator: Generator, reports: _Reports) -> None:
    match command:
        case Drive(id=number, rate=rate, weights=weights):
            try:
                generator.drive(rate=rate, weights=weights)
            except ValueError as error:
                reports.put(Done(id=number, error=str(error)))
            else:
                reports.put(Done(id=number))
        case Quiesce(id=number, timeout_s=timeout_s):
            gevent.spawn(lambda: reports.put(Done(id=number, in_flight=generator.quiesce(timeout_s))))
        case Flush(id=number):
            generator.flush()
            reports.put(Done(id=number))
        case TakeDistinct(id=number):
            generator.take_distinct()
            reports.put(Done(id=number))
        case Pay():
            gevent.spawn(_pay, command, generator, reports)
        case Begin():
            _LOG.warning("the driver began twice")
        case _:
            assert_never(command)


def _pay(command: Pay, generator: Generator, reports: _Reports) -> None:
    try:
        paid = generator.pay(
            command.journey, command.number, lambda exchange: reports.put(Exchanged(id=command.id, exchange=exchange))
        )
    except ValueError as error:
        reports.put(Done(id=command.id, error=str(error)))
        return
    reports.put(Done(id=command.id, failed=paid.failed, trace=paid.trace))


def _or_die(work: Callable[[], None]) -> None:
    """A generator without its pace must not look alive."""
    try:
        work()
    except Exception:  # noqa: BLE001 -- whatever it is, it ends this process, loudly
        _LOG.exception("the load generator is broken")
        _die("see above")


def _die(why: str) -> NoReturn:
    _LOG.error("the load generator ends: %s", why)
    sys.stderr.flush()
    os._exit(3)
