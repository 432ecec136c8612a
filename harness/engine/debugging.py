"""A Python service under debugpy, which waits on loopback until a debugger is there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

from harness.declare.lone_service import LoneService
from harness.errors import HarnessError
from harness.model.quantity import Duration
from harness.model.system import Restart, Run, Service
from harness.runtime.launches import CALL
from harness.runtime.ports import LOOPBACK
from harness.runtime.supervisor_client import base_environment

WAITS_S = 3600.0
"""How long it waits for a debugger, and may stand at breakpoints before it is ready."""
ASKED_WITHIN_S = 20.0
_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")


def debugged(lone: LoneService, port: int) -> tuple[Service, str]:
    """The service as it is started under the debugger, and where that listens.

    Raises:
        HarnessError: when it is no Python service, or its Python has no debugpy.
    """
    run = lone.service.run
    if run is None:
        raise HarnessError(f"nothing says how '{lone.name}' is started, so it can't be debugged")
    interpreter, rest = _python_of(lone.name, run)
    _has_debugpy(lone.name, interpreter)
    address = f"{LOOPBACK}:{port or _free_port()}"
    command = (interpreter, "-u", "-m", "debugpy", "--listen", address, "--wait-for-client", *rest)
    changed = Run(command=command, path=run.path, cwd=run.cwd, files=run.files)
    waiting = {"run": changed, "ready_within": Duration(WAITS_S), "restart": Restart.NEVER}
    return lone.service.model_copy(update=waiting), address


def _python_of(name: str, run: Run) -> tuple[str, tuple[str, ...]]:
    """The interpreter, and what follows it."""
    if run.python is not None:
        return sys.executable, ("-c", CALL, run.python)
    command = run.command or ("",)
    if not _PYTHON.fullmatch(Path(command[0]).name):
        message = f"expected a Python service, but '{name}' is started by {command[0]!r}: --debug is for Python only"
        raise HarnessError(f"{message}; leave it out, and let that language's debugger attach to the process")
    rest = command[1:]
    while rest and rest[0] in {"-u", "-B", "-E", "-s", "-I", "-O"}:  # debugpy's target comes right behind its options
        rest = rest[1:]
    return command[0], rest


def _has_debugpy(name: str, interpreter: str) -> None:
    remedy = f"install it there: {interpreter} -m pip install debugpy"
    try:
        found = subprocess.run(
            [interpreter, "-c", "import debugpy"],
            capture_output=True, timeout=ASKED_WITHIN_S, check=False, env=base_environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{interpreter}, which starts '{name}', can't be asked for debugpy: {error}") from error
    if found.returncode:
        raise HarnessError(f"--debug needs debugpy, and {interpreter}, which starts '{name}', has none; {remedy}")


def _free_port() -> int:
    """Of the system's choosing: it is none of those that the run gives away."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])
