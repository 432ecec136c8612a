"""Asking the keeper: one message each way on a Unix socket, descriptors along with the answer.

Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Any

MESSAGE_BYTES = 1 << 16
DESCRIPTORS = 200
"""The most that one answer carries; the kernel allows 253."""
ANSWER_WITHIN_S = 10.0


class KeeperError(Exception):
    """The keeper is gone, or refuses; the message says why."""


def listen_at(directory: str, name: str) -> socket.socket:
    """Listen in a directory whose path may be longer than the 108 bytes that an address may have; the owner's only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    held = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=held)
        before = os.umask(0o177)
        try:
            listener.bind(f"/proc/self/fd/{held}/{name}")
        finally:
            os.umask(before)
    finally:
        os.close(held)
    return listener


def connect_to(directory: str, name: str) -> socket.socket:
    """Connect to who listens there; raises OSError."""
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        held = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        try:
            asking.settimeout(ANSWER_WITHIN_S)
            asking.connect(f"/proc/self/fd/{held}/{name}")
        finally:
            os.close(held)
    except BaseException:
        asking.close()
        raise
    return asking


def ask(asking: socket.socket, question: dict[str, str]) -> tuple[dict[str, Any], list[int]]:
    """Put a question; gives the answer and the descriptors that came with it.

    Raises:
        KeeperError: if there is no answer, or it is an error.
    """
    try:
        asking.sendall(json.dumps(question).encode())
        text, descriptors, _flags, _address = socket.recv_fds(asking, MESSAGE_BYTES, DESCRIPTORS)
    except OSError as error:  # TimeoutError is one
        raise KeeperError(f"the keeper of the namespaces does not answer: {error}") from error
    if not text:
        raise KeeperError("the keeper of the namespaces is gone; see its log")
    answer = json.loads(text)
    if "error" in answer:
        raise KeeperError(answer["error"])
    return answer, descriptors


def answer(asked: socket.socket, told: dict[str, object], descriptors: list[int]) -> None:
    """Answer a question; raises OSError."""
    socket.send_fds(asked, [json.dumps(told).encode()], descriptors)
