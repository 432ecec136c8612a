"""Locust's own web pages, at a socket that only its owner can reach: who stands before it decides who may ask."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path
from typing import Any

import gevent
from gevent import pywsgi
from locust.env import Environment
from locust.runners import Runner
from locust.stats import stats_history
from locust.web import WebUI

from harness.errors import LoadError

OWNER_ONLY = 0o600
WAITING = 16
"""Connections that nobody has taken yet."""

_LOG = logging.getLogger("harness.load")


def show(environment: Environment, place: str) -> None:
    """Serve them at a unix socket of that path; raises LoadError.

    They tell what Locust itself counted. What they would start or stop is not asked here: there are no users of
    Locust's own, and arrivals are driven by whoever drives this process.
    """
    if environment.runner is None:
        environment.runner = _Counting(environment)
    web = WebUI(environment, "", 0, delayed_start=True)
    try:
        listener = _listener(place)
    except OSError as error:
        message = f"expected to show Locust's pages at {place}, but that can't be done ({error.strerror})"
        raise LoadError(message) from error
    pywsgi.WSGIServer(listener, web.app, log=None, error_log=_LOG).start()
    gevent.spawn(stats_history, environment.runner)


class _Counting(Runner):
    """Counts the requests, as Locust's pages tell them, and runs nothing."""

    def start(self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: Any = None) -> None:  # noqa: FBT001, FBT002 -- Locust's
        """Nobody starts users here."""

    def send_message(self, msg_type: str, data: object = None, client_id: str | None = None) -> None:
        """There is nobody else."""


def _listener(place: str) -> socket.socket:
    """Bound, and closed to others before anybody can connect to it."""
    directory = os.open(Path(place).parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        short = f"/proc/self/fd/{directory}/{Path(place).name}"  # a socket's path may have 107 bytes
        Path(short).unlink(missing_ok=True)
        listener.bind(short)
        os.chmod(short, OWNER_ONLY)  # noqa: PTH101 -- a descriptor's path is no path of ours
        listener.listen(WAITING)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(directory)
    return listener
