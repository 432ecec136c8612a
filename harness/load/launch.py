"""Starting the load generator's process, and meeting it at its socket."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

from harness.errors import DeployError, LoadError
from harness.load.warm import GENERATOR
from harness.load.wire import SOCKET_NAME, listen
from harness.model.process import Process, ProcessSpec, Spawner

LOG_NAME = "load.log"

START_LIMIT_S = 60.0
"""Importing Locust takes one second on an idle machine, and ten on a busy one."""

STOP_GRACE_S = 2.0

LOG_LINES = 12
"""Lines of the generator's log that are shown when it died."""


def look_at(locustfile: Path) -> None:
    """Refuse what can be refused without starting a process: no file, no Python; raises LoadError."""
    try:
        compile(locustfile.read_bytes(), str(locustfile), "exec")
    except OSError as error:
        message = f"{locustfile}: expected a locustfile, but it can't be read ({error.strerror})"
        raise LoadError(message) from error
    except (SyntaxError, ValueError) as error:
        where = f":{error.lineno}:{error.offset}" if isinstance(error, SyntaxError) and error.lineno else ""
        detail = error.msg if isinstance(error, SyntaxError) else error
        message = f"{locustfile}{where}: the locustfile is not Python: {detail}"
        raise LoadError(message) from error


MASTER = "harness.load.master"
WORKER = "harness.load.fleet_worker"
"""What runs in the process that is launched."""


async def launch(spawner: Spawner, directory: Path, *, module: str = GENERATOR) -> tuple[Process, socket.socket]:
    """A generator's process, with the connection on which it waits for its first command.

    Raises:
        LoadError: if it can't be started, dies, or does not connect in time; nothing is left running then.
    """
    listener = _listen(directory)
    try:
        process = await _spawn(spawner, _spec(directory, module))
        try:
            return process, await _accept(listener, process, directory)
        except BaseException:
            await process.stop(STOP_GRACE_S)
            raise
    finally:
        listener.close()
        _forget(directory)


async def launch_worker(spawner: Spawner, directory: Path, *, port: int, name: str) -> Process:
    """One of several generators, which joins the master on this machine; raises LoadError."""
    return await _spawn(spawner, _worker_spec(directory, port, name))


def worker_log(name: str) -> str:
    """The name of a worker's log in the directory."""
    return f"load-{name}.log"


def last_lines(directory: Path, log: str = LOG_NAME) -> str:
    """The end of the generator's log as a tail of a message; nothing when there is none."""
    try:
        lines = (directory / log).read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        return ""
    return "; the last lines of its log:" + "".join(f"\n  {line}" for line in lines) if lines else ""


def _listen(directory: Path) -> socket.socket:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return listen(directory)
    except OSError as error:
        message = f"{directory}: expected a directory for the load generator's files, but it can't be used ({error})"
        raise LoadError(message) from error


def _forget(directory: Path) -> None:
    (directory / SOCKET_NAME).unlink(missing_ok=True)


def _spec(directory: Path, module: str) -> ProcessSpec:
    return ProcessSpec(
        name="load generator",
        command=(sys.executable, "-m", module, str(directory.resolve())),
        log=str((directory / LOG_NAME).resolve()),
        env=dict(os.environ),
    )


def _worker_spec(directory: Path, port: int, name: str) -> ProcessSpec:
    return ProcessSpec(
        name=f"load generator {name}",
        command=(
            *(sys.executable, "-m", WORKER, "--join", f"127.0.0.1:{port}"),
            *("--name", name, "--directory", str(directory.resolve())),
        ),
        log=str((directory / worker_log(name)).resolve()),
        env=dict(os.environ),
    )


async def _spawn(spawner: Spawner, spec: ProcessSpec) -> Process:
    try:
        return await spawner.spawn(spec)
    except DeployError as error:
        message = f"the load generator can't be started: {error}"
        raise LoadError(message) from error


async def _accept(listener: socket.socket, process: Process, directory: Path) -> socket.socket:
    """The generator's connection; raises LoadError when it dies before, or does not connect in time."""
    loop = asyncio.get_running_loop()
    accepting = asyncio.create_task(loop.sock_accept(listener))
    dying = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({accepting, dying}, timeout=START_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        if accepting.done():
            connection, _ = accepting.result()
            return connection
        end = f"ended with {process.returncode}" if dying.done() else f"did not connect within {START_LIMIT_S:g} s"
        raise LoadError(f"the load generator {end} while it started{last_lines(directory)}")
    finally:
        for task in (accepting, dying):
            task.cancel()
        await asyncio.gather(accepting, dying, return_exceptions=True)
