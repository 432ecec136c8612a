"""A server that misbehaves on request, and a spawner whose processes end with the test."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from harness.model.process import Process, ProcessSpec
from tests.fakes import LocalProcess, run_locally

PROBLEM = b'{"type":"about:blank","title":"no","status":503,"detail":"no"}'


def answer(status: int, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


CANNED = {
    "good": answer(200, b'{"a":1}'),
    "degraded": answer(200, b'{"a":1}', "X-Degraded: stock"),
    "unavailable": answer(503, PROBLEM, "Retry-After: 1", kind="application/problem+json"),
    "broken": answer(500, b"oops", kind="text/plain"),
    "short": answer(200, b'{"a":1}')[:-2],
}


class OwnSpawner:
    """Starts children of the test, and ends them with it."""

    def __init__(self) -> None:
        self.started: list[LocalProcess] = []

    async def spawn(self, spec: ProcessSpec) -> Process:
        self.started.append(await run_locally(spec))
        return self.started[-1]


@pytest.fixture
async def spawner() -> AsyncIterator[OwnSpawner]:
    spawner = OwnSpawner()
    yield spawner
    for process in spawner.started:
        await process.stop(0.1)


class Site:
    """An HTTP server in the test's own loop; the path says how it answers, `requests` counts what arrived."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.heads: list[dict[str, str]] = []
        """The headers of what arrived, their names in lower case."""
        self.paths: list[str] = []
        """What was asked for, in order."""
        self.arrived: list[float] = []
        """When each request arrived."""
        self.answered: list[float] = []
        """When each request was answered, in the order of their arrival."""
        self.loses_first_orders = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*self._server.sockets[0].getsockname())

    async def until(self, requests: int, limit_s: float = 15) -> None:
        """Wait until so many requests have arrived."""
        async with asyncio.timeout(limit_s):
            while self.requests.total() < requests:
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests[f"{method} {path}"] += 1
        self.heads.append(headers)
        self.paths.append(path)
        self._news.set()
        if key := headers.get("idempotency-key"):
            self.keys[key] += 1
        index = len(self.answered)
        self.arrived.append(asyncio.get_running_loop().time())
        self.answered.append(math.inf)
        await self.gate.wait()
        stays = await self._answer(method, path, headers.get("idempotency-key", ""), writer)
        self.answered[index] = asyncio.get_running_loop().time()
        return stays

    async def _answer(self, method: str, path: str, key: str, writer: asyncio.StreamWriter) -> bool:
        place = path.split("/")[1]
        match method, place:
            case "POST", "orders" if self.loses_first_orders and self.keys[key] == 1:
                _reset(writer)  # taken, but the answer is lost
            case _, "cut":
                _reset(writer)
            case _, "hang":
                await asyncio.Event().wait()
            case _, "trickle":
                await _trickle(writer)
            case "POST", "sessions":
                writer.write(answer(201, b'{"access_token":"t"}'))
            case "POST", "orders":
                writer.write(answer(202, json.dumps({"order_id": key, "status": "pending"}).encode()))
            case "GET", "orders" if path == "/orders":
                writer.write(answer(200, b'{"items":[]}'))
            case "GET", "orders":
                order = {"order_id": path.split("/")[2], "status": "confirmed", "total_cents": 5}
                writer.write(answer(200, json.dumps(order).encode()))
            case _:
                writer.write(CANNED.get(place, CANNED["good"]))
        return place != "short" and not writer.is_closing()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9999\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.open()
    yield site
    await site.close()
