"""What a master and its workers say to each other in Locust's own messages."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness import __version__

PROTOCOL = 1
"""Goes up with every change that an older worker or master would not understand."""

DEFAULT_PORT = 5557
"""Locust's own."""

ASK_TIME = "harness-ask-time"
TIME = "harness-time"
HELLO = "harness-hello"
REFUSAL = "harness-refusal"
WELCOME = "harness-welcome"
COMMAND = "harness-command"
REPORT = "harness-report"
HISTORY = "harness-history"
"""The types of the messages; a line of JSON is sent as it is on the wire between driver and generator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first word of a worker."""

    protocol: int
    harness: str
    locust: str
    machine: str
    boot: str
    """Tells whether two processes are on one machine."""
    pid: int
    name: str = ""
    """Given by the fleet that started it; the master names others."""
    shares_disk: bool = False
    """It writes its own history into the run's directory."""
    digest: str = ""
    """Of the locustfile that it has; it asks for the master's when there is none."""
    clock_offset_s: float = 0.0
    clock_doubt_s: float = 0.0


_HELLO = TypeAdapter(Hello)


@cache
def locust_version() -> str:
    """Told without importing it, since that patches the whole process."""
    return version("locust")


def boot_id() -> str:
    """The same for all processes on this machine, until it is started again."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def hello_of_this_process(**named: Any) -> Hello:
    """What is true of any worker in this process, and what is named."""
    return Hello(
        protocol=PROTOCOL,
        harness=__version__,
        locust=locust_version(),
        machine=socket.gethostname() or platform.node(),
        boot=boot_id(),
        pid=os.getpid(),
        **named,
    )


def with_data(listener: Callable[[Any], None]) -> Callable[..., None]:
    """A listener to what a message says, as Locust wants to have it."""

    def heard_from(*, msg: Any, **_environment: object) -> None:
        listener(msg.data)

    return heard_from


def with_sender(listener: Callable[[str, Any], None]) -> Callable[..., None]:
    """The same for one who asks who said it."""

    def heard_from(*, msg: Any, **_environment: object) -> None:
        listener(msg.node_id, msg.data)

    return heard_from


def digest_of(text: bytes) -> str:
    """By which two locustfiles are told to be the same."""
    return hashlib.sha256(text).hexdigest()


def told(hello: Hello) -> dict[str, Any]:
    """A hello as Locust's messages carry it."""
    return asdict(hello)


def heard(said: object) -> Hello | str:
    """The hello that somebody said, or why it can't be one of this fleet."""
    whose = "a worker"
    if isinstance(said, dict):
        whose = f"a worker on {said.get('machine', 'an unknown machine')} (process {said.get('pid', '?')})"
        if (found := said.get("protocol")) != PROTOCOL:
            return f"{whose} speaks protocol {found} of harness {said.get('harness', '?')}, {_OURS}"
    try:
        hello = _HELLO.validate_python(said)
    except ValidationError as error:
        return f"{whose} said what is no hello: {error.error_count()} fields of it are wrong"
    if hello.harness != __version__:
        return f"{whose} is harness {hello.harness}, {_OURS}"
    if hello.locust.split(".")[:2] != locust_version().split(".")[:2]:
        return f"{whose} has Locust {hello.locust}, this master has {locust_version()}; {_MEND}"
    return hello


_MEND = "install the same version on all machines"
_OURS = f"this master is harness {__version__} with protocol {PROTOCOL}; {_MEND}"
