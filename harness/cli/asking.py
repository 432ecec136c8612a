"""Asking the process that keeps a system up: one request, and its answers as they come."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from harness.cli.control_words import LINE_BYTES, Answer, PingRequest, Request, socket_path
from harness.errors import HarnessError

CONNECTS_WITHIN_S = 3.0
PING_WITHIN_S = 5.0
HEALED_WITHIN_S = 180.0
"""Longer than all rungs of the ladder together: they have their own limits."""


class NobodyListensError(HarnessError):
    """The process that keeps the system up is gone, or does not listen."""


class HangsError(HarnessError):
    """It is there, and says nothing in time."""


def converse(directory: Path, request: Request, *, within_s: float) -> Iterator[Answer]:
    """Ask, and give each answer as it comes, without the end.

    Args:
        directory: the run's.
        request: what is wanted.
        within_s: how long each answer may take.

    Raises:
        NobodyListensError: when nobody takes the connection, or it ends before the end.
        HangsError: when an answer does not come in time.
        HarnessError: with what is wrong with the request.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECTS_WITHIN_S)
        try:
            with socket_path(directory) as path:
                connection.connect(path)
            with suppress(BrokenPipeError, ConnectionResetError):  # who is turned away is answered before that is read
                connection.sendall(request.line())
            connection.settimeout(within_s)
            with connection.makefile("rb") as answers:
                while line := answers.readline(LINE_BYTES):
                    answer = _read(line)
                    if answer.kind == "end":
                        return
                    yield answer
        except TimeoutError as error:
            raise HangsError(f"{directory}: the process that keeps it up did not answer in time") from error
        except OSError as error:
            message = f"{directory}: nobody listens there any more ({error.strerror or error})"
            raise NobodyListensError(message) from error
    raise NobodyListensError(f"{directory}: the process that kept it up ended before it answered")


def answers(directory: Path) -> bool:
    """Whether somebody listens there who does not hang; raises HangsError for one who does."""
    try:
        for _ in converse(directory, PingRequest(), within_s=PING_WITHIN_S):
            pass
    except NobodyListensError:
        return False
    return True


def _read(line: bytes) -> Answer:
    try:
        answer = Answer.model_validate_json(line)
    except ValidationError as error:
        raise HarnessError(f"expected an answer, found {line[:80]!r}: another version keeps the system up?") from error
    if answer.kind == "error":
        raise HarnessError(answer.evidence)
    return answer
