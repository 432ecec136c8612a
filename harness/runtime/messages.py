"""What the harness and its supervisor tell each other: one JSON object a line over a socket pair.

Standard library only, since the supervisor uses it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypedDict

READ_BYTES = 65_536


class SpawnRequest(TypedDict):
    """Start a program; `zygote` names it when it is one, and then the reply comes once it is ready."""

    do: Literal["spawn"]
    id: int
    command: list[str]
    env: dict[str, str]
    cwd: str | None
    log: str
    user: str | None
    zygote: str | None


class ForkRequest(TypedDict):
    """Call a Python function in a process forked from a zygote."""

    do: Literal["fork"]
    id: int
    zygote: str
    name: str
    function: str
    path: list[str]
    env: dict[str, str]
    cwd: str
    log: str


class SignalRequest(TypedDict):
    """Signal a process that was started, with its group; some signals reach all that descend from it."""

    do: Literal["signal"]
    id: int
    pid: int
    number: int


class RemoveRequest(TypedDict):
    """Remove these directories at the end, however it comes; replaces what was asked before."""

    do: Literal["remove"]
    id: int
    paths: list[str]


Request = SpawnRequest | ForkRequest | SignalRequest | RemoveRequest


class Reply(TypedDict, total=False):
    """The answer to the request of that id: a `pid`, an `error`, or neither."""

    id: int
    pid: int
    error: str


class Exit(TypedDict):
    """A process that was started ended; `code` is negative for a signal."""

    exit: int
    code: int


class Ready(TypedDict, total=False):
    """A zygote has imported its libraries, or could not."""

    ready: bool
    error: str


def line(message: Mapping[str, object]) -> bytes:
    """The message as it is sent."""
    return json.dumps(message).encode() + b"\n"


class Lines:
    """The messages that come out of a socket, whole ones only."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def read(self) -> Iterator[Any]:
        """Receive once, and give the messages that are complete.

        Raises:
            EOFError: if the other side is gone.
        """
        try:
            received = self.sock.recv(READ_BYTES)
        except ConnectionError as error:
            raise EOFError from error
        if not received:
            raise EOFError
        *whole, self._rest = (self._rest + received).split(b"\n")
        return map(json.loads, whole)

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message.

        Raises:
            EOFError: if the other side is gone.
        """
        try:
            self.sock.sendall(line(message))
        except ConnectionError as error:
            raise EOFError from error
