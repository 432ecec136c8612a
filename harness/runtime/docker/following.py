"""A thread for each container, which writes down what it says and tells when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from harness.runtime.supervised import LOST

_BY_SIGNAL = 128
"""What the engine adds to the number of the signal that ended a program."""


def follow(
    api: docker.APIClient, container: str, log: Path, ended: Callable[[int], None], *, since: float | None = None
) -> None:
    """Append what a container says to its log, and call `ended` in this event loop with its return code.

    Args:
        api: a connection of its own, closed at the end.
        container: its id; it was started.
        log: the file.
        ended: gets a code as of a process: negative for a signal.
        since: write down what it says from then on only, in seconds since 1970.
    """
    loop = asyncio.get_running_loop()

    def run() -> None:
        code = LOST
        with contextlib.suppress(DockerException, requests.RequestException, OSError), contextlib.closing(api):
            code = _write_down(api, container, log, since)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended, code)

    threading.Thread(target=run, name=f"follow {container[:12]}", daemon=True).start()


def _write_down(api: docker.APIClient, container: str, log: Path, since: float | None) -> int:
    with log.open("ab") as file:
        for chunk in api.logs(container, stream=True, follow=True, since=since):
            file.write(chunk)
            file.flush()
        code: int = api.wait(container)["StatusCode"]
        facts = api.inspect_container(container)
        if facts["State"]["OOMKilled"]:
            limit = facts["HostConfig"]["Memory"]
            file.write(f"harness: out of memory, ended by the kernel; its limit is {limit} bytes\n".encode())
    return _BY_SIGNAL - code if code in range(_BY_SIGNAL + 1, _BY_SIGNAL + signal.NSIG) else code
