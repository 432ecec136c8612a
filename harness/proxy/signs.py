"""Signs of life of a Toxiproxy server, asked for over a socket each: no question waits for another's thread."""

from __future__ import annotations

import asyncio
import json

ASKED_AT_MOST = 3
"""Times; a connection may end within an answer for reasons of its own."""
ANSWER_LIMIT_BYTES = 16 << 20
CHUNK_BYTES = 1 << 16


async def answers(host: str, port: int) -> bool:
    """Whether it tells of its proxies, which hangs as long as they do; False at once where nobody listens."""
    for _ in range(ASKED_AT_MOST):
        try:
            told = await _ask(host, port)
        except ConnectionRefusedError:
            return False
        except OSError:
            continue
        if _is_whole(told):
            return True
    return False


async def _ask(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    told = bytearray()
    try:
        # HTTP/1.0: the answer comes in one piece, and ends with the connection.
        writer.write(f"GET /proxies HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        while len(told) < ANSWER_LIMIT_BYTES and (chunk := await reader.read(CHUNK_BYTES)):
            told += chunk
    finally:
        writer.transport.abort()
    return bytes(told)


def _is_whole(told: bytes) -> bool:
    head, _, body = told.partition(b"\r\n\r\n")
    if head.split(maxsplit=2)[1:2] != [b"200"]:
        return False
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
