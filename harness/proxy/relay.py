"""The relay process: it stands before Toxiproxy on every line, counts, and obeys its controller.

`python -m harness.proxy.relay CONFIG`, where CONFIG is JSON: `socket` (a Unix socket on which the controller
listens), `run_began` (seconds of CLOCK_MONOTONIC) and `lines`. Controller and relay exchange JSON lines.
It ends when its controller goes away. It imports the standard library only, since it lives beside the services.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clock import SystemClock
from harness.proxy.bends import bend_of
from harness.proxy.counted import LOOPBACK, CountedLine
from harness.proxy.crossing import RESET_ON_CLOSE

CONTROL_LINE_LIMIT = 1 << 20
UNREAD_LIMIT = 1 << 20
"""Bytes that a controller may leave unread; beyond, figures are kept together until it reads again."""
EXCHANGES_UNREAD_LIMIT = 16 << 20
"""The same for exchanges that are told of; those beyond are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLine:
    """One listener of the relay as its configuration has it."""

    name: str
    protocol: str
    listen: int
    to: int
    host: str = LOOPBACK
    to_host: str = LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """What the relay is told when it starts."""

    socket: str
    run_began: float
    lines: tuple[RelayLine, ...]

    @classmethod
    def read(cls, path: Path) -> RelayConfig:
        """The configuration in a file written by the controller."""
        found = json.loads(path.read_bytes())
        lines = tuple(RelayLine(**line) for line in found["lines"])
        return cls(socket=found["socket"], run_began=found["run_began"], lines=lines)


class Relay:
    """All lines, their clock, and the conversation with the controller."""

    def __init__(self, config: RelayConfig) -> None:
        self._now = SystemClock().now
        self._began = config.run_began
        self._second = self._this_second()
        self._config = config
        self._lines: dict[str, CountedLine] = {}

    def _this_second(self) -> int:
        return int(self._now() - self._began)

    async def serve(self) -> int:
        """Work until the controller goes away or says stop; gives the exit code."""
        reader, writer = await asyncio.open_unix_connection(self._config.socket, limit=CONTROL_LINE_LIMIT)
        problem = self._listen()
        self._say(writer, {"ready": not problem, "problem": problem})
        if problem:
            await writer.drain()
            return 1
        ticking = asyncio.create_task(self._tick(writer))
        try:
            while line := await reader.readline():
                command = json.loads(line)
                if command["do"] == "stop":
                    break
                if command["do"] == "flush":
                    self._emit(writer)
                self._say(writer, {"id": command["id"], **self._answer(writer, command)})
        except ConnectionError:
            return 0
        finally:
            ticking.cancel()
            for listener in self._lines.values():
                listener.close()
        self._emit(writer)
        writer.close()
        return 0

    def _listen(self) -> str:
        for line in self._config.lines:
            try:
                listener = self._line_of(line)
                listener.bind()
                listener.accept()
            except OSError as error:
                return f"port {line.listen} on {line.host} for {line.name}: {error.strerror}"
            self._lines[line.name] = listener
        return ""

    def _line_of(self, line: RelayLine) -> CountedLine:
        return CountedLine(
            name=line.name,
            protocol=line.protocol,
            listen=(line.host, line.listen),
            to=(line.to_host, line.to),
            now=self._now,
        )

    def _answer(self, writer: asyncio.StreamWriter, command: dict[str, Any]) -> dict[str, object]:
        match command:
            case {"do": "stage", "line": line, "stage": told}:
                return {"count": self._stage(writer, line, told)}
            case {"do": "exchange-faults", "line": line}:
                stage = self._lines[line].stage
                return {"found": stage.faults_told() if stage is not None else {}}
            case {"do": "exchanges-met", "line": line, "key": key}:
                stage = self._lines[line].stage
                return {"found": stage.met_told(key) if stage is not None else {}}
            case {"do": "bend" | "bend-met" | "peephole", "line": line}:
                return _bent(self._lines[line], command)
            case _:
                return {"count": self._obey(command["do"], command.get("line", ""))}

    def _obey(self, do: str, line: str) -> int:
        if do in {"ping", "flush"}:
            return 0
        listener = self._lines[line]
        match do:
            case "refuse":
                return listener.refuse()
            case "turn-away":
                listener.turn_away()
            case "accept":
                listener.accept()
            case "cut":
                return listener.cut()
            case "abrupt" | "gentle":
                listener.count.abrupt = do == "abrupt"
        return 0

    def _stage(self, writer: asyncio.StreamWriter, line: str, told: dict[str, Any]) -> int:
        """Read and change HTTP on a line; gives the number of open connections that are read from now on.

        What reads HTTP is imported when it is first wanted, since most runs have no use for it.
        """
        from harness.model.changes import rule_of
        from harness.model.exchange_rules import exchange_rule_of
        from harness.proxy.stage import LineStage

        listener = self._lines[line]
        stage = listener.stage or LineStage(
            report=lambda row: self._report(writer, {"line": line, **row}),
            now=self._now,
            later=asyncio.get_running_loop().call_later,
        )
        listener.stage = stage
        faults = {key: exchange_rule_of(rule) for key, rule in told["faults"].items()}
        stage.set(tuple(rule_of(rule) for rule in told["rules"]), faults=faults, keep=told["keep"])
        return listener.read_on() if stage.on else 0

    def _report(self, writer: asyncio.StreamWriter, row: dict[str, object]) -> None:
        if writer.transport.get_write_buffer_size() <= EXCHANGES_UNREAD_LIMIT:
            self._say(writer, {"exchange": row})

    async def _tick(self, writer: asyncio.StreamWriter) -> None:
        while True:
            next_second = self._began + self._second + 1
            await asyncio.sleep(max(0.0, next_second - self._now()))
            if self._now() >= next_second:
                self._emit(writer)

    def _emit(self, writer: asyncio.StreamWriter) -> None:
        if writer.transport.get_write_buffer_size() > UNREAD_LIMIT:
            self._second = self._this_second()
            return
        rows = []
        for line in self._lines.values():
            figures = line.count.tally.take()
            if figures is not None:
                rows.append({"line": line.name, "second": self._second, **figures})
        self._second = self._this_second()
        if rows:
            self._say(writer, {"crossings": rows})

    @staticmethod
    def _say(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
        writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def _bent(line: CountedLine, command: dict[str, Any]) -> dict[str, object]:
    """What is done to the bytes of a line: set it, tell of it, or let it be seen."""
    match command["do"]:
        case "bend":
            count = line.bent.set([bend_of(bend) for bend in command["bends"]], RESET_ON_CLOSE)
            return {"count": count, "found": list(line.bent.forces)}
        case "bend-met":
            return {"found": line.bent.met(command["key"])}
        case _:
            return {"count": line.peephole()}


def _runner() -> Callable[[Coroutine[object, object, int]], int]:
    """The one of uvloop when it can be imported, since it makes a chunk cheaper; else that of asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def run(relay: Relay) -> int:
    """Serve, with as many files open as may be."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return _runner()(relay.serve())


def main(arguments: list[str]) -> int:
    """Run the relay."""
    return run(Relay(RelayConfig.read(Path(arguments[0]))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
