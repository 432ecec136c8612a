"""Asking a service whether it can serve: over HTTP/1.1, or by nothing but a connection."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from harness.model.marks import mark_lines
from harness.runtime.ports import LOOPBACK
from harness.runtime.probing import in_words, probing

ANSWER_BYTES = 2_048
_OK = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answered; `status` is 0 when it did not."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        """Whether it said that it can serve."""
        return self.status in _OK

    def __str__(self) -> str:
        return f"{self.status} {self.text}".strip() if self.status else self.text


async def ask(
    port: int,
    path: str,
    *,
    most_bytes: int = ANSWER_BYTES,
    trust: ssl.SSLContext | None = None,
    host: str = LOOPBACK,
) -> Answer:
    """GET a path, and read so much of the body; never raises for what the service does wrong.

    With `trust` it is asked over TLS, and its certificate must hold against that.
    """
    try:
        async with probing(port, trust, host=host) as (reader, writer):
            head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\nConnection: close\r\n"
            writer.write(f"{head}{mark_lines()}\r\n".encode())
            status_line = (await reader.readline()).decode(errors="replace")
            fields = status_line.split(maxsplit=2)
            if len(fields) < 2 or not fields[0].startswith("HTTP/") or not fields[1].isdigit():  # noqa: PLR2004 -- version and status
                return Answer(status=0, text=f"not an HTTP answer: {status_line[:80]!r}")
            while (await reader.readline()).strip():
                pass
            body = b""
            while len(body) < most_bytes and (more := await reader.read(most_bytes - len(body))):
                body += more
            return Answer(status=int(fields[1]), text=body.decode(errors="replace").strip())
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        return Answer(status=0, text=in_words(error))


async def why_closed(port: int, *, trust: ssl.SSLContext | None = None, host: str = LOOPBACK) -> str | None:
    """Why a port takes no connection (with `trust`, none of TLS), in words; None when it does."""
    try:
        async with probing(port, trust, host=host):
            return None
    except OSError as error:
        return f"connection: {in_words(error)}"
