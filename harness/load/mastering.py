"""Locust's master between a driver and several generators: commands go out to all, reports come in from all."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import HEARTBEAT_INTERVAL, HEARTBEAT_LIVENESS, STATE_MISSING, MasterRunner

from harness.errors import LoadError
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
    with_sender,
)
from harness.load.members import Member, Members
from harness.load.operations import HistoryFile, file_of
from harness.load.questions import Questions
from harness.load.reports import Reports, die, or_die
from harness.load.serving import log_to_stderr, shown
from harness.load.undriven import Undriven
from harness.load.wire import (
    Begin,
    Command,
    Done,
    Drive,
    Follow,
    Gather,
    Gone,
    Listening,
    LocustTotal,
    Pay,
    Question,
    Quiesce,
    Ready,
    Refused,
    Show,
    Total,
    Totals,
    command_line,
    connect,
    read_command,
    read_report,
    report_line,
)
from harness.model.load_events import Noted, Observed, WorkerJoined, WorkerLost

LEAD_S = 0.1
"""A change of the load is to hold from so far in the future, that every worker has heard of it by then."""

LATE_TOLD_S = 0.05
"""A worker that heard of a change later than this is told of: until it did, it drove by what held before."""

LOOK_EVERY_S = 0.25
"""How often it is looked whether Locust misses a worker; it does after 3 heartbeats, which are a second apart."""

DRAIN_S = 0.2
"""What a worker sent before its process ended arrives within this."""

FAREWELL_S = 0.3
"""Time for the word that all is over to leave."""

_LOG = logging.getLogger("harness.load")


def serve(directory: str) -> int:
    """Obey the driver that listens in `directory` until it hangs up; gives the exit code."""
    log_to_stderr()
    connection = connect(Path(directory))
    lines = connection.makefile("rb")
    gather = read_command(lines.readline())
    if not isinstance(gather, Gather):
        _LOG.error("expected the driver to gather workers, found %r", gather)
        return 2
    reports = Reports(connection.sendall)
    try:
        text = Path(gather.begin.locustfile).read_bytes() if gather.begin.locustfile else b""
        master = _Master(gather, Path(directory), text, reports)
    except (LoadError, OSError) as error:
        _LOG.error("%s", error)
        connection.sendall(report_line(Refused(reason=str(error))))
        return 2
    gevent.spawn(reports.write_all)
    gevent.spawn(or_die, master.watch)
    for line in lines:
        master.obey(read_command(line))
    # The driver has hung up: all is over, and what is in flight is lost.
    master.dismiss()
    sys.stderr.flush()
    os._exit(0)


def _listening(gather: Gather) -> MasterRunner:
    environment = Environment(events=locust.events, user_classes=[])
    try:
        address = f"[{gather.address}]" if ":" in gather.address else gather.address
        runner = MasterRunner(environment, address, gather.port)
    except (RPCError, SystemExit, Exception) as error:
        why = "the port is taken" if isinstance(error, SystemExit) else str(error)
        message = f"expected to listen for workers at {gather.address}:{gather.port}, but that can't be done: {why}"
        raise LoadError(message) from error
    environment.runner = runner
    return runner


def _totals(runner: MasterRunner) -> tuple[LocustTotal, ...]:
    return tuple(
        LocustTotal(
            method=entry.method or "",
            name=entry.name,
            requests=entry.num_requests,
            failures=entry.num_failures,
            response_ms=entry.total_response_time,
        )
        for entry in runner.stats.entries.values()
    )


class _Master:
    def __init__(self, gather: Gather, directory: Path, text: bytes, reports: Reports) -> None:
        self._begin = gather.begin
        self._directory = directory
        self._text = text
        self._reports = reports
        self._members = Members(gather.begin, workers=gather.workers, text=text)
        self._questions = Questions()
        self._undriven = Undriven(gather.begin.seed, generators=gather.workers)
        self._histories: dict[str, HistoryFile] = {}
        self._totals_asked: set[int] = set()
        self._ready = False
        self._boot = boot_id()
        self._runner = _listening(gather)
        listeners: dict[str, Callable[[str, Any], None]] = {
            ASK_TIME: lambda client, number: self._send(TIME, (number, time.monotonic(), self._boot), client),
            HELLO: self._on_hello,
            REPORT: self._on_report,
            HISTORY: self._on_history,
        }
        for kind, listener in listeners.items():
            self._runner.register_message(kind, with_sender(listener))
        reports.put(Listening(port=self._runner.server.port))

    def watch(self) -> None:
        """Notice who is missing, and count what is not driven for it, for ever."""
        told_until = 0
        while True:
            gevent.sleep(LOOK_EVERY_S)
            for member in self._members.alive() if self._ready else ():
                node = self._runner.clients.get(member.client)
                if node is None:
                    self._lose(member, "it was told to end, and left")
                elif node.state == STATE_MISSING:
                    self._lose(member, f"it was silent for more than {HEARTBEAT_LIVENESS * HEARTBEAT_INTERVAL} s")
            now = self._now()
            self._undriven.upto(now)
            if int(now) > told_until:
                told_until = int(now)
                self._tell_undriven(told_until)

    def obey(self, command: Command) -> None:
        """Carry out a command of the driver, or have the workers do so."""
        match command:
            case Gone():
                gevent.spawn(self._on_gone, command)
            case Total():
                self._totals_asked.add(command.id)
                self._ask(command)
            case Drive() | Follow():
                self._alter(command)
            case Quiesce():
                at = self._now() + LEAD_S
                self._undriven.stop(at)
                self._ask(replace(command, at=at))
            case Pay():
                self._ask(command, self._members.alive()[:1])
            case Show():
                self._reports.put(shown(command, self._runner.environment))
            case Begin() | Gather():
                _LOG.warning("the driver began twice")
            case _:
                self._ask(command)

    def _alter(self, command: Drive | Follow) -> None:
        if isinstance(command, Drive):
            command = replace(command, at=self._now() + LEAD_S)
        try:
            self._undriven.alter(command)
        except ValueError as error:
            self._reports.put(Done(id=command.id, error=str(error)))
            return
        self._ask(command)

    def dismiss(self) -> None:
        """Let every worker end."""
        for client in self._runner.clients:
            self._send("quit", None, client)
        gevent.sleep(FAREWELL_S)

    def _ask(self, question: Question, members: list[Member] | None = None) -> None:
        asked = self._members.alive() if members is None else members
        self._questions.ask(question.id, (member.name for member in asked))
        for member in asked:
            self._send(COMMAND, command_line(question), member.client)

    def _on_hello(self, client: str, said: object) -> None:
        welcomed = self._members.welcome(client, said)
        if isinstance(welcomed, str):
            _LOG.warning("refused: %s", welcomed)
            self._reports.put(Noted(t=self._now(), message=f"a worker was refused: {welcomed}"))
            self._send(REFUSAL, welcomed, client)
            self._send("quit", None, client)
            return
        begin = command_line(welcomed.begin)
        name = Path(self._begin.locustfile).name
        self._send(WELCOME, {"begin": begin, "file_name": name, "text": self._text}, client)

    def _on_history(self, client: str, lines: bytes) -> None:
        if (member := self._members.of(client)) is None:
            return
        if member.name not in self._histories:
            self._histories[member.name] = HistoryFile(file_of(self._directory, member.name))
        self._histories[member.name].append(lines)

    def _on_report(self, client: str, line: bytes) -> None:
        member = self._members.of(client)
        if member is None or member.lost:
            return  # what it says now was counted as lost
        report = read_report(line)
        match report:
            case Ready():
                self._on_ready(member)
            case Refused():
                self._reports.put_line(line)
            case Done():
                self._tell_late(member, report)
                if (answer := self._questions.answered(member.name, report)) is not None:
                    self._answer(answer)
            case Observed(generator=rows):
                member.told_until = max((row.second + 1 for row in rows), default=member.told_until)
                self._reports.put_line(line)
            case _:
                self._reports.put_line(line)

    def _on_ready(self, member: Member) -> None:
        member.ready = True
        hello = member.hello
        self._reports.put(
            WorkerJoined(
                t=self._now(),
                worker=member.name,
                machine=hello.machine,
                pid=hello.pid,
                clock_offset_s=hello.clock_offset_s,
                clock_doubt_s=hello.clock_doubt_s,
            )
        )
        for message in self._members.doubts(member, self._boot):
            self._reports.put(Noted(t=self._now(), message=message))
        if self._members.complete and not self._ready:
            self._ready = True
            self._reports.put(Ready())

    def _tell_late(self, member: Member, done: Done) -> None:
        if done.late_s > LATE_TOLD_S:
            message = f"worker {member.name} heard of a change of the load {done.late_s * 1000:.0f} ms after it was due"
            self._reports.put(Noted(t=self._now(), message=message))

    def _on_gone(self, command: Gone) -> None:
        gevent.sleep(DRAIN_S)
        member = self._members.named(command.worker)
        if member is not None and not member.lost:
            self._lose(member, command.why)
        self._reports.put(Done(id=command.id))

    def _answer(self, done: Done) -> None:
        if done.id in self._totals_asked:
            # Every worker has sent Locust's statistics before it answered, so all of them are in.
            self._totals_asked.discard(done.id)
            self._reports.put(Totals(totals=_totals(self._runner)))
        self._reports.put(done)

    def _lose(self, member: Member, why: str) -> None:
        member.lost = True
        left = len(self._members.alive())
        self._send("quit", None, member.client)  # should it come back: its journeys would be nobody's
        _LOG.error("worker %s on %s is lost: %s; %d left", member.name, member.hello.machine, why, left)
        self._reports.put(
            WorkerLost(
                t=self._now(),
                worker=member.name,
                machine=member.hello.machine,
                why=why,
                told_until=member.told_until,
                left=left,
                history_whole=member.hello.shares_disk,
            )
        )
        for done in self._questions.gone(member.name):
            self._answer(done)
        if not left:
            gevent.sleep(FAREWELL_S)
            die("no worker is left")

    def _tell_undriven(self, before: int) -> None:
        for member in self._members.lost():
            rows = self._undriven.lost(member.index, member.name, since=member.told_until, before=before)
            member.told_until = max(member.told_until, before)
            if rows:
                self._reports.put(Observed(generator=rows))

    def _now(self) -> float:
        return time.monotonic() - self._begin.run_began

    def _send(self, kind: str, said: object, client: str) -> None:
        try:
            self._runner.send_message(kind, said, client)  # type: ignore[arg-type]  # it packs whatever msgpack can
        except RPCError as error:
            _LOG.warning("%s did not reach %s: %s", kind, client, error)
