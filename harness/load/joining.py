"""A worker's end: it joins Locust's master, loads what that says, and drives its share."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gevent
import locust
from gevent.event import AsyncResult
from gevent.queue import Queue
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import WorkerRunner

from harness.errors import LoadError
from harness.load.clocks import ROUND_TRIPS, RoundTrip, offset
from harness.load.fleet_wire import (
    ASK_TIME,
    COMMAND,
    HELLO,
    HISTORY,
    REFUSAL,
    REPORT,
    TIME,
    WELCOME,
    boot_id,
    digest_of,
    hello_of_this_process,
    told,
    with_data,
)
from harness.load.generator import Generator
from harness.load.operations import OperationsWriter, file_of
from harness.load.reports import Reports, die, or_die
from harness.load.serving import generator_of, log_to_stderr, obey
from harness.load.wire import Begin, Done, Ready, Refused, Total, read_command, report_line

JOIN_LIMIT_S = 60.0
"""How long a master is looked for."""

SILENCE_LIMIT_S = 15
"""A master that says nothing for so long is gone, and its workers with it; it answers a heartbeat each second."""

HISTORY_EVERY_S = 0.2
"""How often the operations of a worker without the run's disk are sent; they go before any report besides."""

UNABLE = 2
INTERRUPTED = 130
"""Exit codes."""

FAREWELL_S = 0.3
"""Time for a last word to leave: ZeroMQ does not tell when it has."""

_LOG = logging.getLogger("harness.load")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Which master, and what this worker has of its own."""

    host: str
    port: int
    name: str = ""
    directory: Path | None = None
    """The run's, when this is the run's machine."""
    locustfile: Path | None = None

    @property
    def address(self) -> str:
        """The master's, in words."""
        return f"{self.host}:{self.port}"


def join(joining: Joining) -> int:
    """Work for the master until it ends the run; gives the exit code."""
    log_to_stderr()
    try:
        own = joining.locustfile.read_bytes() if joining.locustfile is not None else b""
    except OSError as error:
        _LOG.error("%s: expected a locustfile, but it can't be read (%s)", joining.locustfile, error.strerror)
        return UNABLE
    _LOG.info("looking for a master at %s", joining.address)
    try:
        with gevent.Timeout(JOIN_LIMIT_S, LoadError(f"no master answered within {JOIN_LIMIT_S:g} s")):
            environment = Environment(events=locust.events, user_classes=[])
            environment.runner = WorkerRunner(environment, joining.host, joining.port)
            worker = _Worker(joining, environment.runner, own)
            worker.say_hello()
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, worker.leave)
        return worker.work()
    except LoadError as error:
        _LOG.error("%s: %s", joining.address, error)
        return UNABLE


