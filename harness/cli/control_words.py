"""What `harness inject` and `harness heal` say to the process that keeps a system up, and what it answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

SOCKET = "control.sock"
"""In the run's directory; only its owner may speak to it."""
LINE_BYTES = 65_536
"""A message is one line of JSON, and no longer."""

Text = Annotated[str, Field(max_length=200)]


class Said(BaseModel):
    """What every message is: frozen, strict, without other keys than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def line(self) -> bytes:
        """The message as it is sent."""
        return self.model_dump_json().encode() + b"\n"


class InjectRequest(Said):
    """Put a fault on: it is answered when it is armed, and again when it is healed."""

    do: Literal["inject"] = "inject"
    target: Text
    fault: Text
    attributes: Annotated[dict[Text, Text], Field(max_length=20)] = {}
    lasts_s: float


class HealRequest(Said):
    """Take one back, or all: each is answered, and then the end."""

    do: Literal["heal"] = "heal"
    injection: Text | None = None


class PingRequest(Said):
    """Answered at once by the end, by one that does not hang."""

    do: Literal["ping"] = "ping"


Request = Annotated[InjectRequest | HealRequest | PingRequest, Field(discriminator="do")]
REQUESTS: TypeAdapter[Request] = TypeAdapter(Request)


class Answer(Said):
    """One thing that came of a request; `end` comes last, and `error` instead of it."""

    kind: Literal["armed", "healed", "error", "end"]
    injection: str = ""
    what: str = ""
    """`orders → payments under latency 2 s`"""
    good: bool = True
    """Of `armed`, that it bites; of `healed`, that it is off and the line answers again."""
    evidence: str = ""
    """Of `error`, what is wrong."""
    took_s: float = 0.0
    by: str = ""
    """Which rung of the ladder healed it."""


@contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """A short path of the socket in a directory, whose own may be longer than a socket's may be."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
