"""The controller's side of the relay process."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from harness.errors import ProxyError
from harness.model.changes import AnswerRule, KeptExchange
from harness.model.exchange_rules import ExchangeRule, Met, exchange_rule_of, told
from harness.model.fault import Hits
from harness.model.observation import CrossingSecond
from harness.model.process import Process, ProcessSpec, Spawner
from harness.proxy.bends import Bend
from harness.proxy.patience import at_work, patiently
from harness.proxy.relay import CONTROL_LINE_LIMIT, RelayLine

NAME = "relay"
SOCKET = "relay.sock"
READY_WITHIN_S = 15.0
COMMAND_WITHIN_S = 2.0
"""Of silence, as `patiently` counts it: a relay that gets no processor is given time."""
STOP_WITHIN_S = 2.0
KILL_WITHIN_S = 5.0
LOG_TAIL = 500
"""Characters of a log that a message shows."""


Hear = Callable[[KeptExchange], None]
NO_FAULTS: Mapping[str, ExchangeRule] = {}


class RelayControl:
    """A running relay, told what to do over a Unix socket in the run's directory."""

    def __init__(
        self, spec: ProcessSpec, *, spawner: Spawner, directory: Path, on_crossing: Callable[[CrossingSecond], None]
    ) -> None:
        self._spec = spec
        self._spawner = spawner
        self._directory = directory
        self._on_crossing = on_crossing
        self._process: Process
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._ready: asyncio.Future[str]
        self._ended = asyncio.Event()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._hearing: dict[str, Hear] = {}

    @classmethod
    async def start(
        cls,
        lines: Sequence[RelayLine],
        *,
        spawner: Spawner,
        directory: Path,
        run_began: float,
        on_crossing: Callable[[CrossingSecond], None],
    ) -> Self:
        """Start the process; returns when it listens on all lines.

        Raises:
            ProxyError: when it dies, is not ready in time, or a port is taken.
        """
        config = {"socket": SOCKET, "run_began": run_began, "lines": [asdict(line) for line in lines]}
        (directory / f"{NAME}.json").write_text(json.dumps(config, indent=1))
        spec = ProcessSpec(
            name=NAME,
            command=(sys.executable, "-P", "-m", "harness.proxy.relay", f"{NAME}.json"),
            log=str(directory / f"{NAME}.log"),
            cwd=str(directory),
        )
        control = cls(spec, spawner=spawner, directory=directory, on_crossing=on_crossing)
        await control._begin()
        return control

    async def restart(self) -> None:
        """SIGKILL it and start it again; what should be so on its lines is to be told anew.

        Raises:
            ProxyError: as `start`, and when it outlives its end.
        """
        await self._process.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(KILL_WITHIN_S):
                await self._process.wait()
        except TimeoutError as error:
            raise ProxyError(f"the relay (pid {self._process.pid}) outlived SIGKILL by {KILL_WITHIN_S:g} s") from error
        self._close()
        await self._begin()

    async def _begin(self) -> None:
        listener = _listen(self._directory)
        self._ready, self._ended = asyncio.get_running_loop().create_future(), asyncio.Event()
        try:
            self._process = await self._spawner.spawn(self._spec)
        except BaseException:
            listener.close()
            raise
        try:
            self._server = await asyncio.start_unix_server(self._converse, sock=listener, limit=CONTROL_LINE_LIMIT)
            await self._await_ready(self._spec.log)
        except BaseException:
            if self._server is None:
                listener.close()
            await self.stop()
            raise

    def _close(self) -> None:
        """Hear nothing more of the process that there was."""
        if self._writer is not None:
            self._writer.close()
        if self._server is not None:
            self._server.close()
        self._writer = self._server = None

    async def _await_ready(self, log: str) -> None:
        died = asyncio.ensure_future(self._process.wait())
        died.add_done_callback(lambda _died: self._ready.done() or self._ready.cancel())
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await asyncio.wait([self._ready])
        except TimeoutError:
            self._ready.cancel()
        finally:
            died.cancel()
        if self._ready.cancelled():
            what = "died" if self._process.returncode is not None else f"was not ready within {READY_WITHIN_S:g} s"
            raise ProxyError(f"the relay {what}; see {log}: {tail_of(Path(log))}")
        if problem := self._ready.result():
            raise ProxyError(f"the relay can't listen: {problem}; free the port or let the harness pick one")

    async def alive(self) -> bool:
        """Whether it runs and answers."""
        try:
            await self.tell("ping")
        except ProxyError:
            return False
        return True

    async def tell(self, do: str, line: str = "") -> int:
        """Give a command; the connections that it cut.

        `refuse`, `turn-away`, `accept`, `cut`, `abrupt` and `gentle` are for a line; `ping` asks whether it is there,
        and `flush` has the figures of the second that runs delivered before the answer.

        Raises:
            ProxyError: when the relay is gone or does not answer in time.
        """
        return await self._tell({"do": do, "line": line})

    async def stage(
        self,
        line: str,
        rules: Sequence[AnswerRule],
        *,
        faults: Mapping[str, ExchangeRule] = NO_FAULTS,
        hear: Hear | None,
    ) -> int:
        """Have the HTTP of a line read, and done what faults and rules mean; the connections read from the middle on.

        `hear` is told of every exchange, even of those that no rule means. Without any of it, bytes pass as ever.
        Connections that were open before anything was read are read from their next request on.
        Of faults, the first that means an exchange acts, and then no rule does.

        Raises:
            ProxyError: as `tell`.
        """
        if hear is None:
            self._hearing.pop(line, None)
        else:
            self._hearing[line] = hear
        stage = {
            "rules": [asdict(rule) for rule in rules],
            "faults": {key: told(rule) for key, rule in faults.items()},
            "keep": hear is not None,
        }
        return await self._tell({"do": "stage", "line": line, "stage": stage})

    async def exchange_faults(self, line: str) -> dict[str, ExchangeRule]:
        """What is done to the exchanges of a line, as the relay tells it; raises ProxyError as `tell`."""
        answer = await self._ask({"do": "exchange-faults", "line": line})
        return {key: exchange_rule_of(rule) for key, rule in answer["found"].items()}

    async def exchanges_met(self, line: str, key: str) -> Met:
        """The exchanges that a fault met since it was set, also after it was taken off; raises ProxyError as `tell`."""
        answer = await self._ask({"do": "exchanges-met", "line": line, "key": key})
        return Met(**answer["found"])

    async def bend(self, line: str, bends: Sequence[Bend]) -> int:
        """Have these in force on a line, and no others; the live connections that the new ones chose.

        Raises:
            ProxyError: as `tell`, and when others are read back.
        """
        answer = await self._ask({"do": "bend", "line": line, "bends": [asdict(bend) for bend in bends]})
        if sorted(answer["found"]) != sorted(bend.key for bend in bends):
            raise ProxyError(f"expected {[bend.key for bend in bends]} in force on {line}, found {answer['found']}")
        return int(answer["count"])

    async def bend_met(self, line: str, key: str) -> Hits:
        """What met a bend, also when it is off again; raises ProxyError as `tell`."""
        answer = await self._ask({"do": "bend-met", "line": line, "key": key})
        return Hits(**answer["found"])

    async def _tell(self, command: dict[str, Any]) -> int:
        return int((await self._ask(command))["count"])

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        do, line = command["do"], command["line"]
        if self._writer is None or self._ended.is_set() or self._process.returncode is not None:
            raise ProxyError(f"the relay is gone; it was to {do} {line}".rstrip())
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(json.dumps({"id": number, **command}).encode() + b"\n")
            return await patiently(answer, silence_s=COMMAND_WITHIN_S, works=lambda: at_work(self._process))
        except TimeoutError as error:
            raise ProxyError(f"the relay did not {do} {line} within {COMMAND_WITHIN_S:g} s") from error
        finally:
            self._waiting.pop(number, None)

    async def stop(self) -> None:
        """Take its last figures and stop it; nothing happens when it is gone."""
        if self._writer is not None and not self._ended.is_set():
            self._writer.write(b'{"do":"stop"}\n')
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._ended.wait()
        await self._process.stop(STOP_WITHIN_S)
        self._close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()
            return
        self._writer, ended = writer, self._ended
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            ended.set()
            for answer in self._waiting.values() if ended is self._ended else ():
                if not answer.done():
                    answer.set_exception(ProxyError("the relay ended before it answered"))
            writer.close()

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"crossings": rows}:
                for row in rows:
                    self._on_crossing(CrossingSecond(**row))
            case {"exchange": row}:
                if row["line"] in self._hearing:
                    self._hearing[row["line"]](_kept(row))
            case {"id": number}:
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case {"ready": _, "problem": problem} if not self._ready.done():
                self._ready.set_result(problem)
            case _:
                raise ProxyError(f"expected a message of the relay, found {message!r}")


def _kept(row: dict[str, Any]) -> KeptExchange:
    """An exchange as the relay told of it."""
    pairs = {name: tuple((key, value) for key, value in row[name]) for name in ("request_headers", "headers")}
    bodies = {name: base64.b64decode(row[name]) for name in ("request_body", "body")}
    served = None if row["served"] is None else base64.b64decode(row["served"])
    return KeptExchange(**{**row, **pairs, **bodies, "served": served})


def tail_of(log: Path) -> str:
    """The last characters of a log; empty when there is none."""
    return log.read_text(errors="replace")[-LOG_TAIL:].strip() if log.exists() else ""


def _listen(directory: Path) -> socket.socket:
    """A Unix socket in a directory whose path may be longer than the 108 bytes that an address may have."""
    (directory / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    held = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{held}/{SOCKET}")
        (directory / SOCKET).chmod(0o600)
    finally:
        os.close(held)
    listener.listen(1)
    listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
    return listener