class _Worker:
    def __init__(self, joining: Joining, runner: WorkerRunner, own: bytes) -> None:
        self._joining = joining
        self._runner = runner
        self._own = own
        self._times: Queue[tuple[int, float]] = Queue()
        self._welcome: AsyncResult[dict[str, Any]] = AsyncResult()
        self._generator: Generator | None = None
        self._reports = Reports(self._send_line)
        self._history: list[bytes] = []
        self._offset_s = 0.0
        self._master_boot = ""
        self._silent_s = 0
        listeners: dict[str, Callable[[Any], None]] = {
            TIME: self._on_time,
            REFUSAL: lambda said: self._welcome.set_exception(LoadError(str(said))),
            WELCOME: self._welcome.set,
            COMMAND: self._on_command,
        }
        for kind, listener in listeners.items():
            runner.register_message(kind, with_data(listener))

    def say_hello(self) -> None:
        """Tell the master who this is; raises LoadError when it refuses."""
        trips = [self._round_trip(number) for number in range(ROUND_TRIPS)]
        clock = offset(trips, same_machine=self._master_boot == boot_id())
        self._offset_s = clock.offset_s
        hello = hello_of_this_process(
            name=self._joining.name,
            shares_disk=self._joining.directory is not None,
            digest=digest_of(self._own) if self._own else "",
            clock_offset_s=clock.offset_s,
            clock_doubt_s=clock.doubt_s,
        )
        self._send(HELLO, told(hello))

    def work(self) -> int:
        """Load, and drive until the master ends it; raises LoadError when it refuses."""
        self._runner.environment.events.heartbeat_received.add_listener(self._on_heartbeat)  # type: ignore[no-untyped-call]  # Locust's
        gevent.spawn(self._end_without_master)
        welcome = self._welcome.get()
        _LOG.info("the master at %s has work", self._joining.address)
        try:
            self._generator = self._load(welcome)
        except LoadError as error:
            self._send(REPORT, report_line(Refused(reason=str(error))))
            gevent.sleep(FAREWELL_S)
            raise
        gevent.spawn(self._reports.write_all)
        gevent.spawn(self._send_history_often)
        gevent.spawn(or_die, self._generator.run)
        self._reports.put(Ready())
        self._runner.greenlet.join()
        _LOG.info("the master has ended the run")
        sys.stderr.flush()
        os._exit(0)  # journeys in flight are not waited for

    def leave(self) -> None:
        """Somebody ends this worker: say so and go."""
        _LOG.info("interrupted: this worker leaves the master at %s", self._joining.address)
        self._send("quit", None)
        gevent.sleep(FAREWELL_S)
        sys.stderr.flush()
        os._exit(INTERRUPTED)

    def _load(self, welcome: dict[str, Any]) -> Generator:
        begin = read_command(welcome["begin"])
        if not isinstance(begin, Begin):
            message = "the master did not say what to load"
            raise LoadError(message)
        begin = replace(begin, run_began=begin.run_began - self._offset_s)
        writer = self._writer(begin)
        if begin.steps or self._joining.directory is not None:
            return generator_of(begin, self._reports, writer, self._runner)
        if self._joining.locustfile is not None:
            own = self._joining.locustfile.resolve()
            begin = replace(begin, locustfile=str(own), path=(str(own.parent), *begin.path))
            return generator_of(begin, self._reports, writer, self._runner)
        with tempfile.TemporaryDirectory(prefix="harness-load-") as directory:
            file = Path(directory) / Path(str(welcome["file_name"])).name
            file.write_bytes(welcome["text"])
            return generator_of(replace(begin, locustfile=str(file)), self._reports, writer, self._runner)

    def _writer(self, begin: Begin) -> OperationsWriter:
        if self._joining.directory is not None:
            return OperationsWriter(file_of(self._joining.directory, begin.name), worker=begin.name)
        return OperationsWriter(None, worker=begin.name, append=self._history.append)

    def _on_command(self, line: bytes) -> None:
        if self._generator is None:
            _LOG.warning("the master commands what is not loaded yet")
            return
        command = read_command(line)
        if isinstance(command, Total):
            self._runner._send_stats()  # noqa: SLF001 -- as Locust does at its own end
            self._reports.put(Done(id=command.id))
            return
        obey(command, self._generator, self._reports)

    def _on_heartbeat(self, **_further: object) -> None:
        self._silent_s = 0

    def _on_time(self, said: tuple[int, float, str]) -> None:
        number, now, self._master_boot = said
        self._times.put((number, now))

    def _round_trip(self, number: int) -> RoundTrip:
        asked = time.monotonic()
        self._send(ASK_TIME, number)
        while True:
            answered_number, theirs = self._times.get()
            if answered_number == number:
                return RoundTrip(asked=asked, theirs=theirs, answered=time.monotonic())

    def _end_without_master(self) -> None:
        # Seconds are counted, not measured: whoever was stopped for a while has not listened either.
        while self._silent_s < SILENCE_LIMIT_S:
            gevent.sleep(1)
            self._silent_s += 1
        _LOG.error("%s: no word from the master for %d s; this worker ends", self._joining.address, SILENCE_LIMIT_S)
        sys.stderr.flush()
        os._exit(UNABLE)

    def _send_history_often(self) -> None:
        while True:
            gevent.sleep(HISTORY_EVERY_S)
            self._send_history()

    def _send_history(self) -> None:
        if self._history:
            lines = b"".join(self._history)
            self._history.clear()
            self._send(HISTORY, lines)

    def _send_line(self, line: bytes) -> None:
        self._send_history()
        self._send(REPORT, line)

    def _send(self, kind: str, said: object) -> None:
        try:
            self._runner.send_message(kind, said)  # type: ignore[arg-type]  # it packs whatever msgpack can
        except RPCError as error:
            die(f"the master at {self._joining.address} takes no more ({error})")
