"""A process that has imported the libraries of Python services and forks the services on demand.

`python -m harness.runtime.zygote PRELOAD PATH TITLE_ROOM` (both lists as JSON), with the supervisor's end of a
socket pair at file descriptor 3. Standard library only, one thread, no event loop: what is forked must be sound.
A forked service becomes the supervisor's child, so that it lives and dies like any other.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import cast

from harness.runtime.messages import ForkRequest, Lines
from harness.runtime.offspring import ZYGOTE_FD, detach, die_with_parent, set_name

_ARG_START, _ARG_END = 45, 46
"""Positions in /proc/self/stat, counted after the name."""


def preload(modules: list[str], path: list[str]) -> str | None:
    """Import the libraries; gives what is wrong when that fails or leaves threads behind."""
    sys.path[:0] = path
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 -- a foreign module may raise anything
            traceback.print_exc()
            return f"importing {module} failed: {type(error).__name__}: {error}"
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 -- a number is all that is wanted
        if threads > 1:
            return (
                f"importing {module} started {threads - 1} threads, which a fork would lose; take it out of 'preload'"
            )
    sys.path[: len(path)] = []
    gc.collect()
    gc.freeze()
    return None


def serve(lines: Lines) -> Callable[[], object] | None:
    """Fork as asked. Returns in each forked child, with what it has to run, and None in the zygote at the end."""
    supervisor = os.getppid()
    while True:
        try:
            for request in lines.read():
                job = _fork(cast("ForkRequest", request), lines, supervisor)
                if job is not None:
                    return job
        except EOFError:
            return None


def _fork(request: ForkRequest, lines: Lines, supervisor: int) -> Callable[[], object] | None:
    """Fork twice, so that the child is orphaned and becomes the supervisor's."""
    told, telling = os.pipe()
    between = os.fork()
    if between:
        os.close(telling)
        with open(told, encoding="ascii") as pipe:  # noqa: PTH123 -- a descriptor has no path
            child = pipe.read()
        # Only now is the child the supervisor's for certain.
        os.waitpid(between, 0)
        lines.send({"id": request["id"], "pid": int(child)} if child else {"id": request["id"], "error": "no fork"})
        return None
    between = os.getpid()
    try:
        child_pid = os.fork()
        if child_pid:
            os.write(telling, str(child_pid).encode())
    except OSError:
        os._exit(1)
    if child_pid:
        os._exit(0)
    os.close(told)
    os.close(telling)
    lines.sock.close()
    while os.getppid() == between:
        os.sched_yield()
    die_with_parent(supervisor)
    return lambda: _run(request)


def _run(request: ForkRequest) -> object:
    """Be the service."""
    detach(request["log"])
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python's own start does: a peer that is gone is an exception
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.path[:0] = request["path"]
    set_name(request["name"])
    _set_title(f"{request['name']} {request['function']}")
    module, _, function = request["function"].partition(":")
    sys.argv = [request["function"]]
    return getattr(importlib.import_module(module), function)()


def _set_title(title: str) -> None:
    """Write over our own arguments, where `ps` reads them."""
    with open("/proc/self/stat", encoding="utf-8") as file:  # noqa: PTH123 -- pathlib is the service's to import
        stat = file.read().rpartition(")")[2].split()
    start, end = int(stat[_ARG_START]), int(stat[_ARG_END])
    if end > start:
        room = end - start - 1
        ctypes.memmove(start, title.encode()[:room].ljust(room + 1, b"\0"), room + 1)


def main() -> None:
    """Import, say so, and fork on demand; a forked child ends as a Python program of its own would."""
    lines = Lines(socket.socket(fileno=ZYGOTE_FD))
    lines.sock.set_inheritable(False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are text files here
    problem = preload(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
    set_name("zygote")
    lines.send({"error": problem} if problem else {"ready": True})
    if problem:
        return
    job = serve(lines)
    if job is not None:
        job()


if __name__ == "__main__":
    main()
