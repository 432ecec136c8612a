"""The load generator's end of the wire: commands in, reports out."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import gevent

from harness.errors import LoadError
from harness.load import customers
from harness.load.generator import Generator
from harness.load.operations import OperationsWriter
from harness.load.reports import Reports, or_die
from harness.load.wire import (
    Begin,
    Command,
    Done,
    Drive,
    Exchanged,
    Flush,
    Follow,
    Gather,
    Gone,
    Pay,
    Quiesce,
    Ready,
    Refused,
    Show,
    TakeDistinct,
    Total,
    connect,
    read_command,
    report_line,
)
from harness.model.load_events import Observed

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.runners import Runner

_LOG = logging.getLogger("harness.load")


def serve(directory: str) -> int:
    """Obey the driver that listens in `directory` until it hangs up; gives the exit code."""
    log_to_stderr()
    connection = connect(Path(directory))
    lines = connection.makefile("rb")
    reports = Reports(connection.sendall)
    begin = read_command(lines.readline())
    if not isinstance(begin, Begin):
        _LOG.error("expected the driver to begin, found %r", begin)
        return 2
    try:
        generator = generator_of(begin, reports, OperationsWriter(Path(begin.history), worker=begin.name))
    except LoadError as error:
        _LOG.error("%s", error)
        connection.sendall(report_line(Refused(reason=str(error))))
        return 2
    gevent.spawn(reports.write_all)
    gevent.spawn(or_die, generator.run)
    reports.put(Ready())
    for line in lines:
        obey(read_command(line), generator, reports)
    # The driver has hung up: end at once, without waiting for journeys in flight.
    sys.stderr.flush()
    os._exit(0)


def log_to_stderr() -> None:
    """Whoever started this process keeps what it says there."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def generator_of(begin: Begin, reports: Reports, writer: OperationsWriter, runner: Runner | None = None) -> Generator:
    """A generator of what is to be loaded; raises LoadError when that can't be done."""
    if begin.steps:
        loaded = customers.load_steps(
            begin.steps,
            hosts=begin.hosts,
            deadlines=begin.deadlines,
            degraded=begin.degraded,
            headers=begin.headers,
            runner=runner,
        )
    else:
        loaded = customers.load(
            Path(begin.locustfile),
            hosts=begin.hosts,
            journeys=begin.journeys,
            deadlines=begin.deadlines,
            path=begin.path,
            headers=begin.headers,
            runner=runner,
        )
    return Generator(loaded, begin, writer=writer, send=lambda observed: reports.put(_named(observed, begin.name)))


def _named(observed: Observed, name: str) -> Observed:
    """The same with the generator's name in its own rows."""
    if not name or not observed.generator:
        return observed
    return replace(observed, generator=tuple(replace(row, worker=name) for row in observed.generator))


def obey(command: Command, generator: Generator, reports: Reports) -> None:
    """Carry out a command, and answer it when it is done."""
    match command:
        case Drive() | Follow():
            reports.put(_altered(command, generator))
        case Quiesce(id=number, timeout_s=timeout_s, at=at):
            late_s = generator.hold_until(at)
            generator.stop(at)
            gevent.spawn(lambda: reports.put(Done(id=number, in_flight=generator.quiesce(timeout_s), late_s=late_s)))
        case Flush(id=number):
            generator.flush()
            reports.put(Done(id=number))
        case TakeDistinct(id=number):
            generator.take_distinct()
            reports.put(Done(id=number))
        case Pay():
            gevent.spawn(_pay, command, generator, reports)
        case Show():
            reports.put(shown(command, generator.environment))
        case Begin() | Gather() | Gone() | Total():
            _LOG.warning("the driver said what is not for a generator at work: %s", command.do)
        case _:
            assert_never(command)


def shown(command: Show, environment: Environment) -> Done:
    """Show Locust's pages, and tell whether that could be done."""
    from harness.load.web import show

    try:
        show(environment, command.place)
    except LoadError as error:
        return Done(id=command.id, error=str(error))
    return Done(id=command.id)


def _altered(command: Drive | Follow, generator: Generator) -> Done:
    """Alter the load at the moment that was asked for."""
    try:
        if isinstance(command, Drive):
            late_s = generator.hold_until(command.at)
            generator.drive(rate=command.rate, weights=command.weights, at=command.at)
        else:
            if command.run_began is not None:
                generator.reckon_from(command.run_began)
            late_s = generator.hold_until(command.since)
            generator.follow(command.profile, began=command.began, since=command.since)
    except ValueError as error:
        return Done(id=command.id, error=str(error))
    return Done(id=command.id, late_s=late_s)


def _pay(command: Pay, generator: Generator, reports: Reports) -> None:
    try:
        paid = generator.pay(
            command.journey, command.number, lambda exchange: reports.put(Exchanged(id=command.id, exchange=exchange))
        )
    except ValueError as error:
        reports.put(Done(id=command.id, error=str(error)))
        return
    reports.put(Done(id=command.id, failed=paid.failed, trace=paid.trace))
